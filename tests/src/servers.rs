//! The real servers that tests talk to: each is started for one test, on a free port of
//! 127.0.0.1, and ended with it.
//!
//! `cargo xtask test` installs them and says where they are. A server that is missing fails the
//! test with the command that brings it.

mod firestore;
mod gcs;
mod http;
mod label_studio;
mod process;
mod pubsub;
mod rabbitmq;
mod s3;

pub use firestore::Firestore;
pub use gcs::{Gcs, Object};
pub use http::{HttpResponse, call, send, try_send};
pub use label_studio::LabelStudio;
pub use process::{Process, free_port, program};
pub use pubsub::{PubSub, Received};
pub use rabbitmq::RabbitMq;
pub use s3::S3;

/// The project that everything on the emulators belongs to.
pub const PROJECT: &str = "test-project";
