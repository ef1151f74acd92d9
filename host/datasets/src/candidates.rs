//! Frames that a dataset may have: those of all manifests, with what was answered about them.

use crate::error::DatasetError;
use crate::objects::LARGEST_OBJECT;
use crate::progress::{Progress, Step, Told};
use framemill_annotations::{ANNOTATION_SCHEMA, FrameAnnotation};
use framemill_contract::{KeptFrame, Layout, MANIFEST_SCHEMA, Manifest, parse_record};
use framemill_dataset::{Candidate, DatasetImage, SnapshotBuilder};
use framemill_objects::{Store, pages, read_up_to};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{HashMap, HashSet};

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

/// The current annotations of a video.
type Names = Vec<AnnotationName>;

/// A current annotation.
struct AnnotationName {
    index: u64,
    target: String,
    /// Of the object.
    name: String,
}

/// A record, or what is wrong with it.
type Read<T> = Result<T, String>;

impl Candidates<'_> {
    /// Gives every frame to the builder, by the names of manifests and then by index, and what was
    /// answered about frames that no manifest has.
    pub async fn read(&self, builder: &mut SnapshotBuilder) -> Result<(), DatasetError> {
        let manifests = self.manifests().await?;
        let mut annotated = self.annotated().await?;
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
            let names = annotated.remove(&video).unwrap_or_default();
            let frames: HashSet<u64> = manifest.frames.iter().map(|it| it.index).collect();
            let (names, orphans): (Names, Names) =
                names.into_iter().partition(|it| frames.contains(&it.index));
            tell_orphans(builder, &video, &orphans);
            let mut answers = self.annotations(&names, &mut damaged).await?;
            let folder = self.layout.images_in(&manifest.image_folder);
            for frame in manifest.frames {
                let annotations = answers.remove(&frame.index).unwrap_or_default();
                builder.add(candidate(&video, &folder, frame, annotations))?;
                done = done.saturating_add(1);
            }
            (self.told)(Progress {
                step: Step::Reading,
                done,
                of: None,
            });
        }
        for (video, orphans) in &annotated {
            tell_orphans(builder, video, orphans);
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
    async fn annotated(&self) -> Result<HashMap<String, Names>, DatasetError> {
        let prefix = self.layout.all_annotations();
        let mut found: HashMap<String, Names> = HashMap::new();
        let mut pages = std::pin::pin!(pages(self.store, prefix));
        let mut done = 0_u64;
        while let Some(page) = pages.try_next().await? {
            done = done.saturating_add(page.len() as u64);
            for meta in page {
                if let Some(frame) = self.layout.annotated_frame(&meta.name) {
                    let of_video = found.entry(frame.video.to_string()).or_default();
                    of_video.push(AnnotationName {
                        index: frame.index,
                        target: frame.target,
                        name: meta.name,
                    });
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
        let Some((_, bytes)) = read_up_to(self.store, name, LARGEST_OBJECT).await? else {
            return Ok(None);
        };
        let manifest = parse_record::<Manifest>(&bytes, MANIFEST_SCHEMA);
        Ok(Some(match manifest {
            Ok(manifest) => Ok((video.to_string(), manifest)),
            Err(error) => Err(format!("{name}: {error}")),
        }))
    }

    async fn annotations(
        &self,
        names: &[AnnotationName],
        damaged: &mut Vec<String>,
    ) -> Result<HashMap<u64, Vec<FrameAnnotation>>, DatasetError> {
        let read = names.iter().map(async |it| {
            let found = read_up_to(self.store, &it.name, LARGEST_OBJECT).await?;
            let parsed = found.map(|(_, bytes)| it.parse(&bytes));
            Ok::<_, DatasetError>((it.index, parsed))
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

impl AnnotationName {
    fn parse(&self, bytes: &[u8]) -> Read<FrameAnnotation> {
        let name = &self.name;
        let annotation = parse_record::<FrameAnnotation>(bytes, ANNOTATION_SCHEMA);
        let annotation = annotation.map_err(|error| format!("{name}: {error}"))?;
        match annotation.target == self.target {
            true => Ok(annotation),
            false => Err(format!("{name}: is about target `{}`", annotation.target)),
        }
    }
}

fn tell_orphans(builder: &mut SnapshotBuilder, video: &str, orphans: &[AnnotationName]) {
    for orphan in orphans {
        builder.orphaned(video, orphan.index, &orphan.target);
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
