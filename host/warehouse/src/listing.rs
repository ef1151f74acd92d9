//! What is in the bucket, by name and generation: enough to know what changed.

use crate::report::Progress;
use framemill_contract::Layout;
use framemill_objects::{ObjectMeta, Store, StoreError, pages};
use framemill_warehouse::Shard;
use futures::TryStreamExt as _;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The objects about a video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VideoListing {
    /// Generation of its manifest.
    pub(crate) manifest: Option<i64>,
    /// Targets with a receipt.
    pub(crate) requested: BTreeSet<String>,
    /// By target: frames with a current annotation, and its generation. Names follow from them, so
    /// that a bucket with many answers fits the memory: 16 bytes an answer.
    pub(crate) annotations: BTreeMap<String, Vec<(u64, i64)>>,
}

/// The objects of all videos.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Prefix of the images, which rows name.
    images: String,
    shards: BTreeMap<Shard, BTreeMap<String, VideoListing>>,
    pub(crate) listed: u64,
}

impl Listing {
    /// Lists manifests, receipts and annotations.
    pub(crate) async fn read(
        store: &dyn Store,
        layout: &Layout,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, StoreError> {
        let mut listing = Self {
            images: layout.images.clone(),
            ..Self::default()
        };
        for prefix in [
            layout.manifest_names().prefix,
            layout.all_labels(),
            layout.all_annotations(),
        ] {
            let mut pages = std::pin::pin!(pages(store, prefix));
            while let Some(page) = pages.try_next().await? {
                for meta in &page {
                    listing.add(layout, meta);
                }
                listing.listed = listing.listed.saturating_add(page.len() as u64);
                progress(Progress {
                    listed: listing.listed,
                    ..Progress::default()
                });
            }
        }
        Ok(listing)
    }

    /// Notes an object; one of another kind is nothing.
    fn add(&mut self, layout: &Layout, meta: &ObjectMeta) {
        let name = meta.name.as_str();
        if let Some(video) = layout.video_of_manifest(name) {
            self.video(video.to_string()).manifest = Some(meta.generation);
        } else if let Some((target, video)) = layout.asked(name) {
            let requested = &mut self.video(video.to_string()).requested;
            requested.insert(target.to_owned());
        } else if let Some(frame) = layout.annotated_frame(name) {
            let annotations = &mut self.video(frame.video.to_string()).annotations;
            let frames = annotations.entry(frame.target).or_default();
            frames.push((frame.index, meta.generation));
        }
    }

    fn video(&mut self, video: String) -> &mut VideoListing {
        let shard = self.shards.entry(Shard::of(&video)).or_default();
        shard.entry(video).or_default()
    }

    /// Which shards have files: those with content, and the first one.
    pub(crate) fn shards(&self) -> BTreeSet<Shard> {
        self.shards.keys().copied().chain([Shard::FIRST]).collect()
    }

    /// The videos of a shard, by name.
    pub(crate) fn videos(&self, shard: Shard) -> impl Iterator<Item = (&str, &VideoListing)> {
        let videos = self.shards.get(&shard).into_iter().flatten();
        videos.map(|(video, listing)| (video.as_str(), listing))
    }

    /// Changes with all that the files of a shard follow from.
    pub(crate) fn fingerprint(&self, shard: Shard) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{:?}\n", self.images));
        for (video, listing) in self.videos(shard) {
            // Debug quotes names, so that none can look like the next line.
            hash.update(format!("{video:?} {:?}\n", listing.manifest));
            hash.update(format!("{:?}\n", listing.requested));
            for (target, frames) in &listing.annotations {
                hash.update(format!("{target:?}"));
                for (index, generation) in frames {
                    hash.update(index.to_le_bytes());
                    hash.update(generation.to_le_bytes());
                }
                hash.update("\n");
            }
        }
        hex::encode(hash.finalize())
    }
}
