//! Keeping what is known of a frame: each revision once, and which one counts.
//!
//! ```text
//! <folder>/<revision>.json    created, never changed
//! <folder>/current.json       the latest of them: replaced by generation, never by an earlier one
//! ```
//!
//! Revisions have an order of their own ([`framemill_annotations::Revision`]), so whatever is delivered,
//! in whatever order and how often: the latest ends as current. A revision is there before it is current;
//! what is killed in between is done by the next delivery of the same answers.

use crate::store::{JSON, ObjectError, Objects, to_json};
use framemill_annotations::FrameAnnotation;
use framemill_contract::{CURRENT_FILE, JobError, ObjectRef};
use framemill_video::ByteRange;

/// How often `current.json` is tried to be replaced while others do the same.
const TRIES: u32 = 20;

/// What became of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is current now.
    Current,
    /// It was current already.
    Unchanged,
    /// A later one is current.
    Superseded,
}

/// Keeps a revision below `folder`, a name of objects that ends in `/`.
///
/// # Errors
/// Where the store fails; and [`JobError::Storage`] where others replace `current.json` all the time.
pub async fn keep<O: Objects>(
    objects: &O,
    bucket: &str,
    folder: &str,
    annotation: &FrameAnnotation,
) -> Result<Kept, ObjectError> {
    let bytes = to_json(annotation)?;
    let revision = annotation.revision();
    let name = format!("{folder}{}.json", revision.name());
    objects.create(bucket, &name, JSON, &bytes).await?;
    let current = format!("{folder}{CURRENT_FILE}");
    for _ in 0..TRIES {
        let (generation, there) = match read(objects, bucket, &current).await {
            Ok(found) => found,
            // Removed, or replaced, this moment.
            Err(ObjectError::Gone) => continue,
            Err(error) => return Err(error),
        };
        match there.map(|there| there.revision().cmp(&revision)) {
            Some(std::cmp::Ordering::Equal) => return Ok(Kept::Unchanged),
            Some(std::cmp::Ordering::Greater) => return Ok(Kept::Superseded),
            Some(std::cmp::Ordering::Less) | None => {}
        }
        let written = objects.replace(bucket, &current, generation, JSON, &bytes);
        if written.await?.is_some() {
            return Ok(Kept::Current);
        }
    }
    Err(ObjectError::Failed(JobError::Storage {
        what: format!("replacing {current}"),
        reason: format!("others replaced it {TRIES} times meanwhile"),
    }))
}

