//! Where messages come from: a durable queue, and what fills it.

mod folder;
mod queue;

pub use folder::{FolderSource, FolderState, FolderWatch};
pub use queue::{DeadLetter, Message, Queue, QueueError, Settled};
