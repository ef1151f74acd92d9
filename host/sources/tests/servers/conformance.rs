//! What every source must do. Nothing here asserts how long something took, but that it did not
//! come too early.

use crate::proxy::Proxy;
use framemill_contract::{Event, EventKind, ObjectRef, Outcome};
use framemill_sources::{Delivery, RetryDecision, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Within this time everything that comes has come, however slow the machine is.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// Failed deliveries after which a message is dead.
pub const MAX_ATTEMPTS: u32 = 2;
pub const WORKERS: usize = 2;
pub const PREFETCH: usize = 1;

/// One queue of a server, empty at first.
#[async_trait::async_trait]
pub trait Place: Send + Sync {
    /// Another source over it, for [`WORKERS`], [`PREFETCH`] and [`MAX_ATTEMPTS`].
    async fn open(&self) -> Arc<dyn Source>;

    /// What was not acked comes again after this time of silence.
    fn lease(&self) -> Duration;
}

pub fn event(number: usize) -> Event {
    Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: "bucket".to_owned(),
            name: format!("videos/ä b {number}.mp4"),
            generation: Some(1_700_000_000_000_000 + number as i64),
        },
    }
}

pub fn done() -> Outcome {
    Outcome::Unchanged {
        manifest: "images/x/manifest.json".to_owned(),
    }
}

/// The next message, which must come.
pub async fn next(source: &dyn Source) -> Delivery {
    tokio::time::timeout(LONGEST_WAIT, source.next())
        .await
        .expect("no message came")
        .unwrap()
}

/// Nothing comes for a while.
pub async fn silent(source: &dyn Source, time: Duration) {
    if let Ok(delivery) = tokio::time::timeout(time, source.next()).await {
        panic!(
            "came although it should not: {:?}",
            delivery.unwrap().message
        );
    }
}

pub fn object(delivery: &Delivery) -> ObjectRef {
    delivery.message.event().unwrap().object
}

async fn publish(source: &dyn Source, numbers: std::ops::Range<usize>) {
    for number in numbers {
        source.publish(&event(number)).await.unwrap();
    }
}

pub async fn what_is_published_comes(place: &dyn Place) {
    let source = place.open().await;
    source.publish(&event(1)).await.unwrap();
    let delivery = next(&*source).await;
    assert_eq!(delivery.message.event().unwrap(), event(1));
    assert_eq!(delivery.message.attempt, 1);
    assert!(!delivery.message.id.is_empty());
    assert!(delivery.message.published.elapsed().unwrap() < Duration::from_secs(3600));
    delivery.handle.ack(&done()).await.unwrap();
    source.close().await;
}

pub async fn ack_is_final(place: &dyn Place) {
    let source = place.open().await;
    source.publish(&event(1)).await.unwrap();
    next(&*source).await.handle.ack(&done()).await.unwrap();
    silent(&*source, Duration::from_secs(1)).await;
    source.close().await;
    drop(source);
    let source = place.open().await;
    silent(&*source, place.lease() + Duration::from_secs(2)).await;
    source.close().await;
}

pub async fn dropped_comes_back_untried(place: &dyn Place) {
    let source = place.open().await;
    source.publish(&event(1)).await.unwrap();
    for _ in 0..4 {
        let delivery = next(&*source).await;
        assert_eq!(object(&delivery), event(1).object);
        assert_eq!(delivery.message.attempt, 1);
    }
    next(&*source).await.handle.ack(&done()).await.unwrap();
    source.close().await;
}

pub async fn retried_comes_back_later(place: &dyn Place) {
    let source = place.open().await;
    source.publish(&event(1)).await.unwrap();
    let delivery = next(&*source).await;
    let id = delivery.message.id.clone();
    let at_least = Duration::from_secs(3);
    let start = Instant::now();
    let decision = delivery.handle.retry("busy", Some(at_least)).await.unwrap();
    assert_eq!(decision, RetryDecision::Retry);
    // Others are not held up.
    source.publish(&event(2)).await.unwrap();
    let other = next(&*source).await;
    assert_eq!(object(&other), event(2).object);
    other.handle.ack(&done()).await.unwrap();
    let again = next(&*source).await;
    assert!(
        start.elapsed() >= at_least,
        "too early: {:?}",
        start.elapsed()
    );
    assert_eq!(object(&again), event(1).object);
    assert_eq!(again.message.attempt, 2);
    assert_eq!(again.message.id, id, "the same message");
    again.handle.ack(&done()).await.unwrap();
    source.close().await;
}

