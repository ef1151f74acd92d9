//! A full disk under the queue: a limit to the size of files has the same effect, and takes no rights.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use framemill_contract::{ObjectRef, Outcome};
use framemill_function_spec::Trigger;
use framemill_sources::{
    FolderSource, FolderState, FolderWatch, Queue, QueueSource, Settled, Source,
};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

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

/// The limit counts for a whole process, and its signal must be ignored from the start.
#[test]
fn a_full_disk_ends_nothing() {
    if std::env::var_os(LIMITED).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(limited());
    }
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_ends_nothing", "--nocapture"])
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
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
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!watching.is_finished() && !acking.is_finished());
    assert!(!giving_up.is_finished() && !waiting.is_finished());

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
