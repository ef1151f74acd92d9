//! Chooses, scores, converts and encodes frames. Pure: no I/O.
//!
//! ```text
//! VideoIndex + Selection ─▶ Plan ─▶ (decode) ─▶ Frame ─▶ Scores ─▶ Verdict
//!                                               └──────▶ RgbImage ─▶ JPEG | PNG | WebP
//! ```