/// Folders of all frames below `prefix` of which something is current.
///
/// # Errors
/// Where the store fails.
pub async fn current_folders<O: Objects>(
    objects: &O,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<String>, ObjectError> {
    let names = objects.list(bucket, prefix).await?;
    let folder = |name: &String| {
        let folder = name.strip_suffix(CURRENT_FILE)?;
        folder.ends_with('/').then(|| folder.to_owned())
    };
    Ok(names.iter().filter_map(folder).collect())
}

/// What is current below `folder`; `None` where nothing is, or nothing that can be read.
///
/// # Errors
/// Where the store fails.
pub async fn current<O: Objects>(
    objects: &O,
    bucket: &str,
    folder: &str,
) -> Result<Option<FrameAnnotation>, ObjectError> {
    match objects
        .read_all(bucket, &format!("{folder}{CURRENT_FILE}"))
        .await
    {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(ObjectError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is current, with its generation; 0 where nothing is. What cannot be read counts as earlier than
/// everything, since revisions say what is true.
async fn read<O: Objects>(
    objects: &O,
    bucket: &str,
    name: &str,
) -> Result<(i64, Option<FrameAnnotation>), ObjectError> {
    let meta = match objects.metadata(bucket, name).await {
        Ok(meta) => meta,
        Err(ObjectError::Gone) => return Ok((0, None)),
        Err(error) => return Err(error),
    };
    let object = ObjectRef {
        bucket: bucket.to_owned(),
        name: name.to_owned(),
        generation: Some(meta.generation),
    };
    let all = ByteRange {
        start: 0,
        end: meta.size.min(objects.largest_object()),
    };
    let bytes = objects.read(&object, all).await?;
    Ok((meta.generation, serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{InMemory, Simulation, Versions, connection_cut};
    use framemill_annotations::{AnnotatedImage, State, sources::label_studio::LabelStudioTask};
    use futures::executor::block_on;
    use serde_json::json;
    use std::cell::Cell;

    /// A store of which one call fails, before or after it takes effect.
    struct Faulty<'m> {
        memory: &'m InMemory,
        calls: Cell<usize>,
        fails: Option<(usize, bool)>,
    }

    impl Simulation for Faulty<'_> {
        fn memory(&self) -> &InMemory {
            self.memory
        }

        async fn perform<T: std::hash::Hash>(
            &self,
            _: &str,
            call: impl FnOnce() -> Result<T, ObjectError>,
        ) -> Result<T, ObjectError> {
            let number = self.calls.replace(self.calls.get() + 1);
            match self.fails {
                Some((at, false)) if at == number => connection_cut(),
                Some((at, true)) if at == number => call().and_then(|_| connection_cut()),
                _ => call(),
            }
        }
    }

    /// A life of a task: created, changed, passed on by another, deleted.
    fn revisions() -> Vec<FrameAnnotation> {
        let answer = |id: u64, at: u64, cancelled: bool, width: u64| {
            json!({
                "id": id, "completed_by": id, "was_cancelled": cancelled, "ground_truth": false,
                "created_at": "2026-11-01T10:00:00Z",
                "updated_at": format!("2026-11-01T10:00:{at:02}Z"),
                "result": [{"id": "r", "type": "rectanglelabels", "original_width": 100,
                    "original_height": 100, "image_rotation": 0, "value": {"x": 1, "y": 1,
                    "width": width, "height": 5, "rotation": 0, "rectanglelabels": ["car"]}}],
            })
        };
        let lives = [
            (1, json!([answer(1, 1, false, 5)])),
            (2, json!([answer(1, 2, false, 6)])),
            (3, json!([answer(1, 2, false, 6), answer(2, 3, true, 6)])),
            (4, json!([])),
        ];
        let read = |(at, annotations): (u64, serde_json::Value)| {
            let body = json!({"id": 7, "updated_at": format!("2026-11-01T10:00:{at:02}Z"),
                "data": {"framemill_frame": "gs://b/v.mp4#1/0"}, "annotations": annotations});
            let task = LabelStudioTask::parse(body.to_string().as_bytes()).unwrap();
            let image = AnnotatedImage {
                name: "images/v.mp4/000000.jpg".to_owned(),
                sha256: "0".repeat(64),
                width: 100,
                height: 100,
            };
            let frame = task.frame().unwrap().to_owned();
            let answers = task.answers(100, 100);
            FrameAnnotation::new("label-studio", &frame, image, &task.task(), answers)
        };
        lives.into_iter().map(read).collect()
    }

    fn current(memory: &InMemory) -> FrameAnnotation {
        serde_json::from_slice(&memory.bytes("f/current.json").unwrap()).unwrap()
    }

    /// All orders of the numbers below `n`.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![Vec::new()];
        }
        let shorter = orders(n - 1);
        let with = |order: &Vec<usize>, place: usize| {
            let mut order = order.clone();
            order.insert(place, n - 1);
            order
        };
        shorter
            .iter()
            .flat_map(|order| (0..n).map(|place| with(order, place)))
            .collect()
    }

    #[test]
    fn in_whatever_order_and_with_a_fault_at_any_call_the_latest_counts() {
        let all = revisions();
        let states: Vec<State> = all.iter().map(|it| it.state).collect();
        assert_eq!(
            states,
            [
                State::Labeled,
                State::Labeled,
                State::Labeled,
                State::Deleted
            ]
        );
        for (order, at, after) in orders(4).into_iter().flat_map(|order| {
            (0..5).flat_map(move |at| [(order.clone(), at, false), (order.clone(), at, true)])
        }) {
            for versions in [Versions::Numbers, Versions::Hashes, Versions::OwnBytes] {
                let memory = InMemory::new(versions);
                for (turn, &which) in order.iter().enumerate() {
                    let fault = (turn == 1 || turn == 3).then_some((at, after));
                    for fails in [fault, None, None] {
                        let store = Faulty {
                            memory: &memory,
                            calls: Cell::new(0),
                            fails,
                        };
                        // What fails is delivered again; what succeeds, once more.
                        let kept = block_on(keep(&store, "b", "f/", &all[which]));
                        assert!(kept.is_ok() || fails.is_some(), "{kept:?}");
                    }
                }
                assert_eq!(
                    current(&memory),
                    all[3],
                    "{order:?} {at} {after} {versions:?}"
                );
                assert_eq!(memory.names().len(), 5);
            }
        }
    }

    #[test]
    fn what_became_of_a_revision_is_told() {
        let all = revisions();
        let memory = InMemory::new(Versions::Numbers);
        let told = |which: usize| block_on(keep(&memory, "b", "f/", &all[which])).unwrap();
        assert_eq!(told(1), Kept::Current);
        assert_eq!(told(1), Kept::Unchanged);
        assert_eq!(told(0), Kept::Superseded);
        assert_eq!(told(3), Kept::Current);
        memory.put("f/current.json", b"{", 0);
        assert_eq!(told(2), Kept::Current);
    }
}
