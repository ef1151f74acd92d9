//! The durable queue: nothing is lost, nothing is done twice without need. A crash is a queue
//! that is dropped with messages taken and opened again.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use framemill_contract::{ObjectRef, Outcome};
use framemill_sources::{Queue, QueueError, Settled, Taken};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

fn object(name: &str, generation: i64) -> ObjectRef {
    ObjectRef {
        bucket: "local".into(),
        name: name.into(),
        generation: Some(generation),
    }
}

fn done() -> Outcome {
    Outcome::Unchanged {
        manifest: "images/x/manifest.json".into(),
    }
}

fn open(folder: &Path) -> Queue {
    Queue::open(&folder.join("sub/queue.redb"), 3).unwrap()
}

fn take(queue: &Queue) -> Option<Taken> {
    queue.take().unwrap().ok()
}

#[test]
fn each_generation_is_queued_once_in_its_life() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    assert!(queue.enqueue(&object("a", 1)).unwrap());
    assert!(!queue.enqueue(&object("a", 1)).unwrap());
    assert!(queue.enqueue(&object("a", 2)).unwrap());
    let message = take(&queue).unwrap();
    assert_eq!(
        (message.object.clone(), message.attempt),
        (object("a", 1), 1)
    );
    assert!(
        !queue.enqueue(&object("a", 1)).unwrap(),
        "it is being worked on"
    );
    queue.ack(&message, &done()).unwrap();
    assert!(!queue.enqueue(&object("a", 1)).unwrap(), "it is done");
    drop(queue);
    let queue = open(folder.path());
    assert!(
        !queue.enqueue(&object("a", 1)).unwrap(),
        "it is done, after a restart too"
    );
    assert_eq!(
        queue.settled(&object("a", 1)).unwrap(),
        Some(Settled::Done(done()))
    );
    assert_eq!(queue.settled(&object("a", 2)).unwrap(), None);
    assert_eq!(queue.pending().unwrap(), 1);
}

#[test]
fn a_taken_message_is_not_taken_twice_but_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    for name in ["a", "b"] {
        queue.enqueue(&object(name, 1)).unwrap();
    }
    let (first, second) = (take(&queue).unwrap(), take(&queue).unwrap());
    assert_eq!(
        (first.object.name.as_str(), second.object.name.as_str()),
        ("a", "b")
    );
    assert_eq!(take(&queue), None);
    queue.ack(&second, &done()).unwrap();
    drop(queue);
    let queue = open(folder.path());
    let again = take(&queue).unwrap();
    assert_eq!(again, first, "a crash is no failed delivery");
    assert_eq!(take(&queue), None);
}

#[test]
fn failures_wait_longer_each_time_and_end_as_dead_letters() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    queue.enqueue(&object("a", 1)).unwrap();
    let mut waits = Vec::new();
    let mut message = take(&queue).unwrap();
    for attempt in 1..3 {
        assert_eq!(message.attempt, attempt);
        assert!(!queue.retry(&message, "store is away", None).unwrap());
        let wait = queue.take().unwrap().unwrap_err().unwrap();
        waits.push(wait);
        message.attempt += 1;
    }
    assert!(
        waits[0] <= Duration::from_secs(2) && waits[1] > Duration::from_secs(2),
        "{waits:?}"
    );
    drop(queue);
    let queue = open(folder.path());
    assert!(
        queue.take().unwrap().is_err(),
        "the wait outlives a restart"
    );
    assert!(queue.retry(&message, "store is away", None).unwrap());
    assert_eq!(queue.pending().unwrap(), 0);
    let dead = queue.dead_letters().unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].attempts, dead[0].reason.as_str()),
        (3, "store is away")
    );
    assert!(
        !queue.enqueue(&object("a", 1)).unwrap(),
        "a rescan does not bring it back"
    );
    assert_eq!(queue.redrive().unwrap(), 1);
    assert_eq!(take(&queue).unwrap().attempt, 1);
    assert!(queue.dead_letters().unwrap().is_empty());
}

#[test]
fn retry_after_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    queue.enqueue(&object("a", 1)).unwrap();
    let message = take(&queue).unwrap();
    queue
        .retry(&message, "busy", Some(Duration::from_secs(60)))
        .unwrap();
    let wait = queue.take().unwrap().unwrap_err().unwrap();
    assert!(wait > Duration::from_secs(50), "{wait:?}");
}

