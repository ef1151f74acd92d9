//! A bucket in memory, the targets, and a clock, with faults wherever a test wants them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a helper that fails is a test that fails; not each test uses all of it"
)]

mod targets;

pub use framemill_component_sdk::testing::Versions;
pub use targets::{TARGETS, Targets, settings};

use custom_company::CustomCompany;
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use framemill_component_sdk::labeling::{self, LabelOutcome};
use framemill_component_sdk::store::ObjectError;
use framemill_component_sdk::testing::{InMemory, Simulation, connection_cut};
use framemill_contract::{Event, EventKind, LabelConfig, ObjectRef, Outcome, TargetKind};
use futures::FutureExt as _;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub const BUCKET: &str = "b";
pub const MANIFEST: &str = "manifests/cam 1/50%41 \"x\".mp4.json";
/// Where failure records are.
pub const FAILURES: &str = "records/failures/";
pub const START: u64 = 1_700_000_000;

/// What happens at the call with a given number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails without effect.
    Fails,
    /// The call takes effect and its answer is lost.
    Loses,
    /// The process ends before the call takes effect.
    Dies,
    /// The process ends after the call took effect.
    DiesLate,
    /// Where the call writes the intent, another delivery writes the same a moment earlier: the
    /// same but for what names the writer.
    Overtaken,
}

pub const VERSIONS: [Versions; 3] = [Versions::Numbers, Versions::Hashes, Versions::OwnBytes];

#[derive(Default)]
pub struct Harness {
    pub objects: InMemory,
    pub targets: RefCell<Targets>,
    /// Answers that come before any target sees the POST.
    pub script: RefCell<VecDeque<HttpResponse>>,
    pub clock: Cell<u64>,
    pub calls: Cell<usize>,
    pub fault: Cell<Option<(usize, Fault)>>,
    pub dead: Cell<bool>,
    /// Whether a change is on its way to a target.
    pub posting: Cell<bool>,
    /// Decides how often each call lets others go first; 0 is never.
    pub seed: Cell<u64>,
    /// Changes that targets still take before they answer 429; `None` is no limit.
    pub budget: Cell<Option<usize>>,
    /// Whether the store tells when objects were written.
    pub undated: Cell<bool>,
}

impl Harness {
    pub fn new(frames: u64) -> Self {
        let harness = Self::default();
        harness.clock.set(START);
        harness.put(MANIFEST, manifest(frames).to_string().as_bytes());
        harness
    }

    pub fn of_kind(frames: u64, versions: Versions) -> Self {
        let harness = Self::new(frames);
        harness.objects.versions.set(versions);
        harness.put(MANIFEST, manifest(frames).to_string().as_bytes());
        harness
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.objects.put(name, bytes, self.store_clock());
    }

    /// Objects whose names end like this.
    pub fn ending(&self, end: &str) -> Vec<String> {
        let mut names = self.objects.names();
        names.retain(|name| name.ends_with(end));
        names
    }

    pub fn json(&self, end: &str) -> Value {
        let names = self.ending(end);
        assert_eq!(names.len(), 1, "{end}: {names:?}");
        serde_json::from_slice(&self.objects.bytes(&names[0]).unwrap()).unwrap()
    }

    /// Failure records, by name.
    pub fn failures(&self) -> Vec<String> {
        let names = self.objects.names().into_iter();
        names.filter(|name| name.starts_with(FAILURES)).collect()
    }

    /// Every frame has exactly one task.
    pub fn assert_each_once(&self, frames: u64, context: &str) {
        let mut keys = self.targets.borrow().labelled.clone();
        keys.sort();
        let mut expected: Vec<String> = (0..frames).map(frame_key).collect();
        expected.sort();
        assert!(keys == expected, "{context}: {keys:?}");
    }

    /// One delivery of the manifest's event; `None` where the process died in it.
    pub fn deliver(&self, config: &LabelConfig) -> Option<LabelOutcome> {
        let mut delivery = Box::pin(self.run(config));
        self.poll_to_end(&mut delivery)
    }

    pub fn poll_to_end<F: Future + Unpin>(&self, future: &mut F) -> Option<F::Output> {
        for _ in 0..1_000_000 {
            if let Some(done) = future.now_or_never() {
                return Some(done);
            }
            if self.dead.replace(false) {
                return None;
            }
        }
        panic!("a delivery does not end");
    }

    /// Delivers until the message is settled, waiting as long as the answers say.
    pub fn deliver_until_settled(&self, config: &LabelConfig, context: &str) -> Outcome {
        for _ in 0..12 {
            let Some(answer) = self.deliver(config) else {
                continue;
            };
            match answer.outcome {
                Outcome::Retry { .. } => self.clock.set(self.clock.get() + answer.retry_after),
                settled => return settled,
            }
        }
        panic!("{context}: not settled");
    }

    pub async fn run(&self, config: &LabelConfig) -> LabelOutcome {
        let generation = self.objects.generation(MANIFEST);
        let event = event((generation != 0).then_some(generation));
        match config.target {
            Some(TargetKind::Custom(_)) => {
                let company = CustomCompany::new(self, config);
                labeling::handle(self, self, config, &company, &event).await
            }
            _ => request_labeling::handle(self, self, config, &event).await,
        }
    }

