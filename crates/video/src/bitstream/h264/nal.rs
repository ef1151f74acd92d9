//! NAL unit headers, clause 7.3.1.

/// NAL unit types, table 7-1.
pub mod nal_type {
    /// Slice of a non-IDR picture.
    pub const SLICE: u8 = 1;
    /// Data partition A.
    pub const PARTITION_A: u8 = 2;
    /// Slice of an IDR picture.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
}

/// `nal_unit_type` of a NAL unit.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| byte & 0x1f)
}

/// `nal_ref_idc` of a NAL unit: 0 where no other picture refers to it.
pub fn nal_ref_idc(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| (byte >> 5) & 3)
}
