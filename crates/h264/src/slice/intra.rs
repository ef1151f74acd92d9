//! Syntax of intra macroblocks, and which prediction modes are possible (clause 8.3).

use super::current::{BLOCKS, ROW, own};
use super::entropy::Entropy;
use super::state::Slice;
use crate::Error;
use crate::bits::BitReader;
use crate::kernels::Neighbours;
use crate::macroblock::Kind;
use crate::picture::Chroma;
use crate::sample::Sample;

impl<'a, S: Sample> Slice<'a, S> {
    /// Reads the prediction modes of all blocks (clauses 7.3.5.1, 8.3.1.1, 8.3.2.1).
    pub(super) fn read_modes(&mut self) -> Result<(), Error> {
        self.load_modes();
        let large = self.mb.mb.kind.is(Kind::TRANSFORM_8X8);
        let (step, size) = if large { (4, 2) } else { (1, 1) };
        for block in (0..16).step_by(step) {
            let (x, y) = BLOCKS[block];
            let place = own(x, y);
            let left = self.mb.modes.get(place - 1);
            let top = self.mb.modes.get(place - ROW);
            let predicted = if left < 0 || top < 0 {
                2
            } else {
                left.min(top) as u8
            };
            let coded = match &mut self.entropy {
                Entropy::Cabac(cabac) => cabac.intra_mode(),
                Entropy::Cavlc(bits) => (!bits.flag()).then(|| bits.bits(3) as u8),
            };
            let mode = match coded {
                None => predicted,
                Some(mode) => mode + u8::from(mode >= predicted),
            };
            self.check_mode(mode, x, y, size)?;
            self.mb.modes.fill(x, y, size, size, mode as i8);
        }
        for y in 0..4 {
            for x in 0..4 {
                self.mb.mb.intra_modes[y * 4 + x] = self.mb.modes.get(own(x, y)) as u8;
            }
        }
        Ok(())
    }

    /// Samples around the block of `size` 4×4 blocks at (x, y).
    pub(super) fn around(&self, x: usize, y: usize, size: usize) -> Neighbours {
        let mb = &self.mb;
        let left = x > 0 || mb.left_samples[y / 2];
        let top = y > 0 || mb.top_samples;
        let top_left = match (x, y) {
            (0, 0) => mb.top_left_samples,
            (0, _) => mb.left_samples[(y - 1) / 2],
            (_, 0) => mb.top_samples,
            _ => true,
        };
        let top_right = match (x + size, y) {
            (4, 0) => mb.top_right_samples,
            (_, 0) => mb.top_samples,
            (4, _) => false,
            // Blocks of the macroblock that come later.
            _ if size == 1 => !(x == 1 && y % 2 == 1),
            _ => true,
        };
        Neighbours {
            left,
            top,
            top_right,
            top_left,
        }
    }

    fn check_mode(&self, mode: u8, x: usize, y: usize, size: usize) -> Result<(), Error> {
        let around = self.around(x, y, size);
        let possible = match mode {
            0 | 3 | 7 => around.top,
            1 | 8 => around.left,
            4..=6 => around.left && around.top && around.top_left,
            _ => true,
        };
        check(possible, mode)
    }

    /// Checks the mode of an Intra_16x16 macroblock.
    pub(super) fn check_16x16(&self, mode: u8) -> Result<(), Error> {
        let mb = &self.mb;
        let left = mb.left_samples[0] && mb.left_samples[1];
        let possible = match mode {
            0 => mb.top_samples,
            1 => left,
            3 => left && mb.top_samples && mb.top_left_samples,
            _ => true,
        };
        check(possible, mode)
    }

    /// Reads `intra_chroma_pred_mode`.
    pub(super) fn read_chroma_mode(&mut self) -> Result<(), Error> {
        if !matches!(self.chroma, Chroma::Cs420 | Chroma::Cs422) {
            return Ok(());
        }
        let coded =
            |at: Option<usize>| usize::from(self.at(at).is_some_and(|mb| mb.chroma_mode != 0));
        let increment = coded(self.mb.left[0]) + coded(self.mb.top);
        let mode = match &mut self.entropy {
            Entropy::Cavlc(bits) => bits.ue_to(3, "intra_chroma_pred_mode")? as u8,
            Entropy::Cabac(cabac) => cabac.chroma_mode(increment),
        };
        let mb = &self.mb;
        let left = mb.left_samples[0] && mb.left_samples[1];
        let possible = match mode {
            1 => left,
            2 => mb.top_samples,
            3 => left && mb.top_samples && mb.top_left_samples,
            _ => true,
        };
        check(possible, mode)?;
        self.mb.mb.chroma_mode = mode;
        Ok(())
    }

    /// Reads I_PCM samples (clauses 7.3.5, 9.3.1.2).
    pub(super) fn read_pcm(&mut self) -> Result<(), Error> {
        let mut bits = match &mut self.entropy {
            Entropy::Cavlc(bits) => bits.clone(),
            Entropy::Cabac(cabac) => {
                let mut bits = BitReader::new(cabac.bytes());
                bits.skip(cabac.position() as u32);
                bits
            }
        };
        bits.align();
        let depth = u32::from(self.target.format.bit_depth);
        let (chroma_width, chroma_height) = self.chroma.block();
        for plane in 0..3 {
            let (width, height) = match plane {
                0 => (16, 16),
                _ => (chroma_width, chroma_height),
            };
            let (at, stride) = self.position(plane);
            for y in 0..height {
                let line = at + y * stride;
                if let Some(samples) = self.target.planes[plane].get_mut(line..line + width) {
                    samples.fill_with(|| S::from_int(bits.bits(depth) as i32));
                }
            }
        }
        if bits.overrun() {
            return Err(Error::damaged("slice data ends within I_PCM samples"));
        }
        match &mut self.entropy {
            Entropy::Cavlc(old) => *old = bits,
            Entropy::Cabac(cabac) => cabac.restart(bits.position() / 8),
        }
        Ok(())
    }
}

fn check(possible: bool, mode: u8) -> Result<(), Error> {
    match possible {
        true => Ok(()),
        false => Err(Error::damaged(format!(
            "intra prediction mode {mode} needs samples that are not available"
        ))),
    }
}
