//! Writes small streams of I_PCM and P_Skip macroblocks: what no encoder at hand makes, and pictures
//! whose samples are known without decoding.

/// Bits, most significant first.
#[derive(Clone, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    pub fn bit(mut self, bit: bool) -> Self {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let (true, Some(last)) = (bit, self.bytes.last_mut()) {
            *last |= 0x80 >> (self.used % 8);
        }
        self.used += 1;
        self
    }

    pub fn u(mut self, count: u32, value: u32) -> Self {
        for i in (0..count).rev() {
            self = self.bit((value >> i) & 1 == 1);
        }
        self
    }

    pub fn ue(self, value: u32) -> Self {
        let length = (value + 1).ilog2();
        self.u(length, 0).u(length + 1, value + 1)
    }

    pub fn se(self, value: i32) -> Self {
        let code = if value > 0 { 2 * value - 1 } else { -2 * value };
        self.ue(code as u32)
    }

    pub fn align(mut self) -> Self {
        while !self.used.is_multiple_of(8) {
            self = self.bit(false);
        }
        self
    }

    /// A NAL unit with its stop bit and emulation prevention.
    pub fn unit(self, ref_idc: u8, kind: u8) -> Vec<u8> {
        let rbsp = self.bit(true).align().bytes;
        let mut out = vec![(ref_idc << 5) | kind];
        let mut zeros = 0;
        for byte in rbsp {
            if zeros >= 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }
}

/// What streams are made with: Baseline, 8 bit, 4:2:0, order counts of type 2 or 0.
#[derive(Clone)]
pub struct Stream {
    /// In macroblocks.
    pub width: u32,
    pub height: u32,
    pub references: u32,
    pub gaps_allowed: bool,
    /// Fields are possible.
    pub interlaced: bool,
    /// `slice_group_map_type` and what follows it, and how many groups.
    pub groups: Option<(u32, Bits)>,
    pub redundant: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            width: 2,
            height: 2,
            references: 3,
            gaps_allowed: false,
            interlaced: false,
            groups: None,
            redundant: false,
        }
    }
}

/// A slice header.
#[derive(Clone)]
pub struct Head {
    pub idr: bool,
    pub reference: bool,
    pub first_mb: u32,
    pub frame_num: u32,
    /// `Some(true)`: the bottom field.
    pub field: Option<bool>,
    pub redundant: u32,
    /// `num_ref_idx_active`, in P slices.
    pub list: u32,
    /// `ref_pic_list_modification()` behind its flag, in P slices.
    pub modification: Option<Bits>,
    /// Memory management operations, ended by 0.
    pub marking: Option<Bits>,
    /// `slice_group_change_cycle` and its bits.
    pub cycle: Option<(u32, u32)>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            idr: false,
            reference: true,
            first_mb: 0,
            frame_num: 0,
            field: None,
            redundant: 0,
            list: 1,
            modification: None,
            marking: None,
            cycle: None,
        }
    }
}

impl Stream {
    pub fn sps(&self) -> Vec<u8> {
        let bits = Bits::default().u(8, 66).u(8, 0).u(8, 40).ue(0);
        // log2_max_frame_num 4, order counts of type 2, or 0 of 8 bits for fields.
        let bits = bits.ue(0);
        let bits = if self.interlaced {
            bits.ue(0).ue(4)
        } else {
            bits.ue(2)
        };
        let height = if self.interlaced {
            self.height / 2
        } else {
            self.height
        };
        let bits = bits.ue(self.references).bit(self.gaps_allowed);
        let bits = bits.ue(self.width - 1).ue(height - 1).bit(!self.interlaced);
        let bits = if self.interlaced {
            bits.bit(false)
        } else {
            bits
        };
        // direct_8x8_inference, no cropping, no VUI.
        bits.bit(true).bit(false).bit(false).unit(3, 7)
    }

    pub fn pps(&self) -> Vec<u8> {
        let bits = Bits::default().ue(0).ue(0).bit(false).bit(false);
        let mut bits = match &self.groups {
            None => bits.ue(0),
            Some((count, map)) => {
                let mut bits = bits.ue(count - 1);
                for i in 0..map.used {
                    bits = bits.bit((map.bytes[i / 8] << (i % 8)) & 0x80 != 0);
                }
                bits
            }
        };
        bits = bits.ue(0).ue(0).bit(false).u(2, 0).se(0).se(0).se(0);
        // Deblocking can be switched off.
        bits.bit(true).bit(false).bit(self.redundant).unit(3, 8)
    }

    fn head(&self, head: &Head, intra: bool) -> Bits {
        let mut bits = Bits::default()
            .ue(head.first_mb)
            .ue(if intra { 7 } else { 5 })
            .ue(0);
        bits = bits.u(4, head.frame_num % 16);
        if self.interlaced {
            bits = bits.bit(head.field.is_some());
            if let Some(bottom) = head.field {
                bits = bits.bit(bottom);
            }
        }
        if head.idr {
            bits = bits.ue(0);
        }
        if self.interlaced {
            bits = bits.u(
                8,
                (head.frame_num * 2 + u32::from(head.field == Some(true))) % 256,
            );
        }
        if self.redundant {
            bits = bits.ue(head.redundant);
        }
        if !intra {
            bits = bits.bit(true).ue(head.list - 1);
            bits = bits.bit(head.modification.is_some());
            if let Some(modification) = &head.modification {
                bits = append(bits, modification);
            }
        }
        if head.reference {
            bits = match (&head.marking, head.idr) {
                (_, true) => bits.bit(false).bit(false),
                (None, _) => bits.bit(false),
                (Some(marking), _) => append(bits.bit(true), marking),
            };
        }
        bits = bits.se(0).ue(1);
        if let Some((cycle, size)) = head.cycle {
            bits = bits.u(size, cycle);
        }
        bits
    }

    /// A slice of I_PCM macroblocks, each of one value.
    pub fn pcm(&self, head: &Head, values: &[u8]) -> Vec<u8> {
        let mut bits = self.head(head, true);
        for &value in values {
            bits = bits.ue(25).align();
            for _ in 0..384 {
                bits = bits.u(8, u32::from(value));
            }
        }
        bits.unit(u8::from(head.reference), if head.idr { 5 } else { 1 })
    }

    /// A slice of `count` skipped macroblocks: copies of the first reference.
    pub fn skip(&self, head: &Head, count: u32) -> Vec<u8> {
        let bits = self.head(head, false).ue(count);
        bits.unit(u8::from(head.reference), 1)
    }
}

fn append(mut bits: Bits, more: &Bits) -> Bits {
    for i in 0..more.used {
        bits = bits.bit((more.bytes[i / 8] << (i % 8)) & 0x80 != 0);
    }
    bits
}
