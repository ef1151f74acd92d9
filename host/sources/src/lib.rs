//! Where messages come from. A [`Source`] gives out [`Delivery`]s; each is settled once by its
//! [`AckHandle`], and is nacked when it is dropped before.

mod attribute;
mod backoff;
mod error;
mod folder;
mod kind;
mod kinds;
mod message;
pub mod pubsub;
mod push_only;
mod queue;
mod queue_error;
mod queue_file;
mod queue_source;
pub mod rabbitmq;
mod redelivery;
mod source;

pub use error::SourceError;
pub use folder::{FolderSource, FolderState, FolderWatch, is_unfinished};
pub use kind::{SourceKind, SourceOptions};
pub use kinds::KINDS;
pub use message::Message;
pub use pubsub::{PubSubConfig, PubSubSource};
pub use push_only::PushOnlySource;
pub use queue::{Queue, QueuedDeadLetter, Settled, Taken};
pub use queue_error::QueueError;
pub use queue_source::QueueSource;
pub use rabbitmq::{RabbitConfig, RabbitSource};
pub use source::{AckHandle, DeadLetter, Delivery, RetryDecision, Source};
