//! Sandboxes that share memory: how many there are at once, and that all come to their end.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::{LIMITS, probe, request, variables};
use framemill_contract::SizeLimits;
use framemill_objects::{Body, ObjectsApi, Written};
use framemill_runtime::{MemoryBudget, OutboundClient, Runtime, RuntimeParts, with_host};
use futures::future::join_all;
use http::{Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SEGMENTS: &str = "http://extract-frames.spin.internal";
const OBJECTS: &str = "https://storage.googleapis.com/storage/v1/b/local/o";
/// A test that hangs fails.
const HANGS: Duration = Duration::from_secs(120);

/// Answers slowly, and counts how many sandboxes wait for it at most.
#[derive(Default)]
struct Slow {
    waiting: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl ObjectsApi for Slow {
    async fn handle(
        &self,
        _: Request<Body>,
        _: &str,
        _: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body> {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Response::new(common::body("{}"))
    }
}

fn runtime(gateway: &Arc<Slow>, memory: &MemoryBudget) -> Runtime {
    let (engine, component) = probe();
    let parts = RuntimeParts {
        variables: with_host(variables(), &component.sha256, SizeLimits::STANDARD),
        component,
        gateway: Arc::<Slow>::clone(gateway),
        outbound: OutboundClient::default(),
        limits: LIMITS,
        parallel: 4,
        memory: Some(memory.clone()),
        observer: Arc::new(|_, _| {}),
    };
    Runtime::new(&engine, parts).unwrap()
}

/// A message whose sandbox waits for the objects, or for a segment that does.
async fn message(runtime: &Runtime, with_segment: bool) {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_share_memory_and_every_message_ends() {
    for sandboxes in [2, 3, 5] {
        let gateway = Arc::<Slow>::default();
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
    let gateway = Arc::<Slow>::default();
    let memory = MemoryBudget::new(100 * LIMITS.memory, LIMITS.memory);
    let runtime = runtime(&gateway, &memory);
    join_all((0..12).map(|_| message(&runtime, true))).await;
    let most = gateway.most.load(Ordering::SeqCst);
    assert!(
        (2..=4).contains(&most),
        "as many as run in parallel: {most}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_given_up_gives_its_memory_back() {
    let gateway = Arc::<Slow>::default();
    let memory = MemoryBudget::new(0, LIMITS.memory);
    let runtime = runtime(&gateway, &memory);
    let busy = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.call("test", request("/spin")).await.map(|_| ()) }
    });
    while memory.reserved() == 0 {
        tokio::task::yield_now().await;
    }
    busy.abort();
    assert!(busy.await.unwrap_err().is_cancelled());
    message(&runtime, true).await;
    assert_eq!(memory.reserved(), 0);
}
