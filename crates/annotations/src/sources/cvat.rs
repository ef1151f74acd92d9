//! CVAT: a task's images (`/data/meta`), jobs, labels and annotations. A job is one annotator's answer
//! about each frame in its range.
//!
//! Lengths are pixels, and rectangles are turned about their centre.

use super::{NotAnAnswer, parse};
use crate::Mask;
use crate::geometry::Geometry;
use crate::mask::MOST_PIXELS;
use crate::record::{Answer, Shape, Task, named};
use crate::rectangle::{Point, Rectangle, ellipse};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

const SYSTEM: &str = "CVAT";

/// `GET /api/tasks/<id>/data/meta`.
#[derive(Clone, Debug, Deserialize)]
struct Meta {
    frames: Vec<Frame>,
    #[serde(default)]
    deleted_frames: Vec<u64>,
    #[serde(default)]
    start_frame: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Frame {
    name: String,
    width: u32,
    height: u32,
}

/// A page of `GET /api/jobs?task_id=<id>`.
#[derive(Clone, Debug, Deserialize)]
struct Jobs {
    results: Vec<Job>,
}

#[derive(Clone, Debug, Deserialize)]
struct Job {
    id: u64,
    start_frame: u64,
    stop_frame: u64,
    #[serde(default)]
    state: String,
    /// `ground_truth` of jobs whose answers are the measure of others.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    assignee: Option<Person>,
    created_date: Timestamp,
    updated_date: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
struct Person {
    id: u64,
}

/// A page of `GET /api/labels?task_id=<id>`.
#[derive(Clone, Debug, Deserialize)]
struct Labels {
    results: Vec<Label>,
}

#[derive(Clone, Debug, Deserialize)]
struct Label {
    id: u64,
    name: String,
}

/// `GET /api/jobs/<id>/annotations`.
#[derive(Clone, Debug, Default, Deserialize)]
struct Annotations {
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    shapes: Vec<Marked>,
    #[serde(default)]
    tracks: Vec<Track>,
}

#[derive(Clone, Debug, Deserialize)]
struct Tag {
    frame: u64,
    label_id: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Marked {
    #[serde(default)]
    id: Option<u64>,
    #[serde(rename = "type")]
    kind: String,
    frame: u64,
    label_id: u64,
    #[serde(default)]
    points: Vec<f64>,
    #[serde(default)]
    rotation: f64,
    #[serde(default)]
    occluded: bool,
    #[serde(default)]
    outside: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Track {
    #[serde(default)]
    id: Option<u64>,
}

/// A task, as far as it is read.
#[derive(Clone, Debug)]
pub struct CvatTask {
    id: String,
    meta: Meta,
    labels: HashMap<u64, String>,
    jobs: Vec<Job>,
}

/// A frame of a task and what is said about it.
#[derive(Clone, Debug)]
pub struct CvatFrame {
    /// The image's name in the storage that CVAT reads.
    pub image: String,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// What each job says, where it says something yet.
    pub answers: Vec<Answer>,
}

impl CvatTask {
    /// From the bodies of `/data/meta`, of the labels and of the jobs.
    ///
    /// # Errors
    /// Where one is not what it should be.
    pub fn parse(id: &str, meta: &[u8], labels: &[u8], jobs: &[u8]) -> Result<Self, NotAnAnswer> {
        let labels: Labels = parse(SYSTEM, "a list of labels", labels)?;
        let jobs: Jobs = parse(SYSTEM, "a list of jobs", jobs)?;
        Ok(Self {
            id: id.to_owned(),
            meta: parse(SYSTEM, "a task's data", meta)?,
            labels: labels
                .results
                .into_iter()
                .map(|it| (it.id, it.name))
                .collect(),
            jobs: jobs.results,
        })
    }

    /// Jobs whose annotations are wanted.
    pub fn jobs(&self) -> impl Iterator<Item = u64> + '_ {
        self.jobs.iter().map(|job| job.id)
    }

    /// Its id, and when a job was last changed.
    pub fn task(&self) -> Task {
        let last = self.jobs.iter().map(|job| job.updated_date).max();
        Task {
            id: self.id.clone(),
            updated_at: last.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// What jobs say about each frame, from the bodies of their annotations. A frame without shapes is
    /// looked at once its job is completed; frames that were deleted from the task are passed on.
    ///
    /// # Errors
    /// Where a body is not what it should be.
    pub fn frames<'b>(
        &self,
        annotations: impl Fn(u64) -> Option<&'b [u8]>,
    ) -> Result<Vec<CvatFrame>, NotAnAnswer> {
        let mut frames: Vec<CvatFrame> = self.meta.frames.iter().map(CvatFrame::of).collect();
        let deleted: HashSet<u64> = self.meta.deleted_frames.iter().copied().collect();
        for job in &self.jobs {
            let Some(body) = annotations(job.id) else {
                continue;
            };
            let said: Annotations = parse(SYSTEM, "a job's annotations", body)?;
            for (number, answer) in self.of_job(job, &said, &deleted) {
                let place = number.checked_sub(self.meta.start_frame);
                let frame = place.and_then(|place| frames.get_mut(usize::try_from(place).ok()?));
                if let Some(frame) = frame {
                    frame.answers.push(answer);
                }
            }
        }
        Ok(frames)
    }

    fn of_job(&self, job: &Job, said: &Annotations, deleted: &HashSet<u64>) -> Vec<(u64, Answer)> {
        let mut shapes: HashMap<u64, Vec<Result<Shape, String>>> = HashMap::new();
        for tag in &said.tags {
            let shape = self.shape(None, tag.label_id, Ok(Geometry::Classification));
            shapes.entry(tag.frame).or_default().push(shape);
        }
        for marked in said.shapes.iter().filter(|marked| !marked.outside) {
            let id = marked.id.map(|id| id.to_string());
            let geometry = marked.geometry(&self.meta);
            let shape = self
                .shape(id, marked.label_id, geometry)
                .map(|shape| Shape {
                    occluded: marked.occluded,
                    ..shape
                });
            shapes.entry(marked.frame).or_default().push(shape);
        }
        let last = job.stop_frame.min(
            job.start_frame
                .saturating_add(self.meta.frames.len() as u64),
        );
        let mut answers = Vec::new();
        for number in job.start_frame..=last {
            let found = shapes.remove(&number).unwrap_or_default();
            let skipped = deleted.contains(&number);
            if found.is_empty() && !skipped && said.tracks.is_empty() && job.state != "completed" {
                continue;
            }
            let mut answer = job.answer(skipped);
            found.into_iter().for_each(|shape| answer.push(shape));
            for track in &said.tracks {
                let id = track.id.map(|id| id.to_string());
                let fault = "is a track, and only shapes of single images are read";
                answer.faults.push(named(id.as_deref(), fault));
            }
            answers.push((number, answer));
        }
        answers
    }

    fn shape(
        &self,
        id: Option<String>,
        label: u64,
        geometry: Result<Geometry, String>,
    ) -> Result<Shape, String> {
        let unknown = || named(id.as_deref(), format!("label {label} is not of this task"));
        let name = self.labels.get(&label).ok_or_else(unknown)?.clone();
        Ok(Shape {
            label: name,
            label_id: Some(label.to_string()),
            geometry: geometry.map_err(|fault| named(id.as_deref(), fault))?,
            id,
            occluded: false,
        })
    }
}

impl CvatFrame {
    fn of(frame: &Frame) -> Self {
        Self {
            image: frame.name.clone(),
            width: frame.width,
            height: frame.height,
            answers: Vec::new(),
        }
    }
}

impl Job {
    fn answer(&self, skipped: bool) -> Answer {
        Answer {
            id: self.id.to_string(),
            annotator: self.assignee.as_ref().map(|it| it.id.to_string()),
            ground_truth: self.kind == "ground_truth",
            skipped,
            created_at: self.created_date,
            updated_at: self.updated_date,
            shapes: Vec::new(),
            faults: Vec::new(),
        }
    }
}

impl Marked {
    fn geometry(&self, meta: &Meta) -> Result<Geometry, String> {
        let pairs = || {
            self.points
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&[x, y]| Point { x, y })
        };
        match (self.kind.as_str(), self.points.as_slice()) {
            ("rectangle", &[left, top, right, bottom]) => Ok(Geometry::Box(Rectangle {
                x: left,
                y: top,
                width: right - left,
                height: bottom - top,
                rotation: self.rotation.rem_euclid(360.0),
            })),
            ("polygon", _) => Ok(Geometry::Polygon {
                points: pairs().collect(),
            }),
            ("polyline", _) => Ok(Geometry::Polyline {
                points: pairs().collect(),
            }),
            ("points", &[x, y]) => Ok(Geometry::Point(Point { x, y })),
            ("ellipse", &[x, y, right, top]) => Ok(Geometry::Polygon {
                points: ellipse(Point { x, y }, (right - x, y - top), self.rotation),
            }),
            ("mask", _) => self.mask(meta),
            (kind, points) => Err(format!(
                "`{kind}` with {} numbers is no shape that can be read",
                points.len()
            )),
        }
    }

    /// Run lengths row by row within a rectangle, which the last four numbers are (left, top, right,
    /// bottom, all inside), beginning with outside.
    fn mask(&self, meta: &Meta) -> Result<Geometry, String> {
        let place = self.frame.checked_sub(meta.start_frame);
        let frame = place.and_then(|place| meta.frames.get(usize::try_from(place).ok()?));
        let frame = frame.ok_or("is on a frame that is not of this task")?;
        let whole = |number: &f64| {
            let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
            fits.then_some(*number as u32)
        };
        let numbers: Option<Vec<u32>> = self.points.iter().map(whole).collect();
        let numbers = numbers.ok_or("a mask's numbers are not whole")?;
        let (runs, edges) = numbers
            .split_last_chunk::<4>()
            .ok_or("a mask is too short")?;
        let &[left, top, right, bottom] = edges;
        let inside = left <= right && top <= bottom && right < frame.width && bottom < frame.height;
        if !inside || u64::from(frame.width) * u64::from(frame.height) > MOST_PIXELS {
            return Err("a mask lies outside of its image, or is too large".to_owned());
        }
        let (width, height) = (right - left + 1, bottom - top + 1);
        let mut pixels = Vec::new();
        for (i, &run) in runs.iter().enumerate() {
            let more = u64::from(run) + pixels.len() as u64;
            if more > u64::from(width) * u64::from(height) {
                return Err("a mask is larger than its rectangle".to_owned());
            }
            pixels.resize(more as usize, i % 2 == 1);
        }
        Ok(Geometry::Mask(Mask::of_rows(
            frame.width,
            frame.height,
            |x, y| {
                let within = (left..=right).contains(&x) && (top..=bottom).contains(&y);
                within
                    && pixels
                        .get((y - top) as usize * width as usize + (x - left) as usize)
                        .copied()
                        .unwrap_or(false)
            },
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{AnnotatedImage, FrameAnnotation, State};
    use serde_json::{Value, json};

    fn frames(state: &str, annotations: &Value) -> Vec<CvatFrame> {
        let meta = json!({"frames": [
            {"name": "images/v.mp4/000000.jpg", "width": 20, "height": 10},
            {"name": "images/v.mp4/000001.jpg", "width": 20, "height": 10},
            {"name": "images/v.mp4/000002.jpg", "width": 20, "height": 10},
        ], "deleted_frames": [2], "start_frame": 0});
        let labels = json!({"results": [{"id": 5, "name": "car"}]});
        let jobs = json!({"results": [{
            "id": 11, "start_frame": 0, "stop_frame": 2, "state": state, "type": "annotation",
            "assignee": {"id": 2, "username": "someone"},
            "created_date": "2026-11-01T10:00:00Z", "updated_date": "2026-11-01T10:00:05Z",
        }]});
        let bytes = |value: &Value| value.to_string().into_bytes();
        let task = CvatTask::parse("3", &bytes(&meta), &bytes(&labels), &bytes(&jobs)).unwrap();
        assert_eq!(task.jobs().collect::<Vec<_>>(), [11]);
        let body = bytes(annotations);
        task.frames(|job| (job == 11).then_some(&body[..])).unwrap()
    }

    fn state(frame: &CvatFrame) -> State {
        let image = AnnotatedImage {
            name: frame.image.clone(),
            sha256: String::new(),
            width: frame.width,
            height: frame.height,
        };
        let task = Task {
            id: "3".to_owned(),
            updated_at: Timestamp::UNIX_EPOCH,
        };
        FrameAnnotation::new("cvat", "f", image, &task, frame.answers.clone()).state
    }

    #[test]
    fn frames_without_shapes_are_empty_once_their_job_is_done() {
        let shapes = json!({"tags": [], "tracks": [], "shapes": [{
            "id": 1, "type": "rectangle", "frame": 0, "label_id": 5, "points": [1, 2, 5, 4],
            "rotation": 30, "occluded": true, "outside": false,
        }]});
        let open = frames("in progress", &shapes);
        assert_eq!(open[0].answers[0].shapes[0].label, "car");
        assert!(open[0].answers[0].shapes[0].occluded);
        assert!(open[1].answers.is_empty());
        let done = frames("completed", &shapes);
        let states: Vec<State> = done.iter().map(state).collect();
        assert_eq!(states, [State::Labeled, State::Empty, State::Skipped]);
    }

    #[test]
    fn masks_and_what_is_no_shape() {
        let shape = |kind: &str, label: u64, points: Value| {
            json!({
                "id": 1, "type": kind, "frame": 0, "label_id": label, "points": points,
            })
        };
        // Two rows of three, from (4, 2): outside, inside, inside / inside, outside, outside.
        let mask = shape("mask", 5, json!([1, 3, 2, 4, 2, 6, 3]));
        let found = frames(
            "completed",
            &json!({"shapes": [
                mask,
                shape("rectangle", 6, json!([0, 0, 1, 1])),
                shape("rectangle", 5, json!([5, 5, 5, 9])),
                shape("cuboid", 5, json!(vec![0; 16])),
                shape("mask", 5, json!([1, 3, 2, 4, 2, 60, 3])),
                shape("mask", 5, json!([100, 4, 2, 6, 3])),
            ]}),
        );
        let answer = &found[0].answers[0];
        assert_eq!(answer.faults.len(), 5, "{:#?}", answer.faults);
        let expected = Mask::of_rows(20, 10, |x, y| [(5, 2), (6, 2), (4, 3)].contains(&(x, y)));
        assert_eq!(answer.shapes[0].geometry, Geometry::Mask(expected));
    }
}
