//! A pipeline: which messages make which component work on which bucket.

use framemill_contract::{Event, EventKind, Ignored};
use framemill_function_spec::Function;
use framemill_objects::Store;
use framemill_runtime::Runtime;
use std::sync::Arc;

/// A function, its component over a bucket; the source is that of the service that it belongs to.
pub struct Pipeline {
    /// What it is.
    pub function: Function,
    /// Its bucket.
    pub bucket: String,
    /// The component, over the store.
    pub runtime: Runtime,
    /// The bucket, for the records that the host reads and writes itself.
    pub store: Arc<dyn Store>,
}

/// Whether a function works on an event of its bucket. What a component would ignore needs no
/// sandbox.
///
/// # Errors
/// Why not.
pub fn take(function: &Function, bucket: &str, event: &Event) -> Result<(), Ignored> {
    let object = &event.object;
    match &event.kind {
        EventKind::Other(kind) => Err(Ignored::EventType(kind.clone())),
        _ if object.bucket != bucket => Err(Ignored::Bucket(object.bucket.clone())),
        _ if !function.trigger.takes(&object.name) => Err(Ignored::OtherName),
        EventKind::Finalized => Ok(()),
    }
}

impl Pipeline {
    /// Whether the event is for it.
    ///
    /// # Errors
    /// Why not.
    pub fn take(&self, event: &Event) -> Result<(), Ignored> {
        take(&self.function, &self.bucket, event)
    }
}
