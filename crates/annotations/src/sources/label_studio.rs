//! Label Studio: a task with its annotations, as `GET /api/tasks/<id>/` answers it.
//!
//! Lengths are percent of the image, and rectangles are turned about their top left corner.

use super::{NotAnAnswer, parse};
use crate::geometry::Geometry;
use crate::label_studio_brush::mask_of_rle;
use crate::record::{Answer, Shape, Task, named};
use crate::rectangle::{Point, Rectangle, ellipse};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

const SYSTEM: &str = "Label Studio";

/// A task, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub struct LabelStudioTask {
    id: u64,
    #[serde(default)]
    project: Option<u64>,
    updated_at: Timestamp,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Clone, Debug, Deserialize)]
struct Annotation {
    id: u64,
    #[serde(default)]
    completed_by: Value,
    #[serde(default)]
    result: Vec<Value>,
    #[serde(default)]
    was_cancelled: bool,
    #[serde(default)]
    ground_truth: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// One entry of a result: a region, its label, or both.
#[derive(Deserialize)]
struct Region {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    original_width: Option<f64>,
    #[serde(default)]
    original_height: Option<f64>,
    #[serde(default)]
    image_rotation: f64,
    #[serde(default)]
    value: Value,
}

impl LabelStudioTask {
    /// From the body of the answer.
    ///
    /// # Errors
    /// Where it is no task.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnAnswer> {
        parse(SYSTEM, "a task", body)
    }

    /// The frame that the task is about; `None` of a task that is not framemill's.
    pub fn frame(&self) -> Option<&str> {
        self.data.get("framemill_frame")?.as_str()
    }

    /// The frame's image: `gs://bucket/name`.
    pub fn object(&self) -> Option<&str> {
        self.data.get("framemill_object")?.as_str()
    }

    /// Whether it is in the project of this number, as far as it says.
    pub fn is_of_project(&self, project: &str) -> bool {
        self.project.is_none_or(|it| it.to_string() == project)
    }

    /// Its id and time.
    pub fn task(&self) -> Task {
        Task {
            id: self.id.to_string(),
            updated_at: self.updated_at,
        }
    }

    /// What its annotators say about an image of this size.
    pub fn answers(&self, width: u32, height: u32) -> Vec<Answer> {
        let image = Image { width, height };
        self.annotations.iter().map(|it| it.answer(image)).collect()
    }
}

#[derive(Clone, Copy)]
struct Image {
    width: u32,
    height: u32,
}

impl Annotation {
    fn answer(&self, image: Image) -> Answer {
        let mut answer = Answer {
            id: self.id.to_string(),
            annotator: annotator(&self.completed_by),
            ground_truth: self.ground_truth,
            skipped: self.was_cancelled,
            created_at: self.created_at,
            updated_at: self.updated_at,
            shapes: Vec::new(),
            faults: Vec::new(),
        };
        let mut regions = Vec::new();
        for entry in &self.result {
            match Region::deserialize(entry) {
                Ok(region) => regions.push(region),
                Err(error) => answer
                    .faults
                    .push(format!("a region cannot be read: {error}")),
            }
        }
        // With `<Rectangle>` and `<Labels>` apart, a region's label is an entry of the same id.
        let apart: HashMap<&str, Vec<String>> = regions
            .iter()
            .filter(|region| region.kind == "labels")
            .filter_map(|region| Some((region.id.as_deref()?, strings(&region.value["labels"]))))
            .collect();
        for region in &regions {
            region.push_to(&mut answer, image, &apart);
        }
        answer
    }
}

