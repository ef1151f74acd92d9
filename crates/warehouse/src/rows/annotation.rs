//! `annotations`: a row a shape of every answer, and one of each answer without shapes.

use super::{camera, word};
use crate::VideoContent;
use crate::column::{Column, count};
use crate::content::IndexedAnnotation;
use framemill_annotations::{Answer, FrameAnnotation, Geometry, Point, Rectangle, Shape, State};
use jiff::Timestamp;
use std::sync::Arc;

/// A row of `annotations`.
pub(crate) struct AnnotationRow {
    video: Arc<str>,
    index: u64,
    annotation: Arc<AnnotationFacts>,
    answer: Arc<AnswerFacts>,
    shape: Option<ShapeFacts>,
}

struct AnnotationFacts {
    target: String,
    task: String,
    image: String,
    sha256: String,
    revision: String,
}

struct AnswerFacts {
    id: String,
    annotator: Option<String>,
    counts: bool,
    ground_truth: bool,
    state: String,
    faults: usize,
    created_at: Timestamp,
    updated_at: Timestamp,
}

struct ShapeFacts {
    number: usize,
    id: Option<String>,
    label: String,
    label_id: Option<String>,
    kind: &'static str,
    hull: Option<Rectangle>,
    rotation: Option<f64>,
    area: Option<f64>,
    occluded: bool,
}

impl AnnotationFacts {
    fn new(annotation: &FrameAnnotation) -> Self {
        Self {
            target: annotation.target.clone(),
            task: annotation.task.clone(),
            image: annotation.image.name.clone(),
            sha256: annotation.image.sha256.clone(),
            revision: annotation.revision().name(),
        }
    }
}

impl AnswerFacts {
    fn new(answer: &Answer, counts: Option<&str>) -> Self {
        let state = match (answer.skipped, answer.shapes.is_empty()) {
            (true, _) => State::Skipped,
            // Something was marked where there are faults: that is not nothing.
            (false, true) if answer.faults.is_empty() => State::Empty,
            (false, _) => State::Labeled,
        };
        Self {
            id: answer.id.clone(),
            annotator: answer.annotator.clone(),
            counts: counts == Some(answer.id.as_str()),
            ground_truth: answer.ground_truth,
            state: word(&state),
            faults: answer.faults.len(),
            created_at: answer.created_at,
            updated_at: answer.updated_at,
        }
    }
}

impl ShapeFacts {
    fn new(number: usize, shape: &Shape) -> Self {
        let geometry = &shape.geometry;
        Self {
            number,
            id: shape.id.clone(),
            label: shape.label.clone(),
            label_id: shape.label_id.clone(),
            kind: kind(geometry),
            hull: geometry.hull(),
            rotation: match geometry {
                Geometry::Box(rectangle) => Some(rectangle.rotation),
                _ => None,
            },
            area: area(geometry),
            occluded: shape.occluded,
        }
    }
}

