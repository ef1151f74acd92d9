//! A full disk under the queue: a limit to the size of files has the same effect, and takes no rights.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use framemill_contract::{ObjectRef, Outcome};
use framemill_function_spec::Trigger;
use framemill_sources::{
    FolderSource, FolderState, FolderWatch, Queue, QueueError, QueueSource, Settled, Source,
};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Set in the process that has the limit.
const LIMITED: &str = "FULL_DISK_LIMITED";

fn object(name: &str) -> ObjectRef {
    ObjectRef {
        bucket: "local".into(),
        name: name.into(),
        generation: Some(1),
    }
}

/// Files of this process may not grow beyond this any more.
fn limit(size: &str) {
    let own = std::process::id().to_string();
    let set = Command::new("prlimit")
        .args(["--pid", &own, &format!("--fsize={size}:unlimited")])
        .status();
    assert!(set.unwrap().success(), "prlimit is part of util-linux");
}

/// Runs the test of this name in a process of its own: the limit counts for a whole process, and its
/// signal must be ignored from the start. Returns whether this is that process.
fn is_limited(test: &str) -> bool {
    if std::env::var_os(LIMITED).is_some() {
        return true;
    }
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    false
}

#[test]
fn a_full_disk_ends_nothing() {
    if is_limited("a_full_disk_ends_nothing") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(limited());
    }
}

/// One's failed write breaks the database for all.
#[test]
fn all_who_share_a_full_disk_wait() {
    if !is_limited("all_who_share_a_full_disk_wait") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(&folder.path().join("queue.redb"), 1).unwrap();
    limit("4096");
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (queue, start) = (&queue, &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..100 {
                    let added = queue.enqueue(&object(&format!("{thread}-{number}")));
                    let error = added.unwrap_err();
                    assert!(error.is_full(), "{error:?}");
                }
            });
        }
    });
    limit("unlimited");
    assert!(queue.enqueue(&object("x")).unwrap());
    assert_eq!(queue.pending().unwrap(), 1);
}

/// A file that is closed after a failure can be taken by another process before it is opened anew.
#[test]
fn who_takes_the_closed_file_is_waited_for() {
    if is_limited("who_takes_the_closed_file_is_waited_for") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(taken());
    }
}

/// Waits until an object can be queued; also how often that was tried.
fn enqueue_when_it_can(
    queue: &Arc<Queue>,
    name: &'static str,
) -> (JoinHandle<Result<bool, QueueError>>, watch::Receiver<u32>) {
    let (tries, tried) = watch::channel(0);
    let queue = Arc::clone(queue);
    let waiting = tokio::spawn(async move {
        let work = || {
            tries.send_modify(|tries| *tries += 1);
            queue.enqueue(&object(name))
        };
        queue.waiting(work).await
    });
    (waiting, tried)
}

async fn taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.redb");
    let queue = Arc::new(Queue::open(&path, 1).unwrap());
    limit("4096");
    assert!(queue.enqueue(&object("a")).unwrap_err().is_full());
    limit("unlimited");
    let other = Queue::open(&path, 1).unwrap();
    let error = queue.enqueue(&object("a")).unwrap_err();
    assert!(matches!(error, QueueError::Locked(_)), "{error:?}");
    let (waiting, mut tried) = enqueue_when_it_can(&queue, "a");
    tried.wait_for(|tries| *tries >= 2).await.unwrap();
    drop(other);
    assert!(waiting.await.unwrap().unwrap());
    assert_eq!(queue.pending().unwrap(), 1);
}

async fn limited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".framemill/queue.redb");
    let queue = Arc::new(Queue::open(&path, 1).unwrap());
    for name in ["a", "b"] {
        assert!(queue.enqueue(&object(name)).unwrap());
    }
    let source = QueueSource::new(Arc::clone(&queue), "queue");
    let (first, second) = (source.next().await.unwrap(), source.next().await.unwrap());
    std::fs::create_dir(folder.path().join("videos")).unwrap();
    std::fs::write(folder.path().join("videos/c.mp4"), "c").unwrap();

    limit("4096");
    for _ in 0..3 {
        let error = queue.enqueue(&object("d")).unwrap_err();
        assert!(error.is_full(), "{error:?}");
    }
    let watch = FolderWatch {
        data: folder.path().to_owned(),
        bucket: "local".into(),
        trigger: Trigger {
            prefix: "videos/".into(),
            ..Trigger::default()
        },
        follow_links: false,
        stable_for: Duration::ZERO,
    };
    let (sender, _looks) = watch::channel(FolderState::default());
    let watching = tokio::spawn(FolderSource::new(watch, Arc::clone(&queue)).run(sender));
    let outcome = Outcome::Unchanged {
        manifest: "m".into(),
    };
    let settled = outcome.clone();
    let acking = tokio::spawn(async move { first.handle.ack(&settled).await });
    let giving_up = tokio::spawn(async move { second.handle.retry("r", None).await });
    let waiting = tokio::spawn(async move { source.next().await });
    // All of them look once a second or more rarely: who looks on beside them sees that it was in vain.
    let (looking, mut tried) = enqueue_when_it_can(&queue, "e");
    tried.wait_for(|tries| *tries >= 4).await.unwrap();
    assert!(!watching.is_finished() && !acking.is_finished());
    assert!(!giving_up.is_finished() && !waiting.is_finished());

    looking.abort();
    assert!(looking.await.unwrap_err().is_cancelled());
    limit("unlimited");
    acking.await.unwrap().unwrap();
    giving_up.await.unwrap().unwrap();
    assert_eq!(
        queue.settled(&object("a")).unwrap(),
        Some(Settled::Done(outcome))
    );
    assert!(matches!(
        queue.settled(&object("b")).unwrap(),
        Some(Settled::DeadLettered(_))
    ));
    // The file that could not be queued is found at a later look.
    let delivery = waiting.await.unwrap().unwrap();
    assert_eq!(
        delivery.message.event().unwrap().object.name,
        "videos/c.mp4"
    );
    watching.abort();
}
