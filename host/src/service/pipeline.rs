//! A pipeline: which messages make which component work on which bucket.

use framemill_contract::{Config, Event, EventKind, Ignored, Job, LabelConfig, LabelJob};
use framemill_objects::Store;
use framemill_runtime::Runtime;
use std::sync::Arc;

/// Source, filter, component, store; the source is that of the service that it belongs to.
pub struct Pipeline {
    /// How it is called in logs.
    pub name: String,
    /// Which messages it takes.
    pub filter: Filter,
    /// The component, over the store.
    pub runtime: Runtime,
    /// The bucket, for the records that the host reads and writes itself.
    pub store: Arc<dyn Store>,
}

/// Which messages a pipeline takes. What a component would ignore needs no sandbox.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Uploads of videos.
    Videos(Box<Config>),
    /// Manifests of videos whose frames are there.
    Manifests(Box<LabelConfig>),
    /// Objects of a bucket by their names.
    Names {
        /// Bucket.
        bucket: String,
        /// How names start.
        prefix: String,
        /// How names end.
        suffix: String,
    },
}

impl Filter {
    /// Whether `event` is for the pipeline.
    ///
    /// # Errors
    /// Why not.
    pub fn take(&self, event: &Event) -> Result<(), Ignored> {
        match self {
            Self::Videos(config) => Job::from_event(event, config).map(drop),
            Self::Manifests(config) => LabelJob::from_event(event, config).map(drop),
            Self::Names {
                bucket,
                prefix,
                suffix,
            } => {
                let object = &event.object;
                match &event.kind {
                    EventKind::Other(kind) => Err(Ignored::EventType(kind.clone())),
                    _ if object.bucket != *bucket => Err(Ignored::Bucket(object.bucket.clone())),
                    _ if !(object.name.starts_with(prefix) && object.name.ends_with(suffix)) => {
                        Err(Ignored::OtherName)
                    }
                    EventKind::Finalized => Ok(()),
                }
            }
        }
    }
}