impl AnnotationRow {
    /// Of all answers about a video, by frame, target, answer and shape.
    pub(crate) fn all(content: &VideoContent) -> impl Iterator<Item = Self> + '_ {
        let video: Arc<str> = content.video.as_str().into();
        let mut annotations: Vec<&IndexedAnnotation> = content.annotations.iter().collect();
        annotations.sort_by_key(|it| (it.index, it.annotation.target.as_str()));
        annotations.into_iter().flat_map(move |it| {
            let facts = Arc::new(AnnotationFacts::new(&it.annotation));
            let video = Arc::clone(&video);
            let counts = it.annotation.counts.as_deref();
            let mut answers: Vec<&Answer> = it.annotation.answers.iter().collect();
            answers.sort_by(|a, b| a.id.cmp(&b.id));
            answers.into_iter().flat_map(move |answer| {
                let row = Self {
                    video: Arc::clone(&video),
                    index: it.index,
                    annotation: Arc::clone(&facts),
                    answer: Arc::new(AnswerFacts::new(answer, counts)),
                    shape: None,
                };
                row.with_shapes(&answer.shapes)
            })
        })
    }

    /// A row a shape; this one where there are none.
    fn with_shapes(self, shapes: &[Shape]) -> Vec<Self> {
        if shapes.is_empty() {
            return vec![self];
        }
        let numbered = shapes.iter().enumerate();
        let row = |(number, shape): (usize, &Shape)| Self {
            video: Arc::clone(&self.video),
            index: self.index,
            annotation: Arc::clone(&self.annotation),
            answer: Arc::clone(&self.answer),
            shape: Some(ShapeFacts::new(number, shape)),
        };
        numbered.map(row).collect()
    }

    fn hull(&self) -> Option<Rectangle> {
        self.shape.as_ref()?.hull
    }

    pub(crate) const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::text("video", "Its video", |row| Some(&row.video)).required(),
        Column::<Self>::text(
            "camera",
            "Folder of the video's path; empty where there is none",
            |row| Some(camera(&row.video)),
        )
        .required(),
        Column::<Self>::integer("frame_index", "Number of the frame in the video", |row| {
            count(row.index)
        })
        .required(),
        Column::<Self>::text(
            "image",
            "Object name of the image that was looked at",
            |row| Some(&row.annotation.image),
        )
        .required(),
        Column::<Self>::text("sha256", "Checksum of that image", |row| {
            Some(&row.annotation.sha256)
        })
        .required(),
        Column::<Self>::text("target", "Id of the target that was asked", |row| {
            Some(&row.annotation.target)
        })
        .required(),
        Column::<Self>::text("task", "The target's task", |row| {
            Some(&row.annotation.task)
        })
        .required(),
        Column::<Self>::text(
            "revision",
            "Name of the revision of the frame's annotation",
            |row| Some(&row.annotation.revision),
        )
        .required(),
        Column::<Self>::text("answer_id", "Id of the answer in the target", |row| {
            Some(&row.answer.id)
        })
        .required(),
        Column::<Self>::text(
            "annotator",
            "Who gave it, as the target names people",
            |row| row.answer.annotator.as_deref(),
        ),
        Column::<Self>::flag(
            "counts",
            "Of the answers about a frame it is the one that counts",
            |row| Some(row.answer.counts),
        )
        .required(),
        Column::<Self>::flag("ground_truth", "It counts before all others", |row| {
            Some(row.answer.ground_truth)
        })
        .required(),
        Column::<Self>::text(
            "state",
            "What this answer says: labeled, empty (there is nothing) or skipped",
            |row| Some(&row.answer.state),
        )
        .required(),
        Column::<Self>::integer(
            "faults",
            "Shapes of the answer that cannot be used, and have no row",
            |row| count(row.answer.faults),
        )
        .required(),
        Column::<Self>::integer(
            "shape_index",
            "Number of the shape in the answer, from 0; NULL where it has none",
            |row| count(row.shape.as_ref()?.number),
        ),
        Column::<Self>::text("shape_id", "Id of the shape in the target", |row| {
            row.shape.as_ref()?.id.as_deref()
        }),
        Column::<Self>::text("label", "What it is, by the target's name for it", |row| {
            Some(row.shape.as_ref()?.label.as_str())
        }),
        Column::<Self>::text(
            "label_id",
            "The label's id in the target, where it has ids",
            |row| row.shape.as_ref()?.label_id.as_deref(),
        ),
        Column::<Self>::text(
            "kind",
            "box, polygon, polyline, point, mask or classification",
            |row| Some(row.shape.as_ref()?.kind),
        ),
        Column::<Self>::float(
            "x",
            "Left edge of the upright rectangle around it, in pixels of the image",
            |row| Some(row.hull()?.x),
        ),
        Column::<Self>::float("y", "Top edge of that", |row| Some(row.hull()?.y)),
        Column::<Self>::float("width", "Width of that", |row| Some(row.hull()?.width)),
        Column::<Self>::float("height", "Height of that", |row| Some(row.hull()?.height)),
        Column::<Self>::float(
            "rotation",
            "Degrees clockwise that a box is turned about its centre",
            |row| row.shape.as_ref()?.rotation,
        ),
        Column::<Self>::float(
            "area",
            "Square pixels of a box, a polygon or a mask",
            |row| row.shape.as_ref()?.area,
        ),
        Column::<Self>::flag("occluded", "Something stands before it", |row| {
            Some(row.shape.as_ref()?.occluded)
        }),
        Column::<Self>::time("created_at", "When the answer was given", |row| {
            Some(row.answer.created_at)
        })
        .required(),
        Column::<Self>::time("updated_at", "When the answer was last changed", |row| {
            Some(row.answer.updated_at)
        })
        .required(),
    ];
}

fn kind(geometry: &Geometry) -> &'static str {
    match geometry {
        Geometry::Box(_) => "box",
        Geometry::Polygon { .. } => "polygon",
        Geometry::Polyline { .. } => "polyline",
        Geometry::Point(_) => "point",
        Geometry::Mask(_) => "mask",
        Geometry::Classification => "classification",
    }
}

/// Square pixels; `None` of what has no area.
fn area(geometry: &Geometry) -> Option<f64> {
    match geometry {
        Geometry::Box(rectangle) => Some(rectangle.width * rectangle.height),
        Geometry::Polygon { points } => Some(polygon_area(points)),
        Geometry::Mask(mask) => Some(mask.area() as f64),
        Geometry::Polyline { .. } | Geometry::Point(_) | Geometry::Classification => None,
    }
}

/// By the shoelace formula.
fn polygon_area(points: &[Point]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let twice: f64 = points
        .iter()
        .zip(next)
        .map(|(a, b)| a.x * b.y - b.x * a.y)
        .sum();
    (twice / 2.0).abs()
}
