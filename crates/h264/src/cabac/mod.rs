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
pub(crate) struct Cabac<'a> {
    bins: Bins<'a>,
    states: [u8; CONTEXTS],
}

/// Number of contexts.
const CONTEXTS: usize = 1024;

/// The arithmetic decoder. Loops over many bins work on a copy, which the compiler keeps in registers.
///
/// `offset` holds codIOffset with `bits` more bits behind it, which were fetched ahead: a bin compares
/// with the range shifted as far, and no bit is fetched alone.
#[derive(Clone, Copy)]
struct Bins<'a> {
    bytes: &'a [u8],
    /// Next byte to fetch; past the end zeros are fetched.
    next: usize,
    offset: u64,
    range: u32,
    bits: u32,
}

/// At least as many bits wait behind the offset when a bin is decoded: renormalisation takes 7 at most.
const AHEAD: u32 = 16;

impl<'a> Bins<'a> {
    /// Initialises the engine at a byte (clause 9.3.1.2).
    fn new(bytes: &'a [u8], start: usize) -> Self {
        let mut bins = Self {
            bytes,
            next: start,
            offset: 0,
            range: 510,
            bits: 0,
        };
        bins.fetch();
        bins.bits -= 9;
        bins
    }

    #[inline(always)]
    fn fetch_if_low(&mut self) {
        if self.bits < AHEAD {
            self.fetch();
        }
    }

    #[inline(always)]
    fn fetch(&mut self) {
        let chunk = self
            .bytes
            .get(self.next..)
            .and_then(|rest| rest.first_chunk::<4>());
        let word = match chunk {
            Some(chunk) => u32::from_be_bytes(*chunk),
            None => last_word(self.bytes, self.next),
        };
        self.next += 4;
        self.offset = (self.offset << 32) | u64::from(word);
        self.bits += 32;
    }

    /// A bin with a context (clause 9.3.3.2.1).
    #[inline(always)]
    fn bin(&mut self, states: &mut [u8; CONTEXTS], context: usize) -> u32 {
        let slot = &mut states[context & (CONTEXTS - 1)];
        let state = usize::from(*slot) & 127;
        let lps = (LPS[state] >> ((self.range >> 3) & 24)) & 0xff;
        let mps = self.range - lps;
        let scaled = u64::from(mps) << self.bits;
        let less_probable = self.offset >= scaled;
        let taken = u64::from(less_probable).wrapping_neg();
        self.offset -= scaled & taken;
        let range = if less_probable { lps } else { mps };
        *slot = NEXT[(state << 1) | usize::from(less_probable)];
        let shift = range.leading_zeros().wrapping_sub(23);
        self.range = range << shift;
        self.bits -= shift;
        self.fetch_if_low();
        (state as u32 & 1) ^ u32::from(less_probable)
    }

    /// A bin without a context (clause 9.3.3.2.3).
    #[inline(always)]
    fn bypass(&mut self) -> u32 {
        self.bits -= 1;
        let scaled = u64::from(self.range) << self.bits;
        let one = self.offset >= scaled;
        self.offset -= scaled & u64::from(one).wrapping_neg();
        self.fetch_if_low();
        u32::from(one)
    }
}

#[cold]
#[inline(never)]
fn last_word(bytes: &[u8], at: usize) -> u32 {
    let rest = bytes.get(at..).unwrap_or_default();
    let byte = |i: usize| rest.get(i).copied().unwrap_or(0);
    u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)])
}

impl<'a> Cabac<'a> {
    /// Begins at byte `start` of an RBSP; `idc` is `None` in I slices, `qp` is SliceQPY.
    pub fn new(bytes: &'a [u8], start: usize, idc: Option<u8>, qp: i32) -> Self {
        Self {
            bins: Bins::new(bytes, start),
            states: first_states(idc, qp.clamp(0, 51)),
        }
    }

    /// Initialises the engine at a byte; contexts stay.
    pub fn restart(&mut self, start: usize) {
        self.bins = Bins::new(self.bins.bytes, start);
    }

    /// Bits of the RBSP that the engine has taken in.
    pub fn position(&self) -> usize {
        self.bins.next * 8 - self.bins.bits as usize
    }

    /// More was decoded than there is.
    pub fn overrun(&self) -> bool {
        self.position() > self.bins.bytes.len() * 8
    }

    /// The bytes that are read from.
    pub fn bytes(&self) -> &'a [u8] {
        self.bins.bytes
    }

    /// A bin with a context.
    #[inline(always)]
    pub fn bin(&mut self, context: usize) -> u32 {
        self.bins.bin(&mut self.states, context)
    }

    /// A bin as a flag.
    #[inline(always)]
    pub fn flag(&mut self, context: usize) -> bool {
        self.bin(context) == 1
    }

    /// A bin without a context.
    #[inline(always)]
    pub fn bypass(&mut self) -> u32 {
        self.bins.bypass()
    }

    /// The bin that ends a slice or begins I_PCM samples (clause 9.3.3.2.2.3).
    #[inline]
    pub fn terminate(&mut self) -> bool {
        let bins = &mut self.bins;
        bins.range -= 2;
        if bins.offset >= u64::from(bins.range) << bins.bits {
            return true;
        }
        let shift = bins.range.leading_zeros().wrapping_sub(23);
        bins.range <<= shift;
        bins.bits -= shift;
        bins.fetch_if_low();
        false
    }
}
