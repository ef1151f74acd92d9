//! The objects of a shard to its files.

use crate::error::WarehouseError;
use crate::listing::{Listing, VideoListing};
use crate::report::Problem;
use bytes::Bytes;
use framemill_annotations::{ANNOTATION_SCHEMA, FrameAnnotation};
use framemill_contract::{Layout, MANIFEST_SCHEMA, Manifest, VideoName, parse_record};
use framemill_objects::{Store, StoreError, read_whole};
use framemill_warehouse::{IndexedAnnotation, Shard, ShardTables, TableFile, VideoContent};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};

/// Objects that are read at the same time.
const AT_ONCE: usize = 32;

/// The files of a shard, and what has no rows in them.
pub(crate) struct ShardContent {
    pub(crate) files: [TableFile; 3],
    pub(crate) findings: Findings,
}

/// What was seen while objects were read.
#[derive(Default)]
pub(crate) struct Findings {
    /// By name.
    pub(crate) problems: Vec<Problem>,
    /// Some of them may pass.
    pub(crate) passing: bool,
    /// Objects that were read.
    pub(crate) read: u64,
}

/// Reads the objects of shards.
pub(crate) struct ShardReader<'s> {
    pub(crate) store: &'s dyn Store,
    pub(crate) layout: &'s Layout,
}

/// An object of a video.
struct Wanted<'l> {
    video: &'l str,
    listing: &'l VideoListing,
    /// Of an annotation: target and number of its frame. Else it is the manifest.
    frame: Option<(&'l str, u64)>,
}

/// What such an object says.
enum Part {
    Manifest(Box<Manifest>),
    Annotation(Box<IndexedAnnotation>),
    /// It is gone since it was listed: the next listing is another.
    Gone,
}

/// Why it says nothing.
struct Fault {
    problem: Problem,
    passing: bool,
}

impl ShardReader<'_> {
    /// Reads all objects of a shard, several at once, and makes its files. What is damaged is a
    /// problem, and the rest goes on.
    pub(crate) async fn read(
        &self,
        listing: &Listing,
        shard: Shard,
        on_read: &(dyn Fn(u64) + Sync),
    ) -> Result<ShardContent, WarehouseError> {
        let wanted: Vec<Wanted<'_>> = listing
            .videos(shard)
            .flat_map(|(video, listing)| Wanted::all(video, listing))
            .collect();
        // Boxed: what is borrowed is else too much for the compiler to see that it may be sent.
        let parts: Vec<BoxFuture<'_, _>> = wanted
            .iter()
            .map(|wanted| self.part(wanted).boxed())
            .collect();
        // In order, so that a video is whole before the next one begins.
        let mut parts = std::pin::pin!(futures::stream::iter(parts).buffered(AT_ONCE));
        let mut assembly = Assembly::new(self.layout)?;
        for wanted in &wanted {
            let Some(part) = parts.next().await else {
                break;
            };
            assembly.add(wanted, part?)?;
            on_read(assembly.findings.read);
        }
        assembly.finish()
    }

    /// Reads an object. A store that does not answer is an error, an object that says nothing a fault.
    async fn part(&self, wanted: &Wanted<'_>) -> Result<Result<Part, Fault>, StoreError> {
        let name = wanted.name(self.layout);
        let fault = |reason: String, passing| Fault {
            problem: Problem {
                name: name.clone(),
                reason,
            },
            passing,
        };
        let bytes = match read_whole(self.store, &name).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Ok(Part::Gone)),
            Err(StoreError::Invalid(reason)) => return Ok(Err(fault(reason, false))),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Denied { .. })) => {
                return Ok(Err(fault(error.to_string(), true)));
            }
            Err(error) => return Err(error),
        };
        Ok(wanted.parse(&bytes).map_err(|reason| fault(reason, false)))
    }
}

impl<'l> Wanted<'l> {
    /// All objects of a video.
    fn all(video: &'l str, listing: &'l VideoListing) -> impl Iterator<Item = Self> {
        let of = move |frame| Self {
            video,
            listing,
            frame,
        };
        let manifest = listing.manifest.map(|_| of(None));
        let annotations = listing
            .annotations
            .iter()
            .flat_map(move |(target, frames)| {
                let target = target.as_str();
                frames
                    .iter()
                    .map(move |(index, _)| of(Some((target, *index))))
            });
        manifest.into_iter().chain(annotations)
    }

    fn name(&self, layout: &Layout) -> String {
        let video = VideoName::parse(self.video);
        match self.frame {
            None => layout.manifest(&video),
            Some((target, index)) => layout.current_annotation(target, &video, index),
        }
    }

    fn parse(&self, bytes: &Bytes) -> Result<Part, String> {
        let Some((target, index)) = self.frame else {
            let manifest = parse_record(bytes, MANIFEST_SCHEMA);
            let manifest = manifest.map_err(|error| error.to_string())?;
            return Ok(Part::Manifest(Box::new(manifest)));
        };
        let annotation = parse_record::<FrameAnnotation>(bytes, ANNOTATION_SCHEMA);
        let annotation = annotation.map_err(|error| error.to_string())?;
        if annotation.target != target {
            return Err(format!("is about target `{}`", annotation.target));
        }
        Ok(Part::Annotation(Box::new(IndexedAnnotation {
            index,
            annotation,
        })))
    }
}

/// Files while they are made: all parts of a video, then its rows.
struct Assembly<'l> {
    image_path: &'l str,
    tables: ShardTables,
    video: VideoContent,
    findings: Findings,
}

impl<'l> Assembly<'l> {
    fn new(layout: &'l Layout) -> Result<Self, WarehouseError> {
        Ok(Self {
            image_path: &layout.images,
            tables: ShardTables::new()?,
            video: VideoContent::default(),
            findings: Findings::default(),
        })
    }

    fn add(&mut self, of: &Wanted<'_>, part: Result<Part, Fault>) -> Result<(), WarehouseError> {
        if self.video.video != of.video {
            self.tables.push(&self.video)?;
            self.video = VideoContent {
                video: of.video.to_owned(),
                image_path: self.image_path.to_owned(),
                requested: of.listing.requested.clone(),
                ..VideoContent::default()
            };
        }
        self.findings.read = self.findings.read.saturating_add(1);
        match part {
            Ok(Part::Manifest(manifest)) => self.video.manifest = Some(*manifest),
            Ok(Part::Annotation(annotation)) => self.video.annotations.push(*annotation),
            Ok(Part::Gone) => {}
            Err(Fault { problem, passing }) => {
                self.findings.problems.push(problem);
                self.findings.passing |= passing;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<ShardContent, WarehouseError> {
        self.tables.push(&self.video)?;
        self.findings.problems.sort();
        Ok(ShardContent {
            files: self.tables.finish()?,
            findings: self.findings,
        })
    }
}
