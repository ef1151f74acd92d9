//! The two entropy codings.

use crate::Error;
use crate::bits::BitReader;
use crate::cabac::Cabac;

/// How the slice data is coded.
pub(crate) enum Entropy<'a> {
    /// `entropy_coding_mode_flag` 0.
    Cavlc(BitReader<'a>),
    /// `entropy_coding_mode_flag` 1.
    Cabac(Box<Cabac<'a>>),
}

impl<'a> Entropy<'a> {
    /// Slice data from bit `start` of an RBSP on. `cabac` has `cabac_init_idc` (`None` in I slices) and
    /// SliceQPY.
    ///
    /// # Errors
    /// `cabac_alignment_one_bit`s that are none.
    pub fn open(
        rbsp: &'a [u8],
        start: usize,
        cabac: Option<(Option<u8>, i32)>,
    ) -> Result<Self, Error> {
        let mut bits = BitReader::new(rbsp);
        bits.skip(start as u32);
        let Some((idc, qp)) = cabac else {
            return Ok(Self::Cavlc(bits));
        };
        while !bits.position().is_multiple_of(8) {
            if !bits.flag() {
                return Err(Error::damaged("cabac_alignment_one_bit is 0"));
            }
        }
        Ok(Self::Cabac(Box::new(Cabac::new(
            rbsp,
            bits.position() / 8,
            idc,
            qp,
        ))))
    }

    /// Checks that the slice data ends where the RBSP does: an arithmetic decoder that lost its way
    /// ends anywhere.
    ///
    /// # Errors
    /// It ends before or behind.
    pub fn check_end(&self) -> Result<(), Error> {
        let (position, bytes) = match self {
            // more_rbsp_data() has been asked.
            Self::Cavlc(bits) => return check_overrun(bits.overrun()),
            Self::Cabac(cabac) => (cabac.position(), cabac.bytes()),
        };
        let Some(last) = bytes.iter().rposition(|&byte| byte != 0) else {
            return check_overrun(true);
        };
        let trailing = bytes.get(last).map_or(0, |byte| byte.trailing_zeros());
        // The stop bit is the last that the arithmetic decoder takes in (clause 9.3.1.2).
        let end = last * 8 + 8 - trailing as usize;
        // x264 sets one more bit within the last byte at times.
        if (position..position + 8).contains(&end) {
            return Ok(());
        }
        let (distance, side) = match position < end {
            true => (end - position, "before"),
            false => (position - end, "after"),
        };
        Err(Error::damaged(format!(
            "slice ends {distance} bits {side} the end of its data"
        )))
    }
}

fn check_overrun(overrun: bool) -> Result<(), Error> {
    match overrun {
        true => Err(Error::damaged("slice data ends early")),
        false => Ok(()),
    }
}
