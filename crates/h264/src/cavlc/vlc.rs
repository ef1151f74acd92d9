//! Variable length codes as tables.

/// A code: its bits, their number, and what they mean.
pub(super) type Code = (u16, u8, u8);

/// Looks up a code by its leading zeros and the three bits behind its first 1: no code of the standard
/// needs more.
pub(super) struct Vlc([[Entry; 8]; 17]);

/// Length in bits, 0 where there is no such code, and value.
#[derive(Clone, Copy)]
struct Entry(u8, u8);

impl Vlc {
    /// The table of `codes`, none longer than 16 bits.
    pub const fn new(codes: &[Code]) -> Self {
        let mut table = [[Entry(0, 0); 8]; 17];
        let mut zeros = 0;
        while zeros < 17 {
            let mut rest = 0;
            while rest < 8 {
                // 20 bits: the zeros, a 1, three bits more.
                let window: u32 = if zeros < 17 {
                    ((8 | rest as u32) << 16) >> zeros
                } else {
                    0
                };
                let mut at = 0;
                while at < codes.len() {
                    let (bits, length, value) = codes[at];
                    if window >> (20 - length) == bits as u32 {
                        table[zeros][rest] = Entry(length, value);
                    }
                    at += 1;
                }
                rest += 1;
            }
            zeros += 1;
        }
        Self(table)
    }

    /// Length and value of the code at the head of `bits`; length 0 where there is none.
    #[inline(always)]
    pub fn get(&self, bits: u32) -> (u32, u8) {
        let zeros = bits.leading_zeros().min(16);
        let rest = (bits << zeros << 1 >> 29) as usize & 7;
        let Entry(length, value) = self.0[zeros as usize][rest];
        (u32::from(length), value)
    }
}
