//! `frames`: a row a frame with an image, with what is known of its labels.

use super::{camera, word};
use crate::VideoContent;
use crate::column::{Column, count};
use crate::content::IndexedAnnotation;
use framemill_annotations::{FrameAnnotation, State};
use framemill_contract::{KeptFrame, Manifest};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A row of `frames`.
pub(crate) struct FrameRow {
    video: Arc<str>,
    requested: Option<Arc<str>>,
    image: String,
    /// Without its predictions.
    frame: KeptFrame,
    label: Option<LabelFacts>,
}

/// What is known of the labels of a frame.
struct LabelFacts {
    target: String,
    state: String,
    annotators: usize,
    shapes: usize,
    updated_at: Timestamp,
    revision: String,
}

impl LabelFacts {
    fn new(annotation: &FrameAnnotation) -> Self {
        let answers = &annotation.answers;
        // An answer without a name is somebody's too.
        let who: BTreeSet<_> = answers
            .iter()
            .map(|it| it.annotator.as_ref().ok_or(&it.id))
            .collect();
        Self {
            target: annotation.target.clone(),
            state: word(&annotation.state),
            annotators: who.len(),
            shapes: annotation.shapes.len(),
            updated_at: annotation.updated_at,
            revision: annotation.revision().name(),
        }
    }
}

/// Where an annotation stands among those that several targets have of a frame: someone looked before
/// all who looked passed it on, before there is nothing now; then the newer one.
fn rank(annotation: &FrameAnnotation) -> (u8, Timestamp, &str) {
    let said = match annotation.state {
        State::Labeled | State::Empty => 2,
        State::Skipped => 1,
        State::Deleted => 0,
    };
    (said, annotation.updated_at, &annotation.target)
}

impl FrameRow {
    /// Of all frames of a video, by number.
    pub(crate) fn all<'c>(
        content: &'c VideoContent,
        manifest: &'c Manifest,
    ) -> impl Iterator<Item = Self> + 'c {
        let video: Arc<str> = content.video.as_str().into();
        let requested: Option<Arc<str>> = content.requested_targets().map(Into::into);
        let labels = latest(&content.annotations);
        let mut frames: Vec<&KeptFrame> = manifest.frames.iter().collect();
        frames.sort_by_key(|frame| frame.index);
        frames.into_iter().map(move |frame| {
            // What was said of another image is not about this one.
            let label = labels.get(&(frame.index, frame.sha256.as_str()));
            Self {
                video: Arc::clone(&video),
                requested: requested.clone(),
                image: format!(
                    "{}{}/{}",
                    content.image_path, manifest.image_folder, frame.name
                ),
                frame: KeptFrame {
                    predictions: Vec::new(),
                    ..frame.clone()
                },
                label: label.map(|annotation| LabelFacts::new(annotation)),
            }
        })
    }

    pub(crate) const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::text("video", "Its video", |row| Some(&row.video)).required(),
        Column::<Self>::text(
            "camera",
            "Folder of the video's path; empty where there is none",
            |row| Some(camera(&row.video)),
        )
        .required(),
        Column::<Self>::integer(
            "frame_index",
            "Number in the video, in presentation order from 0. With video, the key of this table",
            |row| count(row.frame.index),
        )
        .required(),
        Column::<Self>::float("seconds", "Seconds after the video's first frame", |row| {
            Some(row.frame.seconds)
        })
        .required(),
        Column::<Self>::text("image", "Object name of its image", |row| Some(&row.image))
            .required(),
        Column::<Self>::text("sha256", "Checksum of the image, lower-case hex", |row| {
            Some(&row.frame.sha256)
        })
        .required(),
        Column::<Self>::integer("width", "Width of the image", |row| count(row.frame.width))
            .required(),
        Column::<Self>::integer("height", "Height of the image", |row| {
            count(row.frame.height)
        })
        .required(),
        Column::<Self>::integer("bytes", "Size of the image", |row| count(row.frame.bytes))
            .required(),
        Column::<Self>::text("phash", "Perceptual hash, 16 hex digits", |row| {
            Some(&row.frame.phash)
        })
        .required(),
        Column::<Self>::float(
            "sharpness",
            "Variance of the Laplacian of the small luma image",
            |row| Some(f64::from(row.frame.sharpness)),
        )
        .required(),
        Column::<Self>::flag("damaged", "The picture cannot be trusted", |row| {
            Some(row.frame.damaged)
        })
        .required(),
        Column::<Self>::text(
            "requested_targets",
            "Ids of the targets that were asked for labels of its video, with commas; NULL for none",
            |row| row.requested.as_deref(),
        ),
        Column::<Self>::text(
            "label_state",
            "labeled, empty (someone looked, and there is nothing), skipped or deleted; NULL where nobody answered",
            |row| Some(row.label.as_ref()?.state.as_str()),
        ),
        Column::<Self>::text(
            "label_target",
            "Id of the target whose answers these are: of several, one that says something, then the newest",
            |row| Some(row.label.as_ref()?.target.as_str()),
        ),
        Column::<Self>::integer("annotators", "How many people answered", |row| {
            count(row.label.as_ref()?.annotators)
        }),
        Column::<Self>::integer("shapes", "Shapes of the answer that counts", |row| {
            count(row.label.as_ref()?.shapes)
        }),
        Column::<Self>::time(
            "label_updated_at",
            "When the answers were last changed",
            |row| Some(row.label.as_ref()?.updated_at),
        ),
        Column::<Self>::text(
            "label_revision",
            "Name of the revision of the annotation",
            |row| Some(row.label.as_ref()?.revision.as_str()),
        ),
    ];
}

/// The annotation that counts, by frame and image.
fn latest(annotations: &[IndexedAnnotation]) -> BTreeMap<(u64, &str), &FrameAnnotation> {
    let mut latest: BTreeMap<(u64, &str), &FrameAnnotation> = BTreeMap::new();
    for IndexedAnnotation { index, annotation } in annotations {
        let there = latest
            .entry((*index, annotation.image.sha256.as_str()))
            .or_insert(annotation);
        if rank(annotation) > rank(there) {
            *there = annotation;
        }
    }
    latest
}
