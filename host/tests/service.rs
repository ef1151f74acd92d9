//! The service from queue to settled message, with the probe as the component.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../runtime/tests/common/mod.rs"]
mod common;
mod probe;

use common::LIMITS;
use framemill::service::{Pushes, RunSummary, Service};
use framemill_contract::{ObjectRef, Outcome};
use framemill_runtime::{ComponentEvent, Limits, Observer};
use framemill_sources::{Queue, QueueSource, Settled};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

struct Bench {
    data: tempfile::TempDir,
    queue: Arc<Queue>,
    stop: CancellationToken,
    kill: CancellationToken,
}

fn object(file: &str) -> ObjectRef {
    ObjectRef {
        bucket: "local".into(),
        name: format!("videos/{file}"),
        generation: Some(1),
    }
}

fn open(data: &Path) -> Arc<Queue> {
    Arc::new(Queue::open(&data.join(".framemill/queue.redb"), 2).unwrap())
}

impl Bench {
    fn new(files: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let queue = open(data.path());
        for file in files {
            queue.enqueue(&object(file)).unwrap();
        }
        Self {
            queue,
            data,
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
        }
    }

    fn start(&self, limits: Limits, drain: Duration) -> tokio::task::JoinHandle<RunSummary> {
        self.watched(limits, drain, Arc::new(|_, _| {}))
    }

    fn watched(
        &self,
        limits: Limits,
        drain: Duration,
        observer: Observer,
    ) -> tokio::task::JoinHandle<RunSummary> {
        let service = Arc::new(Service {
            source: Arc::new(QueueSource::new(Arc::clone(&self.queue), "queue")),
            pipelines: vec![probe::pipeline(self.data.path(), limits, observer)],
            workers: 2,
            drain,
            max_attempts: 2,
            running: watch::Sender::default(),
            pushes: Pushes::default(),
            metrics: Arc::default(),
        });
        let run = service.run(self.stop.clone(), self.kill.clone());
        tokio::spawn(async move { run.await.unwrap() })
    }

    async fn empty(&self) {
        while self.queue.pending().unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn settled(&self, file: &str) -> Option<Settled> {
        self.queue.settled(&object(file)).unwrap()
    }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn each_message_ends_as_its_answer_says() {
    let bench = Bench::new(&[
        "ok.mp4",
        "reject.mp4",
        "later.mp4",
        "nonsense.mp4",
        "trap.mp4",
    ]);
    let run = bench.start(LIMITS, LONG);
    bench.empty().await;
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!(
        (
            summary.done,
            summary.rejected,
            summary.dead_lettered,
            summary.retried
        ),
        (1, 1, 3, 2)
    );
    assert!(summary.failed());
    let done = bench.settled("ok.mp4");
    assert!(
        matches!(
            done,
            Some(Settled::Done(Outcome::Extracted { frames: 1, .. }))
        ),
        "{done:?}"
    );
    let rejected = bench.settled("reject.mp4");
    assert!(
        matches!(rejected, Some(Settled::Done(Outcome::Rejected { .. }))),
        "{rejected:?}"
    );
    let dead = bench.queue.dead_letters().unwrap();
    let reason = |file: &str| -> (u32, String) {
        let letter = dead
            .iter()
            .find(|letter| letter.object == object(file))
            .unwrap();
        (letter.attempts, letter.reason.clone())
    };
    assert_eq!(reason("nonsense.mp4"), (1, "not an upload event".into()));
    assert_eq!(reason("later.mp4"), (2, "object store: try again".into()));
    let (attempts, words) = reason("trap.mp4");
    assert_eq!(attempts, 2);
    assert!(
        words.contains("probe") && words.contains("stumble"),
        "{words}"
    );
    assert!(
        bench
            .data
            .path()
            .join("images/ok.mp4/manifest.json")
            .is_file()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_work_finish_and_takes_nothing_new() {
    let bench = Bench::new(&["slow1.mp4", "slow2.mp4", "ok.mp4"]);
    let run = bench.start(LIMITS, LONG);
    tokio::time::sleep(Duration::from_millis(700)).await;
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!((summary.done, summary.released), (2, 0));
    assert_eq!(bench.queue.pending().unwrap(), 1, "the third was not begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_is_given_back() {
    for by_signal in [false, true] {
        let bench = Bench::new(&["stuck.mp4"]);
        let drain = if by_signal {
            LONG
        } else {
            Duration::from_millis(100)
        };
        let run = bench.start(LIMITS, drain);
        tokio::time::sleep(Duration::from_millis(300)).await;
        bench.stop.cancel();
        if by_signal {
            bench.kill.cancel();
        }
        let summary = run.await.unwrap();
        assert_eq!((summary.done, summary.released), (0, 1));
        let message = bench.queue.take().unwrap().unwrap();
        assert_eq!((message.object, message.attempt), (object("stuck.mp4"), 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_fails_one_message_only() {
    let bench = Bench::new(&["stuck.mp4", "ok.mp4"]);
    let limits = Limits {
        time: Duration::from_millis(200),
        ..LIMITS
    };
    let run = bench.start(limits, LONG);
    bench.empty().await;
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!((summary.done, summary.dead_lettered), (1, 1));
    let dead = bench.queue.dead_letters().unwrap();
    assert!(dead[0].reason.contains("time limit"), "{}", dead[0].reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_in_turns_goes_on_until_it_is_done_or_gets_nowhere() {
    let bench = Bench::new(&["turns.mp4", "endless.mp4"]);
    let run = bench.start(LIMITS, LONG);
    bench.empty().await;
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!((summary.done, summary.dead_lettered), (1, 1));
    let done = bench.settled("turns.mp4");
    assert!(
        matches!(done, Some(Settled::Done(Outcome::Extracted { .. }))),
        "{done:?}"
    );
    for checkpoint in ["cursor1", "cursor2"] {
        let path = bench.data.path().join("images/turns.mp4").join(checkpoint);
        assert!(path.is_file(), "{checkpoint}");
    }
    let dead = bench.queue.dead_letters().unwrap();
    assert!(
        dead[0]
            .reason
            .contains("left the checkpoint of the one before"),
        "{}",
        dead[0].reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_between_two_turns_gives_the_message_back_with_the_work_kept() {
    let bench = Bench::new(&["turns.mp4"]);
    let stop = bench.stop.clone();
    let observer: Observer = Arc::new(move |_, progress| {
        if let ComponentEvent::Continued { done: 1, .. } = progress {
            stop.cancel();
        }
    });
    let summary = bench.watched(LIMITS, LONG, observer).await.unwrap();
    assert_eq!((summary.done, summary.released, summary.retried), (0, 1, 0));
    let images = bench.data.path().join("images/turns.mp4");
    assert!(images.join("cursor1").is_file() && !images.join("cursor2").exists());
    let message = bench.queue.take().unwrap().unwrap();
    assert_eq!((message.object, message.attempt), (object("turns.mp4"), 1));
}
