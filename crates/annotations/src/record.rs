//! What is written about a frame: all answers of a labeling system, and what follows from them.

use crate::geometry::Geometry;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Schema name of [`FrameAnnotation`].
pub const ANNOTATION_SCHEMA: &str = "framemill.annotation/1";
/// Hex digits of a revision's hash in its name.
const HASH_DIGITS: usize = 16;

/// What is known of a frame in a labeling system: one revision, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FrameAnnotation {
    /// [`ANNOTATION_SCHEMA`].
    pub schema: String,
    /// Id of the target that was asked.
    pub target: String,
    /// The frame: `gs://bucket/video#generation/index`, as the target was told.
    pub frame: String,
    /// Its image.
    pub image: AnnotatedImage,
    /// What follows from the answers.
    pub state: State,
    /// Shapes of the answer that counts; none unless `state` is `labeled`.
    pub shapes: Vec<Shape>,
    /// Id of the answer that counts, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<String>,
    /// All answers there are, by id.
    pub answers: Vec<Answer>,
    /// The target's task.
    pub task: String,
    /// When the target last changed it, as the target says.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
}

/// The image that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AnnotatedImage {
    /// Object name.
    pub name: String,
    /// Checksum, lower-case hex.
    pub sha256: String,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There are shapes.
    Labeled,
    /// Someone looked, and there is nothing.
    Empty,
    /// All who looked passed it on.
    Skipped,
    /// There were answers or a task, and there are none now.
    Deleted,
}

/// What one annotator says about a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Answer {
    /// Its id in the target.
    pub id: String,
    /// Who gave it, as the target names people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// It counts before all others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ground_truth: bool,
    /// The frame was passed on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// When it was given.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// What is marked.
    pub shapes: Vec<Shape>,
    /// What is marked too, but cannot be used, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Answer {
    /// Keeps a shape, or why it is none.
    pub(crate) fn push(&mut self, shape: Result<Shape, String>) {
        let checked = shape.and_then(|shape| match shape.geometry.fault() {
            Some(fault) => Err(named(shape.id.as_deref(), fault)),
            None => Ok(shape),
        });
        match checked {
            Ok(shape) => self.shapes.push(shape),
            Err(fault) => self.faults.push(fault),
        }
    }
}

/// A fault of a shape.
pub(crate) fn named(id: Option<&str>, fault: impl std::fmt::Display) -> String {
    match id {
        Some(id) => format!(
            "shape `{}`: {fault}",
            id.chars().take(100).collect::<String>()
        ),
        None => fault.to_string(),
    }
}

/// Something marked in an image, with a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shape {
    /// What it is, by the name that the target has for it.
    pub label: String,
    /// The label's id in the target, where it has ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_id: Option<String>,
    /// Where it is.
    #[serde(flatten)]
    pub geometry: Geometry,
    /// Its id in the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Something stands before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub occluded: bool,
}

/// Where a revision stands among those of its frame: by time, then by content. The later one counts,
/// in whatever order they come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    updated_at: Timestamp,
    hash: String,
}

impl Revision {
    /// For the name of its object: times in order are names in order.
    pub fn name(&self) -> String {
        let micros = self.updated_at.as_microsecond().max(0);
        format!("{micros:020}-{}", self.hash)
    }
}

impl FrameAnnotation {
    /// From all the answers that a target has about a frame; `None` of `task_updated_at`: when the last
    /// answer was changed. An answer counts before others if it is ground truth, else if it is newer;
    /// those that passed the frame on count if there are no others.
    pub fn new(
        target: &str,
        frame: &str,
        image: AnnotatedImage,
        task: &Task,
        mut answers: Vec<Answer>,
    ) -> Self {
        answers.sort_by(|a, b| a.id.cmp(&b.id));
        let rank = |answer: &&Answer| (answer.ground_truth, answer.updated_at, answer.id.clone());
        let given = answers.iter().filter(|answer| !answer.skipped);
        let chosen = given.max_by_key(rank);
        let state = match chosen {
            // Something was marked where there are faults: that is not nothing.
            Some(answer) if answer.shapes.is_empty() && answer.faults.is_empty() => State::Empty,
            Some(_) => State::Labeled,
            None if answers.is_empty() => State::Deleted,
            None => State::Skipped,
        };
        let last = answers.iter().map(|answer| answer.updated_at).max();
        Self {
            schema: ANNOTATION_SCHEMA.to_owned(),
            target: target.to_owned(),
            frame: frame.to_owned(),
            image,
            state,
            shapes: chosen.map_or_else(Vec::new, |answer| answer.shapes.clone()),
            counts: chosen.map(|answer| answer.id.clone()),
            updated_at: last.map_or(task.updated_at, |last| last.max(task.updated_at)),
            task: task.id.clone(),
            answers,
        }
    }

    /// What follows where its task was deleted. A target does not say when that was: it counts as a
    /// microsecond later, as finely as the names of revisions tell times apart. So it is later than what
    /// it deletes, the same whoever finds it, and earlier than whatever a new task of the frame answers.
    #[must_use]
    pub fn of_deleted_task(&self) -> Self {
        let later = self.updated_at.checked_add(SignedDuration::from_micros(1));
        Self {
            state: State::Deleted,
            shapes: Vec::new(),
            counts: None,
            answers: Vec::new(),
            updated_at: later.unwrap_or(self.updated_at),
            ..self.clone()
        }
    }

