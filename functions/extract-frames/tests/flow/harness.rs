//! A store in memory that fails wherever it is told to, a clock, and segments that run here.

use extract_frames::store::{Clock, ObjectError, SegmentAnswer, SegmentCrash, Segments};
use extract_frames::{coordinate, segment};
use framemill_component_sdk::testing::{InMemory, Simulation, Versions, connection_cut};
use framemill_contract::{
    Config, Event, EventKind, ObjectRef, Outcome, SegmentRequest, SizeLimits,
};
use framemill_tests::h264_clip;
use framemill_video::{IndexReader, Progress, VideoIndex};
use futures::executor::block_on;
use std::cell::Cell;
use std::task::Poll;
use std::time::Duration;

pub const BUCKET: &str = "b";
pub const VIDEO: &str = "videos/x.mp4";
pub const MANIFEST: &str = "manifests/x.mp4.json";
pub const FAILURE: &str = "records/failures/extract-frames/x.mp4.json";

/// A store in memory that counts its calls.
pub struct Memory {
    pub objects: InMemory,
    pub calls: Cell<usize>,
    /// The call that fails, before it takes effect.
    pub fail_at: Cell<Option<usize>>,
    /// Fail after the call took effect: the answer was lost.
    pub late: Cell<bool>,
    /// Most bytes of an object.
    pub limit: Cell<u64>,
    /// The bucket is not where it is looked for.
    pub no_bucket: Cell<bool>,
}

impl Memory {
    pub fn with_video(bytes: &[u8], generation: i64) -> Self {
        let store = Self {
            objects: InMemory::new(Versions::Counts),
            calls: Cell::default(),
            fail_at: Cell::default(),
            late: Cell::default(),
            limit: Cell::new(SizeLimits::STANDARD.object),
            no_bucket: Cell::default(),
        };
        store.put(VIDEO, generation, bytes);
        store
    }

    pub fn put(&self, name: &str, generation: i64, bytes: &[u8]) {
        self.objects.put_as(name, bytes, generation, 0);
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.names()
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_slice(&self.objects.bytes(name).unwrap()).unwrap()
    }
}

impl Simulation for Memory {
    fn memory(&self) -> &InMemory {
        &self.objects
    }

    fn limit(&self) -> u64 {
        self.limit.get()
    }

    fn bucket_is_missing(&self) -> bool {
        self.no_bucket.get()
    }

    async fn perform<T: std::hash::Hash>(
        &self,
        _: &str,
        call: impl FnOnce() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let fails = self.fail_at.get() == Some(number);
        if fails && !self.late.get() {
            return connection_cut();
        }
        let result = call();
        if fails { connection_cut() } else { result }
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

/// A crash whose reason the host gives.
pub fn trap() -> SegmentCrash {
    SegmentCrash::Other("trap".to_owned())
}

/// Runs segments here; those that `crashes` says crash.
pub struct Local<'a, F> {
    pub store: &'a Memory,
    pub crashes: F,
    pub requests: Cell<usize>,
}

impl<'a> Local<'a, fn(&SegmentRequest) -> bool> {
    /// None crashes.
    pub fn new(store: &'a Memory) -> Self {
        Self {
            store,
            crashes: |_| false,
            requests: Cell::new(0),
        }
    }
}

impl<F: Fn(&SegmentRequest) -> bool> Segments for Local<'_, F> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        self.requests.set(self.requests.get() + 1);
        // A request travels as JSON: what does not survive that does not arrive.
        let text = serde_json::to_string(request).unwrap();
        let request: SegmentRequest = serde_json::from_str(&text).unwrap();
        if (self.crashes)(&request) {
            return Ok(SegmentAnswer::Crashed(trap()));
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

/// The index of a file.
pub fn index(file: &[u8]) -> VideoIndex {
    let mut reader = IndexReader::new(file.len() as u64);
    loop {
        match reader.advance().unwrap() {
            Progress::Done(index) => return *index,
            Progress::Need(range) => {
                reader.supply(range.start, &file[range.start as usize..range.end as usize]);
            }
        }
    }
}
