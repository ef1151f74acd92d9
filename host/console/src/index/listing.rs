//! One look at the bucket.

use super::entry::{Failure, Stamp, VideoEntry};
use super::records::{FailureName, Records};
use crate::bucket::Bucket;
use crate::error::PageError;
use framemill_contract::{Layout, VideoName};
use framemill_dataset_host::Listed;
use framemill_objects::{ObjectMeta, pages};
use futures::TryStreamExt as _;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Functions whose failure records are by target.
const BY_TARGET: [&str; 2] = ["request-labeling", "collect-annotations"];

/// What is in the bucket.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// By name.
    pub(crate) videos: Vec<VideoEntry>,
    /// Failures that are about no video: of webhooks and syncs.
    pub(crate) other_failures: Vec<(String, Failure)>,
    /// By name, then from the oldest to the newest.
    pub(crate) datasets: Vec<Listed>,
}

impl Listing {
    pub(crate) async fn read(bucket: &Bucket, records: &Records) -> Result<Self, PageError> {
        let mut videos: BTreeMap<String, VideoEntry> = BTreeMap::new();
        let (store, layout) = (bucket.store.as_ref(), &bucket.layout);
        let mut failures = Vec::new();
        for prefix in [
            bucket.videos.clone(),
            layout.manifest_names().prefix,
            layout.all_labels(),
            layout.all_annotations(),
            layout.all_failure_names().prefix,
        ] {
            let mut pages = std::pin::pin!(pages(store, prefix));
            while let Some(page) = pages.try_next().await? {
                for meta in page {
                    failures.extend(add(&mut videos, bucket, layout, meta));
                }
            }
        }
        let mut other_failures = Vec::new();
        for (about, failure) in records.failures(failures).await {
            match videos.get_mut(&about) {
                Some(video) => video.failures.push(failure),
                None => other_failures.push((about, failure)),
            }
        }
        Ok(Self {
            videos: videos.into_values().collect(),
            other_failures,
            datasets: framemill_dataset_host::list(store, None).await?,
        })
    }

    /// Where the video of this name is.
    pub(crate) fn place_of(&self, name: &str) -> Option<usize> {
        self.videos
            .binary_search_by(|it| it.name.as_str().cmp(name))
            .ok()
    }

    /// Another one where anything is.
    pub(crate) fn version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.videos.hash(&mut hasher);
        self.other_failures.hash(&mut hasher);
        for dataset in &self.datasets {
            (&dataset.name, &dataset.hash).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Notes an object, or gives the failure record that it is.
fn add(
    videos: &mut BTreeMap<String, VideoEntry>,
    bucket: &Bucket,
    layout: &Layout,
    meta: ObjectMeta,
) -> Option<FailureName> {
    let stamp = Stamp {
        generation: meta.generation,
        updated_micros: meta.updated_micros,
        size: meta.size,
    };
    let name = meta.name.as_str();
    if let Some(video) = layout.video_of_manifest(name) {
        entry(videos, &video).manifest = Some(stamp);
    } else if let Some((target, video)) = layout.asked(name) {
        entry(videos, &video).asked.insert(target.to_owned());
    } else if let Some(frame) = layout.annotated_frame(name) {
        let answered = &mut entry(videos, &frame.video).answered;
        let frames = answered.entry(frame.target).or_default();
        frames.push((frame.index, meta.generation));
    } else if let Some(key) = layout.all_failure_names().key(name) {
        return failure_name(key, name, stamp);
    } else if let Some(path) = name.strip_prefix(&bucket.videos)
        && is_video(bucket, path)
    {
        entry(videos, &VideoName::plain(path)).upload = Some(stamp);
    }
    None
}

fn entry<'v>(videos: &'v mut BTreeMap<String, VideoEntry>, name: &VideoName) -> &'v mut VideoEntry {
    let name = name.to_string();
    videos.entry(name.clone()).or_insert_with(|| VideoEntry {
        name,
        ..VideoEntry::default()
    })
}

/// In a bucket whose videos lie anywhere, what framemill writes is none.
fn is_video(bucket: &Bucket, path: &str) -> bool {
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    let written = ["datasets/", "warehouse/"]
        .iter()
        .any(|it| bucket.videos.is_empty() && path.starts_with(it));
    !path.is_empty() && !path.ends_with('/') && !hidden && !written
}

fn failure_name(key: &str, object: &str, stamp: Stamp) -> Option<FailureName> {
    let (function, rest) = key.split_once('/')?;
    let about = match BY_TARGET.contains(&function) {
        true => rest.split_once('/')?.1,
        false => rest,
    };
    Some(FailureName {
        object: object.to_owned(),
        function: function.to_owned(),
        about: about.to_owned(),
        stamp,
    })
}
