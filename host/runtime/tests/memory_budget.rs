//! Sandboxes that share memory: how many there are at once, and that all come to their end.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::{LIMITS, probe, request, variables};
use framemill_contract::SizeLimits;
use framemill_objects::{Body, ObjectsApi, Written};
use framemill_runtime::{
    ComponentEvent, ComponentResponse, Limits, MemoryBudget, Observer, OutboundClient, Runtime,
    RuntimeParts, with_host,
};
use futures::future::join_all;
use http::{Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinHandle;

const SEGMENTS: &str = "http://extract-frames.spin.internal";
const OBJECTS: &str = "https://storage.googleapis.com/storage/v1/b/local/o";
/// A test that hangs fails.
const HANGS: Duration = Duration::from_secs(120);

/// When an object request is answered.
enum Answers {
    /// After a while.
    Slowly,
    /// Once two of them are there.
    Together(Barrier),
    /// Once the test lets it.
    Let(Semaphore),
}

/// Counts how many sandboxes wait for it at most.
struct Bucket {
    answers: Answers,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl Bucket {
    fn new(answers: Answers) -> Arc<Self> {
        Arc::new(Self {
            answers,
            waiting: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    /// Answers so many requests that it has not answered yet.
    fn let_go(&self, requests: usize) {
        if let Answers::Let(permits) = &self.answers {
            permits.add_permits(requests);
        }
    }
}

#[async_trait::async_trait]
impl ObjectsApi for Bucket {
    async fn handle(
        &self,
        _: Request<Body>,
        _: &str,
        _: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body> {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        match &self.answers {
            Answers::Slowly => tokio::time::sleep(Duration::from_millis(20)).await,
            Answers::Together(barrier) => {
                barrier.wait().await;
            }
            Answers::Let(permits) => permits.acquire().await.unwrap().forget(),
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Response::new(common::body("{}"))
    }
}

fn runtime(gateway: &Arc<Bucket>, memory: &MemoryBudget) -> Runtime {
    watched(gateway, memory, LIMITS, Arc::new(|_, _| {}))
}

fn watched(
    gateway: &Arc<Bucket>,
    memory: &MemoryBudget,
    limits: Limits,
    observer: Observer,
) -> Runtime {
    let (engine, component) = probe();
    let parts = RuntimeParts {
        variables: with_host(variables(), &component.sha256, SizeLimits::STANDARD),
        component,
        gateway: Arc::<Bucket>::clone(gateway),
        outbound: OutboundClient::default(),
        limits,
        parallel: 4,
        memory: Some(memory.clone()),
        observer,
    };
    Runtime::new(&engine, parts).unwrap()
}

/// A message whose sandbox waits for the objects, or for a segment that does.
async fn message(runtime: &Runtime, with_segment: bool) -> ComponentResponse {
    let request = Request::builder().uri("http://probe.test/fetch");
    let request = match with_segment {
        true => request
            .header("x-url", format!("{SEGMENTS}/fetch"))
            .header("x-inner-url", OBJECTS),
        false => request.header("x-url", OBJECTS),
    };
    let request = request.body(Bytes::new()).unwrap();
    let answer = tokio::time::timeout(HANGS, runtime.call("test", request));
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.response.status(), 200);
    answer
}

/// Waits until something is so.
async fn until(holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(HANGS, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_share_memory_and_every_message_ends() {
    for sandboxes in [2, 3, 5] {
        let gateway = Bucket::new(Answers::Slowly);
        let memory = MemoryBudget::new(sandboxes * LIMITS.memory, LIMITS.memory);
        let pipelines = [runtime(&gateway, &memory), runtime(&gateway, &memory)];
        let messages = (0..12).map(|number| {
            let pipeline = &pipelines[number % 2];
            message(pipeline, number % 3 != 0)
        });
        join_all(messages).await;
        // What waits for objects is a segment, or a message without one: never more than there is
        // memory for, less the message that a segment belongs to.
        let most = gateway.most.load(Ordering::SeqCst) as u64;
        assert!(most < sandboxes, "{most} of {sandboxes}");
        assert_eq!(memory.reserved(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_want_of_memory_none_waits() {
    // One at a time would never be answered.
    let gateway = Bucket::new(Answers::Together(Barrier::new(2)));
    let memory = MemoryBudget::new(100 * LIMITS.memory, LIMITS.memory);
    let runtime = runtime(&gateway, &memory);
    join_all((0..12).map(|_| message(&runtime, true))).await;
    let most = gateway.most.load(Ordering::SeqCst);
    assert!(most <= 4, "as many as run in parallel: {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_given_up_gives_its_memory_back() {
    let gateway = Bucket::new(Answers::Slowly);
    let memory = MemoryBudget::new(0, LIMITS.memory);
    let runtime = runtime(&gateway, &memory);
    let busy = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.call("test", request("/spin")).await.map(|_| ()) }
    });
    until(|| memory.reserved() > 0).await;
    busy.abort();
    assert!(busy.await.unwrap_err().is_cancelled());
    message(&runtime, true).await;
    assert_eq!(memory.reserved(), 0);
}

/// A runtime, and how many segments of it have been asked for.
fn counted(
    gateway: &Arc<Bucket>,
    memory: &MemoryBudget,
    limits: Limits,
) -> (Runtime, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let observer: Observer = Arc::new(move |_, event| {
        if matches!(event, ComponentEvent::SegmentDispatched(_)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (watched(gateway, memory, limits, observer), asked)
}

fn spawn(runtime: &Runtime) -> JoinHandle<ComponentResponse> {
    let runtime = runtime.clone();
    tokio::spawn(async move { message(&runtime, true).await })
}

/// One whose segment runs, and one whose segment waits for memory.
#[tokio::test(flavor = "multi_thread")]
async fn segments_of_a_message_that_is_given_up_give_their_memory_back() {
    let gateway = Bucket::new(Answers::Let(Semaphore::new(0)));
    let memory = MemoryBudget::new(3 * LIMITS.memory, LIMITS.memory);
    let (first, _) = counted(&gateway, &memory, LIMITS);
    let (second, asked) = counted(&gateway, &memory, LIMITS);
    for running in [false, true] {
        let runs = spawn(&first);
        until(|| gateway.waiting.load(Ordering::SeqCst) == 1).await;
        asked.store(0, Ordering::SeqCst);
        let waits = spawn(&second);
        until(|| asked.load(Ordering::SeqCst) == 1).await;
        assert_eq!(memory.reserved(), memory.bytes());
        let (given_up, other) = match running {
            true => (runs, waits),
            false => (waits, runs),
        };
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        // Its segment's memory is the other's, or still is: two sandboxes stay.
        until(|| memory.reserved() == 2 * LIMITS.memory).await;
        // The bucket may count the request that was given up.
        gateway.waiting.store(0, Ordering::SeqCst);
        gateway.let_go(1);
        other.await.unwrap();
        until(|| memory.reserved() == 0).await;
        gateway.waiting.store(0, Ordering::SeqCst);
    }
}

/// Neither the time that the host allows a request, nor what the component reads as its time, goes
/// on while its segments wait for the memory that others have.
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_memory_costs_a_message_no_time() {
    let gateway = Bucket::new(Answers::Let(Semaphore::new(0)));
    let memory = MemoryBudget::new(3 * LIMITS.memory, LIMITS.memory);
    let (other, _) = counted(&gateway, &memory, LIMITS);
    let wall = Duration::from_secs(3);
    let limits = Limits {
        wall: Some(wall),
        ..LIMITS
    };
    let (ours, asked) = counted(&gateway, &memory, limits);
    let slow = spawn(&other);
    until(|| gateway.waiting.load(Ordering::SeqCst) == 1).await;
    let started = Instant::now();
    let message = spawn(&ours);
    until(|| asked.load(Ordering::SeqCst) == 1).await;
    let held = Instant::now();
    tokio::time::sleep(wall + Duration::from_secs(1)).await;
    let held = held.elapsed();
    gateway.let_go(2);
    let answer = message.await.unwrap();
    let took: u64 = answer.response.headers()["x-took"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let most = started.elapsed() - held;
    assert!(Duration::from_nanos(took) <= most, "{took} ns of {most:?}");
    slow.await.unwrap();
}
