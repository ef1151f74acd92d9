//! What components do, told to whoever watches.

use bytes::Bytes;
use framemill_objects::Written;
use std::sync::Arc;
use std::time::Duration;

/// Something that a component did, for whoever watches a video's progress.
#[derive(Clone, Debug)]
pub enum ComponentEvent {
    /// It sent this body to itself, to work on in another sandbox.
    SegmentDispatched(Bytes),
    /// It wrote an object.
    Written(Written),
    /// It did a part of the work, and is called again for the rest.
    Continued {
        /// Access units that are done.
        done: u64,
        /// Access units that are to be done.
        of: u64,
    },
    /// One sandbox ended, with or without an answer.
    SandboxEnded(SandboxUsage),
}

/// What one sandbox used, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxUsage {
    /// Whether the component started it itself, for a segment.
    pub segment: bool,
    /// [`CrashReason::code`](crate::CrashReason::code) where it gave no answer.
    pub crash: Option<&'static str>,
    /// Largest memory in bytes; `None` where it was dropped at the end of its whole time.
    pub peak_memory: Option<u64>,
    /// Time that it ran.
    pub guest_time: Duration,
    /// Bytes of objects that it read.
    pub bytes_read: u64,
}

/// Is told what the sandbox of a request does; the first argument is the request's label.
pub type Observer = Arc<dyn Fn(&str, ComponentEvent) + Send + Sync>;
