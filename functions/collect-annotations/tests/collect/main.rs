//! What labeling systems answer ends in the bucket: whatever fails, in whatever order, however often.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod deletions;
mod door;
mod emulator;
mod harness;
mod mirror;
mod model;
mod reports;
mod whole;