/// A number, or an object with an id and perhaps an e-mail address, which is personal and not kept.
fn annotator(completed_by: &Value) -> Option<String> {
    let id = completed_by.get("id").unwrap_or(completed_by);
    id.as_u64().map(|id| id.to_string())
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().map_or(&[][..], Vec::as_slice);
    all.iter()
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

impl Region {
    fn push_to(&self, answer: &mut Answer, image: Image, apart: &HashMap<&str, Vec<String>>) {
        let id = self.id.as_deref();
        let fault = |reason: String| Err(named(id, reason));
        let (labels_in, plain) = match self.kind.as_str() {
            // Of another region, or of nothing that is a label.
            "labels" | "textarea" | "rating" | "number" | "relation" | "datetime" => return,
            "choices" => {
                for label in strings(&self.value["choices"]) {
                    answer.push(Ok(self.shape(label, Geometry::Classification)));
                }
                return;
            }
            kind => (kind, kind.strip_suffix("labels").unwrap_or(kind)),
        };
        let mut labels = strings(&self.value[labels_in]);
        if let (true, Some(found)) = (labels.is_empty(), id.and_then(|id| apart.get(id))) {
            labels.clone_from(found);
        }
        if labels.is_empty() {
            return answer.push(fault("has no label".to_owned()));
        }
        let geometry = match self.check(image) {
            Ok(()) => self.geometry(plain, image),
            Err(reason) => Err(reason),
        };
        for label in labels {
            answer.push(match &geometry {
                Ok(geometry) => Ok(self.shape(label, geometry.clone())),
                Err(reason) => fault(reason.clone()),
            });
        }
    }

    fn shape(&self, label: String, geometry: Geometry) -> Shape {
        Shape {
            label,
            label_id: None,
            geometry,
            id: self.id.clone(),
            occluded: false,
        }
    }

    /// Whether it was drawn on this image as it is.
    fn check(&self, image: Image) -> Result<(), String> {
        if self.image_rotation != 0.0 {
            return Err(format!(
                "the image was turned by {} degrees in the editor",
                self.image_rotation
            ));
        }
        let differs =
            |theirs: Option<f64>, ours: u32| theirs.is_some_and(|it| it != f64::from(ours));
        if differs(self.original_width, image.width) || differs(self.original_height, image.height)
        {
            return Err(format!(
                "was drawn on an image of {} × {}, and this one has {} × {}",
                self.original_width.unwrap_or_default(),
                self.original_height.unwrap_or_default(),
                image.width,
                image.height
            ));
        }
        Ok(())
    }

    fn geometry(&self, kind: &str, image: Image) -> Result<Geometry, String> {
        let number = |name: &str| {
            let found = self.value.get(name).and_then(Value::as_f64);
            found.ok_or_else(|| format!("`{name}` is no number"))
        };
        let x = |percent: f64| percent * f64::from(image.width) / 100.0;
        let y = |percent: f64| percent * f64::from(image.height) / 100.0;
        let rotation = self
            .value
            .get("rotation")
            .and_then(Value::as_f64)
            .unwrap_or(0.0);
        match kind {
            "rectangle" => Ok(Geometry::Box(Rectangle::about_corner(
                x(number("x")?),
                y(number("y")?),
                x(number("width")?),
                y(number("height")?),
                rotation,
            ))),
            "ellipse" => Ok(Geometry::Polygon {
                points: ellipse(
                    Point {
                        x: x(number("x")?),
                        y: y(number("y")?),
                    },
                    (x(number("radiusX")?), y(number("radiusY")?)),
                    rotation,
                ),
            }),
            "polygon" => Ok(Geometry::Polygon {
                points: points(&self.value, x, y)?,
            }),
            "keypoint" => Ok(Geometry::Point(Point {
                x: x(number("x")?),
                y: y(number("y")?),
            })),
            "brush" => {
                let rle = self.value.get("rle").and_then(Value::as_array);
                let bytes: Option<Vec<u8>> = rle
                    .into_iter()
                    .flatten()
                    .map(|byte| u8::try_from(byte.as_u64()?).ok())
                    .collect();
                let bytes = bytes.filter(|bytes| !bytes.is_empty());
                let bytes = bytes.ok_or("`rle` is no list of bytes")?;
                Ok(Geometry::Mask(mask_of_rle(
                    &bytes,
                    image.width,
                    image.height,
                )?))
            }
            other => Err(format!("`{other}` is no shape that can be read")),
        }
    }
}

fn points(
    value: &Value,
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) -> Result<Vec<Point>, String> {
    let all = value.get("points").and_then(Value::as_array);
    let point = |pair: &Value| {
        Some(Point {
            x: x(pair.get(0)?.as_f64()?),
            y: y(pair.get(1)?.as_f64()?),
        })
    };
    let found: Option<Vec<Point>> = all.into_iter().flatten().map(point).collect();
    found.ok_or_else(|| "`points` are no pairs of numbers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(result: Value) -> LabelStudioTask {
        let body = json!({
            "id": 7, "updated_at": "2026-11-01T10:00:01.500000Z",
            "data": {"framemill_video": "gs://b/v.mp4#1", "framemill_frame": "gs://b/v.mp4#1/0"},
            "annotations": [{
                "id": 9, "completed_by": {"id": 3, "email": "someone@example.com"},
                "result": result, "was_cancelled": false, "ground_truth": false,
                "created_at": "2026-11-01T10:00:00Z", "updated_at": "2026-11-01T11:00:01+01:00",
            }],
        });
        LabelStudioTask::parse(body.to_string().as_bytes()).unwrap()
    }

    fn region(kind: &str, value: Value) -> Value {
        json!({"id": "r", "type": kind, "original_width": 200, "original_height": 100,
               "image_rotation": 0, "from_name": "label", "to_name": "image", "value": value})
    }

    fn answer(result: Value) -> Answer {
        task(result).answers(200, 100).remove(0)
    }

    #[test]
    fn percents_become_pixels_and_people_are_numbers() {
        let answer = answer(json!([region(
            "rectanglelabels",
            json!({"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0,
                   "rectanglelabels": ["car"]}),
        )]));
        let expected = Geometry::Box(Rectangle {
            x: 20.0,
            y: 20.0,
            width: 60.0,
            height: 40.0,
            rotation: 0.0,
        });
        assert_eq!(answer.shapes[0].geometry, expected);
        assert_eq!(answer.shapes[0].label, "car");
        assert_eq!(answer.annotator.as_deref(), Some("3"));
        assert_eq!(answer.updated_at.to_string(), "2026-11-01T10:00:01Z");
        assert_eq!(task(json!([])).frame(), Some("gs://b/v.mp4#1/0"));
    }

    #[test]
    fn labels_may_stand_apart_and_a_region_may_have_two() {
        let rectangle = json!({"x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0});
        let answer = answer(json!([
            region("rectangle", rectangle.clone()),
            region("labels", json!({"labels": ["car", "red"]})),
            {"id": "c", "type": "choices", "value": {"choices": ["night"]}},
        ]));
        let labels: Vec<_> = answer
            .shapes
            .iter()
            .map(|shape| shape.label.as_str())
            .collect();
        assert_eq!(labels, ["car", "red", "night"]);
        assert_eq!(answer.shapes[2].geometry, Geometry::Classification);
        assert!(answer.faults.is_empty());
    }

    #[test]
    fn what_is_no_shape_is_a_fault_and_the_rest_counts() {
        let good = json!({"x": 0, "y": 0, "width": 10, "height": 10, "rectanglelabels": ["car"]});
        let mut turned = region("rectanglelabels", good.clone());
        turned["image_rotation"] = json!(90);
        let mut other = region("rectanglelabels", good.clone());
        other["original_width"] = json!(1000);
        let answer = answer(json!([
            region("rectanglelabels", good),
            turned,
            other,
            region(
                "rectanglelabels",
                json!({"x": 0, "y": 0, "width": 0, "height": 10,
                                              "rectanglelabels": ["car"]})
            ),
            region(
                "rectanglelabels",
                json!({"x": "a", "rectanglelabels": ["car"]})
            ),
            region(
                "rectanglelabels",
                json!({"x": 0, "y": 0, "width": 1, "height": 1})
            ),
            region(
                "polygonlabels",
                json!({"points": [[0, 0], [1]], "polygonlabels": ["car"]})
            ),
            region("hologramlabels", json!({"hologramlabels": ["car"]})),
            region(
                "brushlabels",
                json!({"rle": [1, 2, 300], "brushlabels": ["car"]})
            ),
            "nonsense",
        ]));
        assert_eq!(answer.shapes.len(), 1);
        assert_eq!(answer.faults.len(), 9, "{:#?}", answer.faults);
    }

    #[test]
    fn other_shapes() {
        let answer = answer(json!([
            region(
                "polygonlabels",
                json!({"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["a"]})
            ),
            region(
                "keypointlabels",
                json!({"x": 50, "y": 50, "width": 1, "keypointlabels": ["b"]})
            ),
            region(
                "ellipselabels",
                json!({"x": 50, "y": 50, "radiusX": 10, "radiusY": 10,
                                            "rotation": 0, "ellipselabels": ["c"]})
            ),
        ]));
        assert!(answer.faults.is_empty(), "{:?}", answer.faults);
        assert_eq!(
            answer.shapes[1].geometry,
            Geometry::Point(Point { x: 100.0, y: 50.0 })
        );
        let hull = answer.shapes[2].geometry.hull().unwrap();
        assert!((hull.width - 40.0).abs() < 1e-9 && (hull.height - 20.0).abs() < 1e-9);
    }
}
