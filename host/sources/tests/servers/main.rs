//! One suite for all sources, each on its real server. Servers are started by the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod conformance;
mod embedded;
mod proxy;
mod pubsub;
mod rabbitmq;
