//! The `framemill` binary.
fn main() {}
