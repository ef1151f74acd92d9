//! Context-adaptive binary arithmetic decoding, clause 9.3: the engine. The syntax elements are in
//! [`syntax`], transform coefficients in [`residual`].

mod contexts_0;
mod contexts_1;
mod contexts_2;
mod contexts_i;
pub(crate) mod residual;
pub(crate) mod syntax;
mod tables;

use tables::{LPS, NEXT, first_states};

/// The arithmetic decoder of a slice and its contexts.
///
/// `offset` holds codIOffset with `bits` more bits behind it, which were fetched ahead: a bin compares
/// with the range shifted as far, and no bit is fetched alone.
pub(crate) struct Cabac<'a> {
    bytes: &'a [u8],
    /// Next byte to fetch; past the end zeros are fetched.
    next: usize,
    offset: u64,
    range: u32,
    bits: u32,
    states: [u8; 1024],
}

/// At least as many bits wait behind the offset when a bin is decoded: renormalisation takes 7 at most.
const AHEAD: u32 = 16;

impl<'a> Cabac<'a> {
    /// Begins at byte `start` of an RBSP; `idc` is `None` in I slices, `qp` is SliceQPY.
    pub fn new(bytes: &'a [u8], start: usize, idc: Option<u8>, qp: i32) -> Self {
        let mut cabac = Self {
            bytes,
            next: 0,
            offset: 0,
            range: 0,
            bits: 0,
            states: first_states(idc, qp.clamp(0, 51)),
        };
        cabac.restart(start);
        cabac
    }

    /// Initialises the engine at a byte (clause 9.3.1.2); contexts stay.
    pub fn restart(&mut self, start: usize) {
        self.next = start;
        self.range = 510;
        self.offset = 0;
        self.bits = 0;
        self.fetch();
        self.bits -= 9;
        self.fetch_if_low();
    }

    /// Bits of the RBSP that the engine has taken in.
    pub fn position(&self) -> usize {
        self.next * 8 - self.bits as usize
    }

    /// More was decoded than there is.
    pub fn overrun(&self) -> bool {
        self.position() > self.bytes.len() * 8
    }

    /// The bytes that are read from.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline(always)]
    fn fetch_if_low(&mut self) {
        if self.bits < AHEAD {
            self.fetch();
        }
    }

    #[inline(always)]
    fn fetch(&mut self) {
        let word = match self
            .bytes
            .get(self.next..)
            .and_then(|rest| rest.first_chunk::<4>())
        {
            Some(chunk) => u32::from_be_bytes(*chunk),
            None => self.last_word(),
        };
        self.next += 4;
        self.offset = (self.offset << 32) | u64::from(word);
        self.bits += 32;
    }

    #[cold]
    #[inline(never)]
    fn last_word(&self) -> u32 {
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        let byte = |i: usize| rest.get(i).copied().unwrap_or(0);
        u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)])
    }

    /// A bin with a context (clause 9.3.3.2.1).
    #[inline(always)]
    pub fn bin(&mut self, context: usize) -> u32 {
        let slot = &mut self.states[context & 1023];
        let state = usize::from(*slot) & 127;
        let lps = (LPS[state] >> ((self.range >> 3) & 24)) & 0xff;
        let mps = self.range - lps;
        let scaled = u64::from(mps) << self.bits;
        let less_probable = self.offset >= scaled;
        let taken = u64::from(less_probable).wrapping_neg();
        self.offset -= scaled & taken;
        let range = if less_probable { lps } else { mps };
        *slot = NEXT[state << 1 | usize::from(less_probable)];
        let shift = range.leading_zeros().wrapping_sub(23);
        self.range = range << shift;
        self.bits -= shift;
        self.fetch_if_low();
        (state as u32 & 1) ^ u32::from(less_probable)
    }

    /// A bin as a flag.
    #[inline(always)]
    pub fn flag(&mut self, context: usize) -> bool {
        self.bin(context) == 1
    }

    /// A bin without a context (clause 9.3.3.2.3).
    #[inline(always)]
    pub fn bypass(&mut self) -> u32 {
        self.bits -= 1;
        let scaled = u64::from(self.range) << self.bits;
        let one = self.offset >= scaled;
        self.offset -= scaled & u64::from(one).wrapping_neg();
        self.fetch_if_low();
        u32::from(one)
    }

    /// The bin that ends a slice or begins I_PCM samples (clause 9.3.3.2.2.3).
    #[inline]
    pub fn terminate(&mut self) -> bool {
        self.range -= 2;
        if self.offset >= u64::from(self.range) << self.bits {
            return true;
        }
        let shift = self.range.leading_zeros().wrapping_sub(23);
        self.range <<= shift;
        self.bits -= shift;
        self.fetch_if_low();
        false
    }
}
