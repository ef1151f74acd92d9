//! The probe as a pipeline.

use crate::common::runtime;
use framemill::service::Pipeline;
use framemill_function_spec::{Function, Trigger};
use framemill_objects::{FileLayout, LocalStore};
use framemill_runtime::{Limits, Observer};
use std::path::Path;
use std::sync::Arc;

/// The probe, which works on the videos of the folder `data`.
pub fn pipeline(data: &Path, limits: Limits, observer: Observer) -> Pipeline {
    Pipeline {
        function: Function {
            name: "probe".into(),
            trigger: Trigger {
                prefix: "videos/".into(),
                ..Trigger::default()
            },
            read: Vec::new(),
            write: Vec::new(),
            own: Vec::new(),
            hosts: Vec::new(),
            records: None,
        },
        bucket: "local".into(),
        runtime: runtime(data, limits, observer),
        store: Arc::new(LocalStore::new(FileLayout::folder(data))),
    }
}