pub async fn gives_up_after_the_last_attempt(place: &dyn Place) {
    let source = place.open().await;
    source.publish(&event(1)).await.unwrap();
    let first = next(&*source).await;
    let published = first.message.published;
    assert_eq!(
        first.handle.retry("one", None).await.unwrap(),
        RetryDecision::Retry
    );
    let last = next(&*source).await;
    let long = format!("two\n{}", "ö".repeat(2000));
    assert_eq!(
        last.handle.retry(&long, None).await.unwrap(),
        RetryDecision::DeadLetter
    );
    let dead = dead_letters(&*source, 1).await;
    let letter = dead.first().unwrap();
    assert_eq!(letter.object, Some(event(1).object));
    assert_eq!(letter.attempts, MAX_ATTEMPTS);
    assert!(letter.reason.starts_with("two\nöö"), "{}", letter.reason);
    let apart = letter.published.duration_since(published);
    let apart = apart.unwrap_or_else(|error| error.duration());
    assert!(
        apart < Duration::from_secs(60),
        "{apart:?}: not the time of the first publishing"
    );
    silent(&*source, place.lease() + Duration::from_secs(2)).await;
    source.close().await;
    drop(source);
    // They outlive the source.
    let source = place.open().await;
    dead_letters(&*source, 1).await;
    source.close().await;
}

/// The dead letters, once there are so many.
async fn dead_letters(source: &dyn Source, count: usize) -> Vec<framemill_sources::DeadLetter> {
    let start = Instant::now();
    loop {
        let dead = source.dead_letters(100).await.unwrap();
        if dead.len() == count {
            return dead;
        }
        assert!(
            start.elapsed() < LONGEST_WAIT,
            "{} are not {count}: {dead:?}",
            dead.len()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub async fn dead_letters_can_be_redriven(place: &dyn Place) {
    let source = place.open().await;
    publish(&*source, 0..3).await;
    for _ in 0..3 {
        let delivery = next(&*source).await;
        let reason = format!("cannot be read: {}", object(&delivery).name);
        delivery.handle.dead_letter(&reason).await.unwrap();
    }
    let dead = dead_letters(&*source, 3).await;
    assert!(dead.is_sorted_by_key(|letter| letter.published));
    assert_eq!(source.dead_letters(2).await.unwrap().len(), 2);
    let letter = dead.get(1).unwrap().clone();
    let name = letter.object.clone().unwrap().name;
    assert_eq!(letter.reason, format!("cannot be read: {name}"));
    assert_eq!(
        source
            .redrive(Some(&["no such id".to_owned()]))
            .await
            .unwrap(),
        0
    );
    assert_eq!(source.redrive(Some(&[letter.id])).await.unwrap(), 1);
    let again = next(&*source).await;
    assert_eq!(Some(object(&again)), letter.object);
    assert_eq!(again.message.attempt, 1, "a new life");
    again.handle.ack(&done()).await.unwrap();
    silent(&*source, Duration::from_secs(1)).await;
    dead_letters(&*source, 2).await;
    assert_eq!(source.redrive(None).await.unwrap(), 2);
    for _ in 0..2 {
        next(&*source).await.handle.ack(&done()).await.unwrap();
    }
    silent(&*source, Duration::from_secs(1)).await;
    dead_letters(&*source, 0).await;
    source.close().await;
}

pub async fn no_more_than_the_hands_allow(place: &dyn Place) {
    let source = place.open().await;
    publish(&*source, 0..50).await;
    let mut held = Vec::new();
    while let Ok(delivery) = tokio::time::timeout(Duration::from_secs(3), source.next()).await {
        held.push(delivery.unwrap());
        assert!(held.len() <= WORKERS + PREFETCH, "too many in flight");
    }
    assert!(held.len() >= WORKERS, "{} in flight", held.len());
    // A settled one makes room for another.
    held.pop().unwrap().handle.ack(&done()).await.unwrap();
    held.push(next(&*source).await);
    drop(held);
    source.close().await;
}

pub async fn closing_gives_back_what_waits(place: &dyn Place) {
    let first = place.open().await;
    publish(&*first, 0..20).await;
    next(&*first).await.handle.ack(&done()).await.unwrap();
    first.close().await;
    drop(first);
    let second = place.open().await;
    let mut seen = BTreeSet::new();
    for _ in 0..19 {
        let delivery = next(&*second).await;
        seen.insert(object(&delivery).name);
        assert_eq!(delivery.message.attempt, 1);
        delivery.handle.ack(&done()).await.unwrap();
    }
    assert_eq!(seen.len(), 19);
    silent(&*second, Duration::from_secs(1)).await;
    second.close().await;
}

/// The graceful end of a service: nothing new, but what runs is still settled.
pub async fn what_runs_at_the_stop_is_still_settled(place: &dyn Place) {
    let first = place.open().await;
    publish(&*first, 0..6).await;
    let running = next(&*first).await;
    let mine = object(&running).name;
    first.stop().await;
    running.handle.ack(&done()).await.unwrap();
    first.close().await;
    drop(first);
    let second = place.open().await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let delivery = next(&*second).await;
        seen.insert(object(&delivery).name);
        delivery.handle.ack(&done()).await.unwrap();
    }
    assert!(seen.len() == 5 && !seen.contains(&mine), "{mine}: {seen:?}");
    silent(&*second, place.lease() + Duration::from_secs(2)).await;
    second.close().await;
}

pub async fn two_share(place: &dyn Place) {
    const COUNT: usize = 100;
    let sources = [place.open().await, place.open().await];
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    publish(&*sources[0], 0..COUNT).await;
    let (sender, mut settled) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = tokio::task::JoinSet::new();
    for source in &sources {
        for _ in 0..WORKERS {
            let (source, sender) = (Arc::clone(source), sender.clone());
            tasks.spawn(async move {
                loop {
                    let delivery = source.next().await.unwrap();
                    let name = object(&delivery).name;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    delivery.handle.ack(&done()).await.unwrap();
                    sender.send(name).unwrap();
                }
            });
        }
    }
    while seen.len() < COUNT {
        let name = tokio::time::timeout(LONGEST_WAIT, settled.recv()).await;
        let name = name.unwrap_or_else(|_| panic!("lost: only {} came", seen.len()));
        *seen.entry(name.unwrap()).or_default() += 1;
    }
    // What comes twice comes within a lease.
    tokio::time::sleep(place.lease() + Duration::from_secs(1)).await;
    tasks.shutdown().await;
    while let Ok(name) = settled.try_recv() {
        *seen.entry(name).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "twice: {seen:?}");
    for source in sources {
        source.close().await;
    }
}

/// A process that is killed: its runtime is gone, its connections are cut, nothing was said.
pub async fn killed_comes_back(place: &dyn Place) {
    let live_and_die = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let held = runtime.block_on(async {
            let source = place.open().await;
            publish(&*source, 0..3).await;
            let held = [next(&*source).await, next(&*source).await];
            // Not even destructors run.
            std::mem::forget(source);
            held
        });
        runtime.shutdown_background();
        std::mem::forget(held);
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| scope.spawn(live_and_die).join().unwrap());
    });
    let source = place.open().await;
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        let delivery = next(&*source).await;
        seen.insert(object(&delivery).name);
        delivery.handle.ack(&done()).await.unwrap();
    }
    source.close().await;
}

