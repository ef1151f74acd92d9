//! Slice data, clause 7.3.4: macroblock after macroblock.

use super::entropy::Entropy;
use super::state::Slice;
use crate::Error;
use crate::macroblock::Kind;
use crate::sample::Sample;
use crate::slice_header::SliceKind;

/// How a slice ended.
pub(crate) struct Decoded {
    /// Macroblocks that it holds.
    pub mbs: u32,
    /// A reference that it uses is not there or is damaged.
    pub lost: Option<String>,
}

impl<'a, S: Sample> Slice<'a, S> {
    /// Decodes to the end of the slice.
    ///
    /// # Errors
    /// What is wrong, and in which macroblock.
    pub fn decode(mut self) -> Result<Decoded, Error> {
        let step = 1 + usize::from(self.mbaff);
        let mut address = self.p.header.first_mb as usize * step;
        let mut mbs = 0;
        loop {
            let at = self.place(address)?;
            let more = self
                .macroblock(at)
                .map_err(|error| self.located(at, error))?;
            mbs += 1;
            if !more {
                self.entropy
                    .check_end()
                    .map_err(|error| self.located(at, error))?;
                break;
            }
            address = self.next(address)?;
        }
        if self.skip_run.is_some_and(|run| run > 0) {
            return Err(Error::damaged("mb_skip_run beyond the slice"));
        }
        Ok(Decoded {
            mbs,
            lost: self.lost,
        })
    }

    fn located(&self, (x, row): (usize, usize), error: Error) -> Error {
        match error {
            Error::Damaged(what) => Error::Damaged(format!(
                "{what} in macroblock {x}, {row} of slice {}",
                self.p.number
            )),
            other => other,
        }
    }

    /// Column and row (see [`Motion`]) of a macroblock address, clause 6.4.1.
    fn place(&self, address: usize) -> Result<(usize, usize), Error> {
        let width = self.target.format.width_mbs;
        let (x, row) = match (self.mbaff, self.field) {
            (true, _) => (address / 2 % width, address / 2 / width * 2 + address % 2),
            (_, Some(parity)) => (address % width, address / width * 2 + parity),
            _ => (address % width, address / width),
        };
        let taken = match self.target.mbs.get(row * width + x) {
            None => return Err(Error::damaged("macroblock beyond the picture")),
            Some(mb) => mb.slice,
        };
        if taken != 0 {
            return Err(Error::damaged(format!(
                "macroblock {x}, {row} is in two slices"
            )));
        }
        Ok((x, row))
    }

    /// The next address in the slice group (8-17).
    fn next(&self, address: usize) -> Result<usize, Error> {
        let Some(groups) = self.p.groups else {
            return Ok(address + 1);
        };
        // Pairs are in groups as a whole.
        if self.mbaff && address.is_multiple_of(2) {
            return Ok(address + 1);
        }
        let step = 1 + usize::from(self.mbaff);
        let unit = address / step;
        let group = groups.get(unit);
        let next = (unit + 1..groups.len()).find(|&other| groups.get(other) == group);
        next.map(|unit| unit * step)
            .ok_or_else(|| Error::damaged("slice goes on beyond its slice group"))
    }

    /// Decodes a macroblock; whether another one follows.
    fn macroblock(&mut self, (x, row): (usize, usize)) -> Result<bool, Error> {
        let top = row.is_multiple_of(2);
        if self.mbaff && top {
            self.field_pair = self.inferred_field(x, row);
        }
        if self.kind != SliceKind::I && self.skipped(x, row)? {
            self.start(x, row);
            self.skip();
            self.store();
            return self.more(x, row);
        }
        self.read_field_flag(x, row);
        self.start(x, row);
        self.layer()?;
        self.store();
        self.more(x, row)
    }

    /// Whether a macroblock follows.
    fn more(&mut self, _x: usize, row: usize) -> Result<bool, Error> {
        let top_of_pair = self.mbaff && row.is_multiple_of(2);
        match &mut self.entropy {
            Entropy::Cabac(cabac) => {
                if cabac.overrun() {
                    return Err(Error::damaged("slice data ends early"));
                }
                if top_of_pair {
                    return Ok(true);
                }
                Ok(!cabac.terminate())
            }
            Entropy::Cavlc(bits) => {
                if bits.overrun() {
                    return Err(Error::damaged("slice data ends early"));
                }
                let run_left = self.skip_run.is_some_and(|run| run > 0);
                Ok(run_left || bits.more_rbsp_data())
            }
        }
    }

    /// `mb_skip_flag` or what `mb_skip_run` says of the macroblock.
    fn skipped(&mut self, x: usize, row: usize) -> Result<bool, Error> {
        let top_of_pair = self.mbaff && row.is_multiple_of(2);
        if matches!(self.entropy, Entropy::Cabac(_)) {
            if let Some(skipped) = self.next_skipped.take() {
                return Ok(skipped);
            }
            let skipped = self.cabac_skip_flag(x, row);
            if skipped && top_of_pair {
                // The pair's field flag stands behind the bottom macroblock's skip flag.
                let bottom = self.cabac_skip_flag(x, row + 1);
                self.next_skipped = Some(bottom);
                if !bottom {
                    self.field_pair = self.cabac_field_flag(x, row);
                }
            }
            return Ok(skipped);
        }
        let Entropy::Cavlc(bits) = &mut self.entropy else {
            return Ok(false);
        };
        let run = match self.skip_run {
            Some(run) => run,
            None => {
                let limit = self.target.format.mbs() as u32;
                bits.ue_to(limit, "mb_skip_run")?
            }
        };
        if run == 0 {
            self.skip_run = None;
            return Ok(false);
        }
        self.skip_run = Some(run - 1);
        if run == 1 && top_of_pair && bits.more_rbsp_data() {
            // As above: it is the next bit.
            self.field_pair = bits.flag();
        }
        Ok(true)
    }

    /// Reads `mb_field_decoding_flag` where it stands before this macroblock: where the top one of
    /// the pair is skipped, it has been read already.
    fn read_field_flag(&mut self, x: usize, row: usize) {
        if self.mbaff && row.is_multiple_of(2) {
            self.field_pair = match &mut self.entropy {
                Entropy::Cavlc(bits) => bits.flag(),
                Entropy::Cabac(_) => self.cabac_field_flag(x, row),
            };
        }
    }

    /// Keeps what later macroblocks and the filter need of the current one.
    fn store(&mut self) {
        let index = self.mb.index;
        let interlaced = self.mb.interlaced;
        if let Some(flags) = self.target.motion.flags.get_mut(index) {
            *flags = u8::from(interlaced);
        }
        if let Some(mb) = self.target.mbs.get_mut(index) {
            std::mem::swap(mb, &mut self.mb.mb);
            mb.slice = self.p.number;
            if interlaced {
                mb.kind.0 |= Kind::FIELD;
            }
        }
    }
}
