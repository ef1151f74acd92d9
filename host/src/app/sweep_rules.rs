//! How to see what extract-frames and request-labeling have not worked on.

use super::extraction::EXTRACT_FRAMES;
use super::sweep::{Claims, SweepRule};
use crate::config::REQUEST_LABELING;
use framemill_contract::{Config, Event, EventKind, Job, LabelConfig, LabelJob, ObjectRef};
use framemill_sources::Source;
use std::sync::Arc;

/// Videos of this bucket without a manifest.
pub fn extraction(config: &Config, bucket: &str, source: Arc<dyn Source>) -> SweepRule {
    let layout = config.layout.clone();
    let (naming, taken, bucket) = (config.naming, config.clone(), bucket.to_owned());
    SweepRule {
        function: EXTRACT_FRAMES.to_owned(),
        inputs: config.video_path.clone(),
        done: layout.manifest_names(),
        failed: layout.extract_failure_names(),
        claims: Some(Claims {
            prefix: layout.claim_names().prefix,
            claim: Box::new(move |video| layout.claim(video, naming)),
        }),
        video: Box::new(move |name| {
            let job = Job::from_event(&upload(&bucket, name), &taken);
            job.ok().map(|job| job.name)
        }),
        source,
    }
}

/// Manifests of this bucket without a receipt; `None` where no one is asked for labels.
pub fn labeling(config: &LabelConfig, bucket: &str, source: Arc<dyn Source>) -> Option<SweepRule> {
    let (layout, target) = (&config.layout, config.target_id()?);
    let (taken, bucket) = (config.clone(), bucket.to_owned());
    Some(SweepRule {
        function: REQUEST_LABELING.to_owned(),
        inputs: layout.manifests.clone(),
        done: layout.receipt_names(&target),
        failed: layout.label_failure_names(&target),
        // A manifest is created and never replaced.
        claims: None,
        video: Box::new(move |name| {
            let job = LabelJob::from_event(&upload(&bucket, name), &taken);
            job.ok().map(|job| job.video)
        }),
        source,
    })
}

fn upload(bucket: &str, name: &str) -> Event {
    Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            generation: None,
        },
    }
}