    /// Does a call with the fault that is due, letting others go first where the seed says.
    async fn call<T>(&self, lost: impl FnOnce() -> T, act: impl FnOnce() -> T) -> T {
        let number = self.calls.get();
        self.calls.set(number + 1);
        self.pauses().await;
        let fault = self.fault.get().filter(|(at, _)| *at == number);
        let fault = fault.map(|(_, fault)| fault);
        let fault = fault.filter(|it| *it != Fault::Overtaken);
        if fault == Some(Fault::Fails) {
            return lost();
        }
        if fault != Some(Fault::Dies) {
            let result = act();
            self.pauses().await;
            match fault {
                None => return result,
                Some(Fault::Loses) => return lost(),
                _ => {}
            }
        }
        self.dead.set(true);
        std::future::pending().await
    }

    /// Whether this fault is that of the call that takes effect now, which was counted already.
    fn fault_is_due(&self, fault: Fault) -> bool {
        let calls = self.calls.get();
        self.fault
            .get()
            .is_some_and(|(at, it)| it == fault && at + 1 == calls)
    }

    async fn pauses(&self) {
        let seed = self.seed.get();
        if seed == 0 {
            return;
        }
        let next = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed.set(next.max(1));
        for _ in 0..(next >> 60) % 4 {
            Pause(false).await;
        }
    }
}

struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Simulation for Harness {
    fn memory(&self) -> &InMemory {
        &self.objects
    }

    fn store_clock(&self) -> u64 {
        if self.undated.get() {
            0
        } else {
            self.clock.get()
        }
    }

    async fn perform<T: std::hash::Hash>(
        &self,
        _: &str,
        call: impl FnOnce() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        self.call(connection_cut, call).await
    }

    fn before_write(&self, name: &str, bytes: &[u8]) {
        if self.fault_is_due(Fault::Overtaken) && name.ends_with("intent.json") {
            let ours: Value = serde_json::from_slice(bytes).unwrap();
            let holder = ours["holder"].as_str().unwrap();
            let another: String = holder.chars().rev().collect();
            let same = String::from_utf8_lossy(bytes).replacen(holder, &another, 1);
            self.put(name, same.as_bytes());
        }
    }
}

impl Web for Harness {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let post = request.method == Method::Post;
        self.posting.set(post);
        let act = || {
            if let Some(left) = self.budget.get().filter(|_| post) {
                let Some(less) = left.checked_sub(1) else {
                    return Ok(HttpResponse {
                        status: 429,
                        ..HttpResponse::default()
                    });
                };
                self.budget.set(Some(less));
            }
            let scripted = post.then(|| self.script.borrow_mut().pop_front());
            Ok(scripted
                .flatten()
                .unwrap_or_else(|| self.targets.borrow_mut().answer(&request, self.clock.get())))
        };
        let lost = || Err(WebError::Unanswered("connection reset".to_owned()));
        let answer = self.call(lost, act).await;
        self.posting.set(false);
        answer
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    async fn sleep(&self, seconds: u64) {
        self.clock.set(self.clock.get() + seconds);
        Pause(false).await;
    }
}

pub fn event(generation: Option<i64>) -> Event {
    Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: BUCKET.to_owned(),
            name: MANIFEST.to_owned(),
            generation,
        },
    }
}

pub fn frame_key(index: u64) -> String {
    format!("gs://b/videos/cam 1/50%41 \"x\".mp4#5/{}", index * 30)
}

/// A manifest with this many frames; the second has predictions.
pub fn manifest(frames: u64) -> Value {
    let frame = |index: u64| {
        let mut frame = json!({
            "index": index * 30, "pts": index * 512, "seconds": index as f64,
            "name": format!("{:06}.jpg", index * 30), "width": 200, "height": 100, "bytes": 9,
            "sha256": "ab", "phash": "0000000000000000", "sharpness": 1.5,
        });
        if index == 1 {
            frame["predictions"] = json!([
                {"label": "car", "score": 0.5, "model": "m/1",
                 "x": 0.25, "y": 0.5, "width": 0.125, "height": 0.25},
                {"label": "dog", "score": 0.75, "model": "m/1",
                 "x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0},
            ]);
        }
        frame
    };
    json!({
        "schema": framemill_contract::MANIFEST_SCHEMA,
        "source": {
            "bucket": BUCKET, "name": "videos/cam 1/50%41 \"x\".mp4", "generation": 5, "size": 9,
        },
        "image_folder": "cam 1/50%41 \"x\".mp4",
        "frames": (0..frames).map(frame).collect::<Vec<_>>(),
        "dropped": [], "warnings": [],
        // Without an image: nobody is asked about it.
        "damaged": [{
            "index": 7, "pts": 7, "seconds": 0.25, "damaged": true, "damage": "a reference is missing",
        }],
    })
}

pub fn config(target: &str, more: &[(&str, &str)]) -> LabelConfig {
    let pairs = settings(target);
    LabelConfig::from_lookup(|key| {
        let mut all = more.iter().chain(&pairs);
        let pair = all.find(|(name, _)| *name == key);
        pair.map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}
