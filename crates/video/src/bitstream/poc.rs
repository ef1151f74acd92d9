//! Picture order counts as H.264 and H.265 share them.

/// The most significant part of a count from its least significant part and the previous
/// reference's (H.264 8-3, H.265 8-1).
pub fn unwrap_msb(lsb: i64, prev_lsb: i64, prev_msb: i64, max: i64) -> i64 {
    if lsb < prev_lsb && prev_lsb - lsb >= max / 2 {
        prev_msb.saturating_add(max)
    } else if lsb > prev_lsb && lsb - prev_lsb > max / 2 {
        prev_msb.saturating_sub(max)
    } else {
        prev_msb
    }
}