/// The network fails while a message is in flight and while nothing is: it is waited for, and
/// nothing is lost.
pub async fn outages_are_waited_out(source: &dyn Source, cut: &Proxy) {
    publish(source, 0..2).await;
    let delivery = next(source).await;
    cut.set_up(false);
    let waiting = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        cut.set_up(true);
        source.publish(&event(2)).await
    };
    // A publishing that fails says so; here it is tried until it is through.
    let ((), published) = tokio::join!(
        async {
            // Its connection is gone: either the server learns of it later, or it comes again.
            let _ = delivery.handle.ack(&done()).await;
        },
        waiting
    );
    if published.is_err() {
        let start = Instant::now();
        while source.publish(&event(2)).await.is_err() {
            assert!(start.elapsed() < LONGEST_WAIT, "never published again");
        }
    }
    let mut seen = BTreeSet::new();
    while !(seen.contains(&event(1).object.name) && seen.contains(&event(2).object.name)) {
        let delivery = next(source).await;
        let name = object(&delivery).name;
        // One that was prefetched before the cut may be refused; it comes again then.
        if delivery.handle.ack(&done()).await.is_ok() {
            seen.insert(name);
        }
    }
    source.close().await;
}

/// While the network fails, whoever asks is told; afterwards it is over.
pub async fn an_outage_shows(source: &dyn Source, cut: &Proxy) {
    publish(source, 0..1).await;
    let delivery = next(source).await;
    delivery.handle.ack(&done()).await.unwrap();
    assert_eq!(source.connected(), Ok(()));
    cut.set_up(false);
    // Someone waits for messages all the while, as the service does.
    until(source, false).await;
    cut.set_up(true);
    until(source, true).await;
    source.close().await;
}

/// Waits until the source says so. What comes meanwhile is a message whose ack was lost.
async fn until(source: &dyn Source, connected: bool) {
    let told = async {
        while source.connected().is_ok() != connected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waiting = async {
        loop {
            let delivery = source.next().await.unwrap();
            let _ = delivery.handle.ack(&done()).await;
        }
    };
    tokio::select! {
        () = waiting => {}
        told = tokio::time::timeout(LONGEST_WAIT, told) => told.expect("it never said so"),
    }
}

/// A job that takes longer than the lease, on a machine whose threads are all busy.
pub async fn long_jobs_keep_their_message(place: &dyn Place) {
    let (mine, other) = (place.open().await, place.open().await);
    mine.publish(&event(1)).await.unwrap();
    let delivery = next(&*mine).await;
    let busy: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async {
                loop {
                    let tick = Instant::now();
                    while tick.elapsed() < Duration::from_millis(10) {
                        std::hint::spin_loop();
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    silent(&*other, place.lease() + Duration::from_secs(6)).await;
    for task in busy {
        task.abort();
    }
    delivery.handle.ack(&done()).await.unwrap();
    silent(&*other, Duration::from_secs(2)).await;
    mine.close().await;
    other.close().await;
}

/// All of it for one kind of source; each case on a fresh place.
macro_rules! conformance {
    ($place:path; $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let place = $place(stringify!($case)).await;
                crate::conformance::$case(&*place).await;
            }
        )*
    };
}
pub(crate) use conformance;
