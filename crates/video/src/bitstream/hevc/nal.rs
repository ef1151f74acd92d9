//! NAL unit headers, clause 7.3.1.2.

/// NAL unit types, table 7-1.
pub mod nal_type {
    /// First of the leading picture types that references may skip.
    pub const RADL_N: u8 = 6;
    /// Last leading picture type.
    pub const RASL_R: u8 = 9;
    /// First broken-link access picture.
    pub const BLA_W_LP: u8 = 16;
    /// Instantaneous refresh.
    pub const IDR_W_RADL: u8 = 19;
    /// Instantaneous refresh without leading pictures.
    pub const IDR_N_LP: u8 = 20;
    /// Clean random access.
    pub const CRA: u8 = 21;
    /// Video parameter set.
    pub const VPS: u8 = 32;
    /// Sequence parameter set.
    pub const SPS: u8 = 33;
    /// Picture parameter set.
    pub const PPS: u8 = 34;
    /// Access unit delimiter.
    pub const AUD: u8 = 35;
    /// SEI before the picture.
    pub const PREFIX_SEI: u8 = 39;
}

/// `nal_unit_type` of a NAL unit.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| (byte >> 1) & 0x3f)
}

/// `nuh_layer_id` of a NAL unit.
pub fn layer_id(nal: &[u8]) -> Option<u8> {
    Some(((nal.first()? & 1) << 5) | (nal.get(1)? >> 3))
}

/// `TemporalId` of a NAL unit.
pub fn temporal_id(nal: &[u8]) -> Option<u8> {
    (nal.get(1)? & 7).checked_sub(1)
}

/// Whether this type is a slice segment.
pub fn is_slice(nal_unit_type: u8) -> bool {
    nal_unit_type <= nal_type::RASL_R
        || (nal_type::BLA_W_LP..=nal_type::CRA).contains(&nal_unit_type)
}

/// Whether this type is an intra random access point.
pub fn is_random_access(nal_unit_type: u8) -> bool {
    (nal_type::BLA_W_LP..=23).contains(&nal_unit_type)
}

/// Whether this type is a sub-layer non-reference picture (`_N` types, clause 7.4.2.2): no
/// picture of its own temporal sub-layer refers to it.
pub fn is_sub_layer_non_reference(nal_unit_type: u8) -> bool {
    nal_unit_type <= 14 && nal_unit_type.is_multiple_of(2)
}
