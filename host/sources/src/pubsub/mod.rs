//! Google Cloud Pub/Sub by streaming pull. Leases are extended for as long as a job takes; a
//! message is acked only after its outcome is durable.

mod ack_handle;
mod admin;
mod attempts;
mod client;
mod config;
mod dead_letters;
mod kind;
mod message;
mod pump;
mod shared;
mod source;

pub use admin::{SetUp, set_up};
pub use config::{EMULATOR, PubSubConfig};
pub use kind::PubSubKind;
pub use source::PubSubSource;
