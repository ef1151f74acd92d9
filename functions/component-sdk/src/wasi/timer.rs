//! Waiting without holding up what else is under way.

use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};
use wasi::clocks::monotonic_clock::subscribe_duration;

/// A timer is set for this long at least.
const SHORTEST: Duration = Duration::from_millis(20);

/// Waits this long.
pub async fn wait(duration: Duration) {
    let Some(end) = Instant::now().checked_add(duration) else {
        return std::future::pending().await;
    };
    let mut timer: Option<CancelOnDropToken> = None;
    poll_fn(|context| {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        // Each poll asks anew: the executor forgets a timer whose waker it has called.
        // A host's clock may stand still for a while: no spinning until it goes on.
        let left = left.max(SHORTEST);
        let nanos = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        let token = push_waker_and_get_token(subscribe_duration(nanos), context.waker().clone());
        timer = Some(token.into());
        Poll::Pending
    })
    .await;
    drop(timer);
}
