//! One suite for all sources, each on its real server. Servers are started by the tests.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod conformance;
mod embedded;
mod proxy;
mod pubsub;
mod rabbitmq;
