//! framemill's own form of answers: what the receiver of label requests (`target = "webhook"`) sends.

use super::{NotAnAnswer, parse};
use crate::record::{Answer, Shape, Task};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Schema name of [`AnswerReport`].
pub const ANSWER_SCHEMA: &str = "framemill.answer/1";

const SYSTEM: &str = "webhook";
const WHAT: &str = "a body";

/// Answers about one frame or many: the body of a webhook.
pub type AnswerReport = Report<Answer>;

/// Answers of one kind about frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AnswerReport"))]
pub struct Report<A> {
    /// [`ANSWER_SCHEMA`].
    pub schema: String,
    /// By frame; in no order.
    pub answers: Vec<FrameReport<A>>,
}

/// All answers that there are about a frame now; none where they were taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "FrameReport"))]
pub struct FrameReport<A> {
    /// `key` of the frame, as the request has it.
    pub frame: String,
    /// Its image: `object` of the request, or `gs://bucket/name`.
    pub image: String,
    /// Id of the sender's task.
    pub task: String,
    /// When it was last changed. Of several reports about a frame the latest counts; no answer is later.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
    /// What annotators say, in pixels of the image.
    pub answers: Vec<A>,
}

impl AnswerReport {
    /// From the body of a webhook. What is no shape becomes a fault of its answer.
    ///
    /// # Errors
    /// Where it is no report, or an answer is later than its frame.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnAnswer> {
        let Report { schema, answers } = parse::<Report<Value>>(SYSTEM, WHAT, body)?;
        if schema != ANSWER_SCHEMA {
            let schema: String = schema.chars().take(100).collect();
            return Err(wrong(format!(
                "its schema is `{schema}`, not `{ANSWER_SCHEMA}`"
            )));
        }
        let frames = answers.into_iter().enumerate();
        let frames = frames.map(|(number, frame)| {
            let named = |reason: String| wrong(format!("answers[{number}]: {reason}"));
            frame.read().map_err(named)
        });
        Ok(Self {
            schema,
            answers: frames.collect::<Result<_, _>>()?,
        })
    }
}

fn wrong(reason: String) -> NotAnAnswer {
    NotAnAnswer {
        system: SYSTEM,
        what: WHAT,
        reason,
    }
}

impl FrameReport<Value> {
    fn read(self) -> Result<FrameReport<Answer>, String> {
        let answers = self.answers.into_iter().map(answer);
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        if let Some(late) = answers.iter().find(|it| it.updated_at > self.updated_at) {
            let id: String = late.id.chars().take(100).collect();
            return Err(format!(
                "answer `{id}` is later than updated_at of its frame"
            ));
        }
        Ok(FrameReport {
            frame: self.frame,
            image: self.image,
            task: self.task,
            updated_at: self.updated_at,
            answers,
        })
    }
}

/// An answer whose shapes are read one by one.
fn answer(mut given: Value) -> Result<Answer, String> {
    let shapes = given
        .get_mut("shapes")
        .map(|shapes| std::mem::replace(shapes, Value::Array(Vec::new())));
    let mut answer = Answer::deserialize(given).map_err(|error| format!("an answer: {error}"))?;
    let Some(Value::Array(shapes)) = shapes else {
        return Err("an answer: shapes are no list".to_owned());
    };
    for shape in shapes {
        let shape = Shape::deserialize(shape);
        answer.push(shape.map_err(|error| format!("a shape cannot be read: {error}")));
    }
    Ok(answer)
}

impl<A> FrameReport<A> {
    /// Id and time of its task.
    pub fn task(&self) -> Task {
        Task {
            id: self.task.clone(),
            updated_at: self.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(shapes: &Value) -> Value {
        json!({"schema": ANSWER_SCHEMA, "answers": [{
            "frame": "gs://b/v.mp4#1/0", "image": "images/v.mp4/000000.jpg", "task": "t",
            "updated_at": "2026-11-01T10:00:05Z",
            "answers": [{"id": "1", "created_at": "2026-11-01T10:00:00Z",
                "updated_at": "2026-11-01T10:00:00+00:00", "shapes": shapes}],
        }]})
    }

    fn parsed(body: &Value) -> Result<AnswerReport, String> {
        AnswerReport::parse(body.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_no_shape_is_a_fault_and_the_rest_counts() {
        let read = parsed(&report(&json!([
            {"label": "car", "type": "box", "x": 1, "y": 2, "width": 3, "height": 4},
            {"label": "car", "type": "box", "x": 1, "y": 2, "width": 0, "height": 4, "id": "s"},
            {"label": "car", "type": "sphere"},
            7,
        ])));
        let read = read.unwrap();
        let answer = &read.answers[0].answers[0];
        assert_eq!((answer.shapes.len(), answer.faults.len()), (1, 3));
        assert!(
            answer.faults[0].contains("shape `s`"),
            "{:?}",
            answer.faults
        );
        assert_eq!(read.answers[0].task().id, "t");
    }

    #[test]
    fn what_is_no_report_is_named() {
        let good = report(&json!([]));
        assert!(parsed(&good).is_ok());
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            parsed(&body).unwrap_err()
        };
        for (pointer, value, part) in [
            ("/schema", json!("framemill.answer/9"), "its schema is"),
            ("/answers", json!({}), "expected a sequence"),
            ("/answers/0/frame", json!(7), "expected a string"),
            (
                "/answers/0/updated_at",
                json!("2026-11-01T09:00:00Z"),
                "answers[0]: answer `1` is later",
            ),
            ("/answers/0/answers/0/shapes", json!("x"), "no list"),
            ("/answers/0/answers/0", json!([]), "answers[0]: an answer"),
            (
                "/answers/0/answers/0/id",
                json!(null),
                "answers[0]: an answer",
            ),
        ] {
            let error = with(pointer, value);
            assert!(error.contains(part), "{pointer}: {error}");
        }
    }
}
