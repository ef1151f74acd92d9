//! A store in memory that fails wherever it is told to, a clock, and segments that run here.

use extract_frames::store::{
    Clock, Created, ObjectError, ObjectInfo, Objects, SegmentAnswer, Segments,
};
use extract_frames::{coordinate, segment};
use framemill_contract::{Config, Event, EventKind, JobError, ObjectRef, Outcome, SegmentRequest};
use framemill_tests::h264_clip;
use framemill_video::ByteRange;
use futures::executor::block_on;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

pub const BUCKET: &str = "b";
pub const VIDEO: &str = "videos/x.mp4";
pub const MANIFEST: &str = "manifests/x.mp4.json";
pub const FAILURE: &str = "records/failures/extract-frames/x.mp4.json";

/// Objects by name: generation and bytes. Fails before its `fail_at`-th write.
#[derive(Default)]
pub struct Memory {
    pub objects: RefCell<BTreeMap<String, (i64, Vec<u8>)>>,
    pub calls: Cell<usize>,
    pub fail_at: Cell<Option<usize>>,
    /// Fail after the call took effect: the answer was lost.
    pub late: Cell<bool>,
}

impl Memory {
    pub fn with_video(bytes: &[u8], generation: i64) -> Self {
        let store = Self::default();
        store.put(VIDEO, generation, bytes);
        store
    }

    pub fn put(&self, name: &str, generation: i64, bytes: &[u8]) {
        self.objects
            .borrow_mut()
            .insert(name.to_owned(), (generation, bytes.to_vec()));
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_slice(&self.objects.borrow()[name].1).unwrap()
    }

    /// Does `call`, or fails before or after it where this is the one to fail.
    fn counted<T>(&self, call: impl FnOnce() -> Result<T, ObjectError>) -> Result<T, ObjectError> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let fails = self.fail_at.get() == Some(number);
        if fails && !self.late.get() {
            return Err(broken());
        }
        let result = call();
        if fails { Err(broken()) } else { result }
    }
}

pub fn broken() -> ObjectError {
    let (what, reason) = ("test".to_owned(), "connection cut".to_owned());
    ObjectError::Failed(JobError::Storage { what, reason })
}

impl Objects for Memory {
    async fn metadata(&self, _: &str, name: &str) -> Result<ObjectInfo, ObjectError> {
        self.counted(|| {
            let objects = self.objects.borrow();
            let (generation, bytes) = objects.get(name).ok_or(ObjectError::Gone)?;
            Ok(ObjectInfo {
                size: bytes.len() as u64,
                generation: *generation,
                crc32c: None,
                updated: 0,
            })
        })
    }

    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError> {
        self.counted(|| {
            let objects = self.objects.borrow();
            let (generation, bytes) = objects.get(&object.name).ok_or(ObjectError::Gone)?;
            if object.generation != Some(*generation) {
                return Err(ObjectError::Gone);
            }
            let end = (range.end as usize).min(bytes.len());
            Ok(bytes
                .get(range.start as usize..end)
                .unwrap_or_default()
                .to_vec())
        })
    }

    async fn read_all(&self, _: &str, name: &str) -> Result<Vec<u8>, ObjectError> {
        self.counted(|| {
            Ok(self
                .objects
                .borrow()
                .get(name)
                .ok_or(ObjectError::Gone)?
                .1
                .clone())
        })
    }

    async fn create(
        &self,
        _: &str,
        name: &str,
        _: &str,
        bytes: &[u8],
    ) -> Result<Created, ObjectError> {
        self.counted(|| {
            if self.objects.borrow().contains_key(name) {
                return Ok(Created::Existed);
            }
            self.put(name, 1, bytes);
            Ok(Created::New)
        })
    }

    async fn replace(
        &self,
        _: &str,
        name: &str,
        generation: i64,
        _: &str,
        bytes: &[u8],
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.counted(|| {
            let there = self.objects.borrow().get(name).map_or(0, |object| object.0);
            if there != generation {
                return Ok(None);
            }
            self.put(name, there + 1, bytes);
            Ok(Some(ObjectInfo {
                size: bytes.len() as u64,
                generation: there + 1,
                crc32c: None,
                updated: 0,
            }))
        })
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<String>, ObjectError> {
        self.counted(|| {
            Ok(self
                .names()
                .into_iter()
                .filter(|n| n.starts_with(prefix))
                .collect())
        })
    }

    async fn delete(&self, _: &str, name: &str) -> Result<(), ObjectError> {
        self.counted(|| {
            self.objects.borrow_mut().remove(name);
            Ok(())
        })
    }
}

/// A clock that moves by a step each time that someone looks.
#[derive(Default)]
pub struct Ticking {
    pub step: Duration,
    pub now: Cell<Duration>,
    /// Whoever waits has waited long enough once this many segments were asked for.
    pub deadline: Option<usize>,
    pub asked: Cell<usize>,
}

/// Much longer than the budget of the tests.
pub const LONG: Duration = Duration::from_secs(3600);

impl Ticking {
    pub fn new(step: Duration) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }
}

impl Clock for Ticking {
    fn elapsed(&self) -> Duration {
        self.now.set(self.now.get() + self.step);
        self.now.get()
    }

    async fn until(&self, _: Duration) {
        std::future::poll_fn(|_| match self.deadline {
            Some(most) if self.asked.get() >= most => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await
    }
}

/// Runs segments here; those that `crashes` says crash.
pub struct Local<'a, F> {
    pub store: &'a Memory,
    pub crashes: F,
    pub requests: Cell<usize>,
}

impl<F: Fn(&SegmentRequest) -> bool> Segments for Local<'_, F> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        self.requests.set(self.requests.get() + 1);
        // A request travels as JSON: what does not survive that does not arrive.
        let text = serde_json::to_string(request).unwrap();
        let request: SegmentRequest = serde_json::from_str(&text).unwrap();
        if (self.crashes)(&request) {
            return Ok(SegmentAnswer::Crashed("trap".to_owned()));
        }
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, &request).await,
        ))
    }
}

pub fn config(pairs: &[(&str, &str)]) -> Config {
    let find = |key: &str| {
        pairs
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, v)| (*v).to_owned())
    };
    Config::from_lookup(find).unwrap()
}

pub fn event(generation: i64) -> Event {
    let object = ObjectRef {
        bucket: BUCKET.to_owned(),
        name: VIDEO.to_owned(),
        generation: Some(generation),
    };
    Event {
        kind: EventKind::Finalized,
        object,
    }
}

pub fn run(store: &Memory, config: &Config, generation: i64) -> Outcome {
    crashing(store, config, generation, |_| false).0
}

pub fn crashing(
    store: &Memory,
    config: &Config,
    generation: i64,
    crashes: impl Fn(&SegmentRequest) -> bool,
) -> (Outcome, usize) {
    let segments = Local {
        store,
        crashes,
        requests: Cell::new(0),
    };
    let outcome = block_on(coordinate::handle(
        store,
        &segments,
        &Ticking::new(Duration::ZERO),
        config,
        &event(generation),
    ));
    (outcome, segments.requests.get())
}

pub fn video() -> Vec<u8> {
    std::fs::read(h264_clip("four-seconds.mp4", 4)).unwrap()
}
