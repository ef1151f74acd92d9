//! extract-frames over one bucket: for the service and for `framemill extract`.

use crate::config::{Settings, cores};
use framemill_contract::{Config, LabelConfig};
use framemill_objects::{Access, Gateway, Store};
use framemill_runtime::{
    Component, Engine, Observer, OutboundClient, Runtime, RuntimeParts, component_variables,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Name of the component and of its file.
pub const EXTRACT_FRAMES: &str = "extract-frames";

/// What extract-frames may touch in its bucket.
pub fn extract_access(config: &Config) -> Access {
    let layout = &config.layout;
    let mut write = vec![
        layout.images.clone(),
        layout.manifests.clone(),
        layout.claim_names().prefix,
        layout.extract_failure_names().prefix,
    ];
    // Only work over several requests leaves marks on how far it is.
    if config.segment_budget.is_some() {
        write.push(layout.checkpoint_names().prefix);
    }
    Access {
        read: vec![config.video_path.clone()],
        write,
    }
}

/// What a component that asks for labels may touch.
pub fn label_access(config: &LabelConfig) -> Access {
    let layout = &config.layout;
    let written = |target: String| {
        let failures = layout.label_failure_names(&target).prefix;
        vec![layout.labels(&target), failures]
    };
    Access {
        read: vec![layout.images.clone(), layout.manifests.clone()],
        write: config.target_id().map(written).unwrap_or_default(),
    }
}

/// extract-frames over one bucket.
///
/// # Errors
/// Where the component does not fit.
pub fn extract_runtime(
    engine: &Engine,
    component: Component,
    settings: &Settings,
    store: Arc<dyn Store>,
    observer: Observer,
) -> anyhow::Result<Runtime> {
    let access = extract_access(&settings.config);
    let buckets = HashMap::from([(settings.store.bucket().to_owned(), store)]);
    Runtime::new(
        engine,
        RuntimeParts {
            variables: component_variables(&settings.extract, &component.sha256, cores()),
            component,
            gateway: Arc::new(Gateway::new(buckets, access)),
            outbound: OutboundClient::default(),
            limits: settings.limits,
            parallel: cores(),
            observer,
        },
    )
}
