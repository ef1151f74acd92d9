//! Why the embedded queue does not work.

use std::io::ErrorKind;
use std::path::PathBuf;
use thiserror::Error;

/// Why the queue does not work.
#[derive(Debug, Error)]
pub enum QueueError {
    /// Another process has it open.
    #[error("another framemill works in this folder: stop it first, or choose another --data: {}", .0.display())]
    Locked(PathBuf),
    /// The file cannot be read or written.
    #[error("queue: {0}")]
    Database(Box<redb::Error>),
    /// The folder cannot be created.
    #[error("queue: {0}")]
    Io(#[from] std::io::Error),
    /// A record cannot be read.
    #[error("queue holds a record that this version does not read: {0}")]
    Record(#[from] serde_json::Error),
}

/// Turns each of the database's error types into ours.
pub(super) fn db<E: Into<redb::Error>>(error: E) -> QueueError {
    QueueError::Database(Box::new(error.into()))
}

impl QueueError {
    /// Whether there is no space to write: it may come again.
    pub fn is_full(&self) -> bool {
        let kind = match self {
            Self::Database(error) => match error.as_ref() {
                redb::Error::Io(error) => error.kind(),
                _ => return false,
            },
            Self::Io(error) => error.kind(),
            _ => return false,
        };
        matches!(
            kind,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        )
    }

    /// Whether it passes by itself: there is no space, or another process has the file, which it can
    /// take while ours is closed.
    pub fn passes(&self) -> bool {
        self.is_full() || matches!(self, Self::Locked(_))
    }

    /// Whether the database refuses more work after it.
    pub(super) fn breaks(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo))
    }

    /// Whether a failure before it is to blame.
    pub(super) fn is_of_earlier(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(**error, redb::Error::PreviousIo))
    }
}
