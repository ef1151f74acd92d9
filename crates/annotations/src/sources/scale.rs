//! Scale AI: a task, as its API and its callbacks have it. Lengths are pixels; a rotation is about the
//! centre, in radians.

use super::{NotAnAnswer, parse};
use crate::geometry::Geometry;
use crate::record::{Answer, Shape, Task, named};
use crate::rectangle::{Point, Rectangle};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

const SYSTEM: &str = "Scale AI";

/// A task, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub struct ScaleTask {
    task_id: String,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    status: String,
    created_at: Timestamp,
    #[serde(default)]
    completed_at: Option<Timestamp>,
    #[serde(default)]
    updated_at: Option<Timestamp>,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Clone, Debug, Deserialize)]
struct Response {
    #[serde(default)]
    annotations: Vec<Value>,
}

#[derive(Deserialize)]
struct Marked {
    #[serde(default)]
    uuid: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    label: String,
    #[serde(default)]
    left: Option<f64>,
    #[serde(default)]
    top: Option<f64>,
    #[serde(default)]
    width: Option<f64>,
    #[serde(default)]
    height: Option<f64>,
    #[serde(default)]
    rotation: f64,
    #[serde(default)]
    x: Option<f64>,
    #[serde(default)]
    y: Option<f64>,
    #[serde(default)]
    vertices: Vec<Point>,
}

impl ScaleTask {
    /// From the body of the answer.
    ///
    /// # Errors
    /// Where it is no task.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnAnswer> {
        parse(SYSTEM, "a task", body)
    }

    /// The frame that the task is about; `None` of a task that is not framemill's.
    pub fn frame(&self) -> Option<&str> {
        self.metadata.get("framemill_frame")?.as_str()
    }

    /// The frame's image: `gs://bucket/name`.
    pub fn object(&self) -> Option<&str> {
        self.metadata.get("framemill_object")?.as_str()
    }

    /// Whether it is in the project of this name, as far as it says.
    pub fn is_of_project(&self, project: &str) -> bool {
        self.project.as_ref().is_none_or(|it| it == project)
    }

    /// Its id and time.
    pub fn task(&self) -> Task {
        let changed = self.updated_at.max(self.completed_at);
        Task {
            id: self.task_id.clone(),
            updated_at: changed.unwrap_or(self.created_at),
        }
    }

    /// Whether it was taken back.
    pub fn is_canceled(&self) -> bool {
        self.status == "canceled"
    }

    /// What is said about the frame: one answer once the task is completed, or in error, which passes
    /// the frame on; none before, and none of a task that was canceled.
    pub fn answers(&self) -> Vec<Answer> {
        let skipped = match self.status.as_str() {
            "completed" => false,
            "error" => true,
            _ => return Vec::new(),
        };
        let mut answer = Answer {
            id: self.task_id.clone(),
            annotator: None,
            ground_truth: false,
            skipped,
            created_at: self.created_at,
            updated_at: self.task().updated_at,
            shapes: Vec::new(),
            faults: Vec::new(),
        };
        for entry in self
            .response
            .iter()
            .flat_map(|response| &response.annotations)
        {
            answer.push(match Marked::deserialize(entry) {
                Ok(marked) => marked.shape(),
                Err(error) => Err(format!("an annotation cannot be read: {error}")),
            });
        }
        vec![answer]
    }
}

impl Marked {
    fn shape(self) -> Result<Shape, String> {
        let geometry = match self.kind.as_str() {
            "box" => match (self.left, self.top, self.width, self.height) {
                (Some(x), Some(y), Some(width), Some(height)) => Geometry::Box(Rectangle {
                    x,
                    y,
                    width,
                    height,
                    rotation: self.rotation.to_degrees().rem_euclid(360.0),
                }),
                _ => return Err(named(self.uuid.as_deref(), "a box lacks a number")),
            },
            "polygon" => Geometry::Polygon {
                points: self.vertices,
            },
            "line" => Geometry::Polyline {
                points: self.vertices,
            },
            "point" => match (self.x, self.y) {
                (Some(x), Some(y)) => Geometry::Point(Point { x, y }),
                _ => return Err(named(self.uuid.as_deref(), "a point lacks a number")),
            },
            kind => {
                let fault = format!("`{kind}` is no shape that can be read");
                return Err(named(self.uuid.as_deref(), fault));
            }
        };
        Ok(Shape {
            label: self.label,
            label_id: None,
            geometry,
            id: self.uuid,
            occluded: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(status: &str, annotations: Value) -> ScaleTask {
        let body = json!({
            "task_id": "t", "status": status, "created_at": "2026-11-01T10:00:00Z",
            "completed_at": "2026-11-01T10:05:00Z",
            "metadata": {"framemill_frame": "gs://b/v.mp4#1/0"},
            "response": {"annotations": annotations},
        });
        ScaleTask::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn only_tasks_that_are_done_have_an_answer() {
        let marked = json!([
            {"type": "box", "label": "car", "left": 1, "top": 2, "width": 3, "height": 4, "uuid": "u"},
            {"type": "line", "label": "lane", "vertices": [{"x": 0, "y": 0}, {"x": 5, "y": 5}]},
            {"type": "box", "label": "car", "left": 1},
            {"type": "cuboid", "label": "car"},
            {"label": "car"},
        ]);
        let done = task("completed", marked.clone());
        let [answer] = &done.answers()[..] else {
            panic!("one answer");
        };
        assert_eq!((answer.shapes.len(), answer.faults.len()), (2, 3));
        assert_eq!(done.frame(), Some("gs://b/v.mp4#1/0"));
        assert_eq!(done.task().updated_at.to_string(), "2026-11-01T10:05:00Z");
        assert!(task("pending", marked.clone()).answers().is_empty());
        assert!(!task("pending", json!([])).is_canceled());
        assert!(task("canceled", json!([])).is_canceled());
        assert!(task("canceled", marked).answers().is_empty());
        assert!(task("error", json!([])).answers()[0].skipped);
    }
}
