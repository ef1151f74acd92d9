//! The listener over a service whose component is the probe.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../../runtime/tests/common/mod.rs"]
mod common;
#[path = "../probe/mod.rs"]
mod probe;

mod bench;
mod connections;
mod health;
mod images;
mod push;
