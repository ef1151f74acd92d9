//! The time of a request. It stands still while all of its segments wait for a sandbox: how many
//! others there are is not to cost a request the time that it may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wasmtime_wasi::HostMonotonicClock;

/// Runs from its start.
#[derive(Debug)]
pub(super) struct Stopwatch {
    started: Instant,
    segments: Mutex<Segments>,
}

#[derive(Debug, Default)]
struct Segments {
    waiting: usize,
    running: usize,
    /// Since when it stands still.
    since: Option<Instant>,
    /// How long it stood still before.
    stood: Duration,
}

/// A segment of the request: it waits, then runs until it is dropped.
#[derive(Debug)]
pub(super) struct Segment {
    watch: Arc<Stopwatch>,
    running: bool,
}

impl Stopwatch {
    /// Starts.
    pub(super) fn start() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            segments: Mutex::default(),
        })
    }

    /// Time since the start, less that in which it stood still.
    pub(super) fn elapsed(&self) -> Duration {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Duration {
        let segments = self.segments();
        let stands = segments
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        now.saturating_duration_since(self.started)
            .saturating_sub(segments.stood.saturating_add(stands))
    }

    /// A segment that waits.
    pub(super) fn segment(self: &Arc<Self>) -> Segment {
        self.change(Instant::now(), |segments| segments.waiting += 1);
        Segment {
            watch: Arc::clone(self),
            running: false,
        }
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, now: Instant, change: impl FnOnce(&mut Segments)) {
        let mut segments = self.segments();
        change(&mut segments);
        let stands = segments.waiting > 0 && segments.running == 0;
        match segments.since {
            None if stands => segments.since = Some(now),
            Some(since) if !stands => {
                let stood = now.saturating_duration_since(since);
                segments.stood = segments.stood.saturating_add(stood);
                segments.since = None;
            }
            _ => {}
        }
    }
}

impl Segment {
    /// It has its sandbox.
    pub(super) fn runs(&mut self) {
        if !std::mem::replace(&mut self.running, true) {
            self.watch.change(Instant::now(), |segments| {
                segments.waiting -= 1;
                segments.running += 1;
            });
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let running = self.running;
        self.watch.change(Instant::now(), |segments| match running {
            true => segments.running -= 1,
            false => segments.waiting -= 1,
        });
    }
}

/// What the component itself reads as the time.
pub(super) struct ComponentClock(pub(super) Arc<Stopwatch>);

impl HostMonotonicClock for ComponentClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_while_segments_wait_and_none_runs() {
        let watch = Stopwatch::start();
        let start = watch.started;
        let second = |number| start + Duration::from_secs(number);
        let at = |number| watch.at(second(number)).as_secs();
        assert_eq!(at(1), 1);
        // One waits, then two.
        watch.change(second(1), |it| it.waiting = 1);
        watch.change(second(2), |it| it.waiting = 2);
        assert_eq!(at(4), 1);
        // One of them runs.
        watch.change(second(4), |it| (it.waiting, it.running) = (1, 1));
        assert_eq!(at(6), 3);
        // It has ended, and the other still waits.
        watch.change(second(6), |it| it.running = 0);
        assert_eq!(at(9), 3);
        watch.change(second(9), |it| it.waiting = 0);
        assert_eq!(at(10), 4);
    }

    #[test]
    fn segments_are_counted_until_they_are_dropped() {
        let watch = Stopwatch::start();
        let counts = || {
            let segments = watch.segments();
            (segments.waiting, segments.running, segments.since.is_some())
        };
        let given_up = watch.segment();
        let mut segment = watch.segment();
        assert_eq!(counts(), (2, 0, true));
        segment.runs();
        segment.runs();
        assert_eq!(counts(), (1, 1, false));
        drop(segment);
        assert_eq!(counts(), (1, 0, true));
        drop(given_up);
        assert_eq!(counts(), (0, 0, false));
    }
}
