//! Frames that a dataset may have: those of all manifests, with what was answered about them.

use crate::error::DatasetError;
use crate::objects::{LARGEST_OBJECT, read};
use crate::progress::{Progress, Step, Told};
use framemill_annotations::FrameAnnotation;
use framemill_contract::{KeptFrame, Layout, Manifest};
use framemill_dataset::{BuildError, Candidate, DatasetImage};
use framemill_objects::{Store, pages};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::HashMap;

/// Manifests that are read at the same time.
const MANIFESTS_AT_ONCE: usize = 8;
/// Annotations that are read at the same time.
const ANNOTATIONS_AT_ONCE: usize = 64;

/// Reads frames and annotations.
pub(crate) struct Candidates<'a> {
    pub store: &'a dyn Store,
    pub layout: &'a Layout,
    pub told: Told<'a>,
}

/// Names of current annotations, by video and index.
type Annotated = HashMap<String, Vec<(u64, String)>>;

/// A manifest, or what is wrong with it.
type Read<T> = Result<T, String>;

impl Candidates<'_> {
    /// Gives every frame to `take`, by the names of manifests and then by index.
    pub async fn read(
        &self,
        mut take: impl FnMut(Candidate) -> Result<(), BuildError>,
    ) -> Result<(), DatasetError> {
        let manifests = self.manifests().await?;
        let annotated = self.annotated().await?;
        let mut damaged = Vec::new();
        let mut done = 0_u64;
        let read = manifests.iter().map(|name| self.manifest(name));
        let mut read = futures::stream::iter(read).buffered(MANIFESTS_AT_ONCE);
        while let Some(found) = read.try_next().await? {
            let Some(found) = found else { continue };
            let (video, manifest) = match found {
                Ok(found) => found,
                Err(reason) => {
                    damaged.push(reason);
                    continue;
                }
            };
            let names = annotated.get(&video).map_or(&[][..], Vec::as_slice);
            let mut answers = self.annotations(names, &mut damaged).await?;
            let folder = self.layout.images_in(&manifest.image_folder);
            for frame in manifest.frames {
                let annotations = answers.remove(&frame.index).unwrap_or_default();
                take(candidate(&video, &folder, frame, annotations))?;
                done = done.saturating_add(1);
            }
            (self.told)(Progress {
                step: Step::Reading,
                done,
                of: None,
            });
        }
        match damaged.first() {
            None => Ok(()),
            Some(first) => Err(DatasetError::Damaged {
                count: damaged.len(),
                first: first.clone(),
            }),
        }
    }

    async fn manifests(&self) -> Result<Vec<String>, DatasetError> {
        let prefix = self.layout.manifest_names().prefix;
        let mut names = Vec::new();
        let mut pages = std::pin::pin!(pages(self.store, prefix));
        while let Some(page) = pages.try_next().await? {
            names.extend(page.into_iter().map(|meta| meta.name));
            let done = names.len() as u64;
            (self.told)(Progress {
                step: Step::Listing,
                done,
                of: None,
            });
        }
        Ok(names)
    }

    /// What is annotated, by a listing: one request for each thousand names, none for a frame.
    async fn annotated(&self) -> Result<Annotated, DatasetError> {
        let prefix = self.layout.all_annotations();
        let mut found = Annotated::new();
        let mut pages = std::pin::pin!(pages(self.store, prefix));
        let mut done = 0_u64;
        while let Some(page) = pages.try_next().await? {
            done = done.saturating_add(page.len() as u64);
            for meta in page {
                if let Some(frame) = self.layout.annotated_frame(&meta.name) {
                    let of_video = found.entry(frame.video.to_string()).or_default();
                    of_video.push((frame.index, meta.name));
                }
            }
            (self.told)(Progress {
                step: Step::Listing,
                done,
                of: None,
            });
        }
        Ok(found)
    }

    /// `None` where it was removed meanwhile, or is no manifest's name.
    async fn manifest(&self, name: &str) -> Result<Option<Read<(String, Manifest)>>, DatasetError> {
        let Some(video) = self.layout.video_of_manifest(name) else {
            return Ok(None);
        };
        let Some((_, bytes)) = read(self.store, name, LARGEST_OBJECT).await? else {
            return Ok(None);
        };
        let manifest = serde_json::from_slice::<Manifest>(&bytes);
        Ok(Some(match manifest {
            Ok(manifest) => Ok((video.to_string(), manifest)),
            Err(error) => Err(format!("{name}: {error}")),
        }))
    }

    async fn annotations(
        &self,
        names: &[(u64, String)],
        damaged: &mut Vec<String>,
    ) -> Result<HashMap<u64, Vec<FrameAnnotation>>, DatasetError> {
        let read = names.iter().map(async |(index, name)| {
            let found = read(self.store, name, LARGEST_OBJECT).await?;
            let parsed = found.map(|(_, bytes)| {
                serde_json::from_slice::<FrameAnnotation>(&bytes)
                    .map_err(|error| format!("{name}: {error}"))
            });
            Ok::<_, DatasetError>((*index, parsed))
        });
        let mut read = futures::stream::iter(read).buffered(ANNOTATIONS_AT_ONCE);
        let mut found: HashMap<u64, Vec<FrameAnnotation>> = HashMap::new();
        while let Some((index, annotation)) = read.try_next().await? {
            match annotation {
                Some(Ok(annotation)) => found.entry(index).or_default().push(annotation),
                Some(Err(reason)) => damaged.push(reason),
                None => {}
            }
        }
        Ok(found)
    }
}

fn candidate(
    video: &str,
    folder: &str,
    frame: KeptFrame,
    annotations: Vec<FrameAnnotation>,
) -> Candidate {
    Candidate {
        video: video.to_owned(),
        index: frame.index,
        seconds: frame.seconds,
        image: DatasetImage {
            name: format!("{folder}{}", frame.name),
            sha256: frame.sha256,
            bytes: frame.bytes,
            width: frame.width,
            height: frame.height,
            phash: frame.phash,
        },
        sharpness: frame.sharpness,
        annotations,
    }
}
