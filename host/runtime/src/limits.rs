//! What a sandbox may use, and how it is counted.

use super::engine::TICK;
use super::stopwatch::Stopwatch;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wasmtime::ResourceLimiter;

const MOST_TABLE_ELEMENTS: usize = 1 << 20;

/// What one request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory of one sandbox.
    pub memory: u64,
    /// Time that the component itself runs; waiting for objects does not count.
    pub time: Duration,
    /// Time from the start of the sandbox to the end of its answer, waiting included, but for
    /// that in which all that it has started waits for a sandbox.
    pub wall: Option<Duration>,
    /// Bytes of any body: of the request and its answer, and of those that the component sends
    /// and gets.
    pub body: Option<u64>,
}

impl Limits {
    /// Those of Akamai Functions, as a managed wasm cloud that is small.
    pub const fn akamai() -> Self {
        let whole = Duration::from_secs(30);
        Self {
            memory: 128 << 20,
            time: whole,
            wall: Some(whole),
            body: Some(10 << 20),
        }
    }
}

/// Counts the memory of one sandbox.
pub(super) struct MemoryLimit {
    limit: u64,
    used: u64,
    peak: u64,
    denied: bool,
}

impl MemoryLimit {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: 0,
            peak: 0,
            denied: false,
        }
    }

    /// Largest use so far, in bytes.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// The limit, if the component asked for more.
    pub(super) fn denied(&self) -> Option<u64> {
        self.denied.then_some(self.limit)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current) as u64;
        let used = self.used.saturating_add(growth);
        if used > self.limit {
            self.denied = true;
            return Ok(false);
        }
        self.used = used;
        self.peak = self.peak.max(used);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MOST_TABLE_ELEMENTS)
    }
}

/// The component ran, or took, longer than it may.
#[derive(Debug, thiserror::Error)]
pub(super) enum TimeLimitHit {
    #[error("time limit hit")]
    Running,
    #[error("limit of a request's whole time hit")]
    Wall(Duration),
}

/// Counts the time that a component runs: wall clock while its future is polled. Time in which
/// it waits for objects or other sandboxes does not count; being preempted by other processes
/// does. Where a limit of the whole time is set, all that the [`Stopwatch`] shows counts for that
/// one.
pub(super) struct Meter {
    limit: Duration,
    watch: Arc<Stopwatch>,
    wall: Option<Duration>,
    spent_before: AtomicU64,
    running_since: Mutex<Option<Instant>>,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: limits.time,
            watch: Stopwatch::start(),
            wall: limits.wall,
            spent_before: AtomicU64::new(0),
            running_since: Mutex::new(None),
        })
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Its whole time.
    pub(super) fn watch(&self) -> &Arc<Stopwatch> {
        &self.watch
    }

    fn turn(&self, running: bool) {
        let mut since = self
            .running_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(start) = since.take() {
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.spent_before.fetch_add(nanos, Ordering::Relaxed);
        }
        *since = running.then(Instant::now);
    }

    /// Time that it has run.
    pub(super) fn spent(&self) -> Duration {
        let since = self
            .running_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = since.map_or(Duration::ZERO, |start| start.elapsed());
        Duration::from_nanos(self.spent_before.load(Ordering::Relaxed)).saturating_add(now)
    }

    /// Stops the component once its time is over.
    pub(super) fn check(&self) -> wasmtime::Result<()> {
        if let Some(wall) = self.wall.filter(|wall| self.watch.elapsed() > *wall) {
            return Err(wasmtime::Error::from(TimeLimitHit::Wall(wall)));
        }
        if self.spent() > self.limit {
            return Err(wasmtime::Error::from(TimeLimitHit::Running));
        }
        Ok(())
    }

    /// Waits for `work`, but no longer than the whole time.
    ///
    /// # Errors
    /// The limit, once it is over.
    pub(super) async fn within<F: Future>(&self, work: F) -> Result<F::Output, Duration> {
        let Some(wall) = self.wall else {
            return Ok(work.await);
        };
        // A tick later than the check above, which can say where a busy component was.
        let end = wall.saturating_add(TICK.saturating_mul(2));
        let mut work = pin!(work);
        loop {
            let left = end.saturating_sub(self.watch.elapsed());
            if left.is_zero() {
                return Err(wall);
            }
            // Looked at anew: the time may have stood still.
            if let Ok(done) = tokio::time::timeout(left.max(TICK), &mut work).await {
                return Ok(done);
            }
        }
    }
}

/// A component's future, counted by a [`Meter`].
pub(super) struct Metered<F> {
    future: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Metered<F> {
    pub(super) fn new(future: Pin<Box<F>>, meter: &Arc<Meter>) -> Self {
        Self {
            future,
            meter: Arc::clone(meter),
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.turn(true);
        let polled = self.future.as_mut().poll(context);
        self.meter.turn(false);
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.memory_growing(0, 40, None).unwrap());
        assert_eq!(limit.denied(), None);
        assert!(!limit.memory_growing(60, 61, None).unwrap());
        assert_eq!((limit.denied(), limit.peak()), (Some(100), 100));
    }

    #[tokio::test]
    async fn waiting_does_not_count() {
        let meter = Meter::new(&Limits {
            time: Duration::from_secs(1),
            ..Limits::akamai()
        });
        let waiting = Box::pin(tokio::time::sleep(Duration::from_millis(300)));
        Metered::new(waiting, &meter).await;
        assert!(
            meter.spent() < Duration::from_millis(250),
            "{:?}",
            meter.spent()
        );
        assert!(meter.check().is_ok());
        let busy = Box::pin(async { std::thread::sleep(Duration::from_millis(20)) });
        Metered::new(busy, &meter).await;
        assert!(meter.spent() >= Duration::from_millis(20));
    }
}
