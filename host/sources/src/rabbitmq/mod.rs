//! RabbitMQ: a message is acked only after its outcome is durable; failed messages wait for their
//! next delivery in delay queues on the server.

mod ack_handle;
mod config;
mod kind;
mod message;
mod name;
mod session;
mod source;

pub use config::{RabbitConfig, URL};
pub use kind::RabbitKind;
pub use source::RabbitSource;