    /// Where it stands among the revisions of its frame.
    pub fn revision(&self) -> Revision {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        let mut hash = hex::encode(Sha256::digest(bytes));
        hash.truncate(HASH_DIGITS);
        Revision {
            updated_at: self.updated_at,
            hash,
        }
    }
}

/// A task of a target, as far as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rectangle::Rectangle;
    use proptest::prelude::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn shape(label: &str) -> Shape {
        Shape {
            label: label.to_owned(),
            label_id: None,
            geometry: Geometry::Box(Rectangle {
                x: 1.0,
                y: 2.0,
                width: 3.0,
                height: 4.0,
                rotation: 0.0,
            }),
            id: None,
            occluded: false,
        }
    }

    fn answer(id: &str, at: i64, shapes: &[Shape]) -> Answer {
        Answer {
            id: id.to_owned(),
            annotator: None,
            ground_truth: false,
            skipped: false,
            created_at: time(at),
            updated_at: time(at),
            shapes: shapes.to_vec(),
            faults: Vec::new(),
        }
    }

    fn annotation(answers: Vec<Answer>) -> FrameAnnotation {
        let image = AnnotatedImage {
            name: "images/a.mp4/000000.jpg".to_owned(),
            sha256: "00".repeat(32),
            width: 640,
            height: 480,
        };
        let task = Task {
            id: "1".to_owned(),
            updated_at: time(1),
        };
        FrameAnnotation::new(
            "label-studio",
            "gs://b/videos/a.mp4#1/0",
            image,
            &task,
            answers,
        )
    }

    #[test]
    fn ground_truth_counts_then_the_newest_then_who_passed_it_on() {
        let (old, new) = (answer("1", 10, &[shape("car")]), answer("2", 20, &[]));
        let both = annotation(vec![new.clone(), old.clone()]);
        assert_eq!(
            (both.state, both.counts.as_deref()),
            (State::Empty, Some("2"))
        );
        assert_eq!(both.answers.len(), 2);

        let truth = Answer {
            ground_truth: true,
            ..old.clone()
        };
        let both = annotation(vec![new.clone(), truth]);
        assert_eq!(
            (both.state, both.counts.as_deref()),
            (State::Labeled, Some("1"))
        );
        assert_eq!(both.shapes, [shape("car")]);

        let passed = Answer {
            skipped: true,
            ..new
        };
        assert_eq!(annotation(vec![passed.clone(), old]).state, State::Labeled);
        assert_eq!(annotation(vec![passed]).state, State::Skipped);
        assert_eq!(annotation(vec![]).state, State::Deleted);
    }

    #[test]
    fn a_deleted_task_is_later_than_its_answers_and_earlier_than_a_new_task() {
        let last = annotation(vec![answer("1", 10, &[shape("car")])]);
        let deleted = last.of_deleted_task();
        assert_eq!(deleted.state, State::Deleted);
        assert!(deleted.shapes.is_empty() && deleted.answers.is_empty());
        assert!(deleted.revision() > last.revision());
        assert!(deleted.revision().name() > last.revision().name());
        assert_eq!(deleted.revision(), last.of_deleted_task().revision());
        let again = annotation(vec![answer("2", 11, &[])]);
        assert!(again.revision() > deleted.revision());
    }

    #[test]
    fn a_shape_is_flat_json() {
        let json = serde_json::to_value(shape("car")).unwrap();
        let expected = serde_json::json!({
            "label": "car", "type": "box", "x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0,
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Shape>(json).unwrap(), shape("car"));
    }

    proptest! {
        #[test]
        fn revisions_do_not_depend_on_the_order_of_answers(
            answers in proptest::collection::vec((0..9_u8, 1..100_i64, any::<bool>()), 0..5)
        ) {
            let made = |list: &[(u8, i64, bool)]| {
                let one = |&(id, at, skipped): &(u8, i64, bool)| Answer {
                    skipped,
                    ..answer(&format!("{id}-{at}"), at, &[shape("car")])
                };
                annotation(list.iter().map(one).collect())
            };
            let mut turned = answers.clone();
            turned.reverse();
            prop_assert_eq!(made(&answers).revision().updated_at, made(&turned).revision().updated_at);
            let unique = answers.iter().map(|it| (it.0, it.1)).collect::<std::collections::BTreeSet<_>>();
            if unique.len() == answers.len() {
                prop_assert_eq!(made(&answers).revision(), made(&turned).revision());
            }
        }

        #[test]
        fn names_of_revisions_are_in_their_order(a in 0..1_i64 << 37, b in 0..1_i64 << 37) {
            let of = |at| annotation(vec![answer("1", at, &[])]).revision();
            let (a, b) = (of(a), of(b));
            prop_assert_eq!(a.cmp(&b), a.name().cmp(&b.name()));
        }
    }
}