#[test]
fn nacked_messages_come_back_untried() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    queue.enqueue(&object("a", 1)).unwrap();
    let message = take(&queue).unwrap();
    queue.nack(&message);
    assert_eq!(take(&queue), Some(message));
}

#[test]
fn one_process_per_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _queue = open(folder.path());
    let second = Queue::open(&folder.path().join("sub/queue.redb"), 3);
    let error = second.err().unwrap();
    assert!(matches!(error, QueueError::Locked(_)), "{error}");
    assert!(error.to_string().contains("another framemill"), "{error}");
}

#[tokio::test]
async fn waiting_ends_when_a_message_comes() {
    let folder = tempfile::tempdir().unwrap();
    let queue = std::sync::Arc::new(open(folder.path()));
    let waiting = tokio::spawn({
        let queue = std::sync::Arc::clone(&queue);
        async move { queue.next().await.unwrap() }
    });
    tokio::task::yield_now().await;
    queue.enqueue(&object("a", 1)).unwrap();
    let message = waiting.await.unwrap();
    assert_eq!(message.object.name, "a");
    queue.retry(&message, "once more", None).unwrap();
    assert_eq!(queue.next().await.unwrap().attempt, 2, "after its wait");
}

/// Random histories, compared with what a queue in memory would hold. The seed is in the
/// message of a failure.
#[test]
fn any_history_with_crashes_loses_nothing() {
    for seed in 1..=12_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = open(folder.path());
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = |most: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % most
        };
        let mut pending: BTreeSet<String> = BTreeSet::new();
        let mut ended: BTreeSet<String> = BTreeSet::new();
        let mut taken: BTreeMap<String, Taken> = BTreeMap::new();
        for step in 0..60 {
            let context = format!("seed {seed}, step {step}");
            let name = format!("v{}", next(8));
            match next(5) {
                0 | 1 => {
                    let added = queue.enqueue(&object(&name, 1)).unwrap();
                    let expected = !pending.contains(&name) && !ended.contains(&name);
                    assert_eq!(added, expected, "{context}");
                    if added {
                        pending.insert(name);
                    }
                }
                2 => {
                    let free = pending.iter().any(|name| !taken.contains_key(name));
                    let message = take(&queue);
                    assert_eq!(message.is_some(), free, "{context}");
                    if let Some(message) = message {
                        let name = message.object.name.clone();
                        assert!(taken.insert(name, message).is_none(), "{context}");
                    }
                }
                3 => {
                    if let Some((name, message)) = taken.pop_first() {
                        queue.ack(&message, &done()).unwrap();
                        pending.remove(&name);
                        ended.insert(name);
                    }
                }
                _ => {
                    drop(queue);
                    taken.clear();
                    queue = open(folder.path());
                }
            }
            assert_eq!(queue.pending().unwrap(), pending.len() as u64, "{context}");
        }
    }
}

/// Many hands take and settle at the same time: no message is in two hands, none comes back
/// after it was settled.
#[test]
fn each_message_is_worked_on_by_one_worker_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    for number in 0..200 {
        queue.enqueue(&object(&format!("v{number}"), 1)).unwrap();
    }
    let taken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while queue.pending().unwrap() > 0 {
                    let Some(message) = take(&queue) else {
                        continue;
                    };
                    taken.lock().unwrap().push(message.id);
                    queue.ack(&message, &done()).unwrap();
                }
            });
        }
    });
    let mut taken = taken.into_inner().unwrap();
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((count, taken.len()), (200, 200));
}

#[test]
fn what_was_settled_is_queued_again_only_on_request() {
    let data = tempfile::tempdir().unwrap();
    let queue = Queue::open(&data.path().join("queue.redb"), 2).unwrap();
    let object = ObjectRef {
        bucket: "b".into(),
        name: "videos/x.mp4".into(),
        generation: Some(1),
    };
    assert!(queue.enqueue(&object).unwrap());
    assert!(!queue.requeue(&object).unwrap(), "it waits already");
    let taken = queue.take().unwrap().unwrap();
    let outcome = Outcome::Unchanged {
        manifest: "m".into(),
    };
    queue.ack(&taken, &outcome).unwrap();
    assert!(!queue.enqueue(&object).unwrap());
    assert!(queue.settled(&object).unwrap().is_some());
    assert!(queue.requeue(&object).unwrap());
    assert_eq!(queue.settled(&object).unwrap(), None);
    assert_eq!(queue.pending().unwrap(), 1);
}
