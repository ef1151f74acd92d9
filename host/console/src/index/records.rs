//! Records of the bucket, each read once a generation.

use super::entry::{Failure, Stamp, VideoEntry};
use crate::error::PageError;
use framemill_annotations::{ANNOTATION_SCHEMA, FrameAnnotation};
use framemill_contract::{
    FailureRecord, Layout, MANIFEST_SCHEMA, Manifest, VideoName, parse_record,
};
use framemill_objects::{Store, read_whole};
use futures::StreamExt as _;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Manifests that are kept.
const MANIFESTS: usize = 64;
/// Annotations and failure records that are kept.
const SMALL: usize = 20_000;
/// Records that are read at the same time.
const AT_ONCE: usize = 16;

/// An object's name and generation.
type Key = (String, i64);

/// Reads records.
pub(crate) struct Records {
    store: Arc<dyn Store>,
    layout: Layout,
    manifests: Cache<Key, Arc<Manifest>>,
    annotations: Cache<Key, Arc<FrameAnnotation>>,
    failures: Cache<Key, Failure>,
}

/// A failure record, and whom it is about.
pub(super) struct FailureName {
    pub(super) object: String,
    pub(super) function: String,
    pub(super) about: String,
    pub(super) stamp: Stamp,
}

impl Records {
    pub(super) fn new(store: Arc<dyn Store>, layout: Layout) -> Self {
        Self {
            store,
            layout,
            manifests: Cache::new(MANIFESTS),
            annotations: Cache::new(SMALL),
            failures: Cache::new(SMALL),
        }
    }

    pub(super) async fn manifest(
        &self,
        video: &str,
        stamp: Stamp,
    ) -> Result<Arc<Manifest>, PageError> {
        let name = self.layout.manifest(&VideoName::parse(video));
        let key = (name.clone(), stamp.generation);
        if let Some(manifest) = self.manifests.get(&key) {
            return Ok(manifest);
        }
        let bytes = read_whole(self.store.as_ref(), &name).await?;
        let bytes = bytes.ok_or(PageError::Gone("manifest"))?;
        let manifest = parse_record::<Manifest>(&bytes, MANIFEST_SCHEMA);
        let manifest = Arc::new(manifest.map_err(|error| PageError::Record {
            name,
            reason: error.to_string(),
        })?);
        self.manifests.insert(key, Arc::clone(&manifest));
        Ok(manifest)
    }

    /// What targets answered about a frame. What cannot be read is left out, with a line of the log: the
    /// page shows the rest.
    pub(super) async fn annotations(
        &self,
        video: &VideoEntry,
        index: u64,
    ) -> Vec<Arc<FrameAnnotation>> {
        let name = VideoName::parse(&video.name);
        let mut found = Vec::new();
        for (target, frames) in &video.answered {
            let Some((_, generation)) = frames.iter().find(|(it, _)| *it == index) else {
                continue;
            };
            let object = self.layout.current_annotation(target, &name, index);
            match self.annotation((object, *generation)).await {
                Ok(annotation) => found.push(annotation),
                Err(error) => tracing::warn!("console: {error}"),
            }
        }
        found
    }

    async fn annotation(&self, key: Key) -> Result<Arc<FrameAnnotation>, PageError> {
        if let Some(annotation) = self.annotations.get(&key) {
            return Ok(annotation);
        }
        let bytes = read_whole(self.store.as_ref(), &key.0).await?;
        let bytes = bytes.ok_or(PageError::Gone("annotation"))?;
        let annotation = parse_record::<FrameAnnotation>(&bytes, ANNOTATION_SCHEMA);
        let annotation = Arc::new(annotation.map_err(|error| PageError::Record {
            name: key.0.clone(),
            reason: error.to_string(),
        })?);
        self.annotations.insert(key, Arc::clone(&annotation));
        Ok(annotation)
    }

    /// Failure records, by whom they are about. One that cannot be read is a failure all the same.
    pub(super) async fn failures(&self, names: Vec<FailureName>) -> Vec<(String, Failure)> {
        let read = names.into_iter().map(|name| self.failure(name));
        let read = futures::stream::iter(read).buffered(AT_ONCE);
        read.filter_map(async |it| it).collect().await
    }

    /// `None` where it is gone since it was listed.
    async fn failure(&self, name: FailureName) -> Option<(String, Failure)> {
        let key = (name.object.clone(), name.stamp.generation);
        if let Some(failure) = self.failures.get(&key) {
            return Some((name.about, failure));
        }
        let record = match read_whole(self.store.as_ref(), &name.object).await {
            Ok(Some(bytes)) => {
                serde_json::from_slice::<FailureRecord>(&bytes).map_err(|error| error.to_string())
            }
            Ok(None) => return None,
            Err(error) => Err(error.to_string()),
        };
        let is_read = record.is_ok();
        let (code, message, remedy) = match record {
            Ok(record) => (record.code, record.message, record.remedy),
            Err(reason) => (
                "unreadable".to_owned(),
                format!("the failure record cannot be read: {reason}"),
                format!("look at {}", name.object),
            ),
        };
        let failure = Failure {
            function: name.function,
            code,
            message,
            remedy,
            stamp: name.stamp,
        };
        if is_read {
            self.failures.insert(key, failure.clone());
        }
        Some((name.about, failure))
    }
}
