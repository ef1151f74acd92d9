//! How many sandboxes there may be at the same time, those of all pipelines together, so that
//! they do not take more memory than the machine has.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory for sandboxes, which they wait for in the order in which they come. Each takes as much
/// as it may use, whether it will or not.
///
/// A message's sandbox stays while those of its segments come and go, and a segment's waits for no
/// other. So messages never take all: with room left for one segment, every segment has its turn,
/// and every message ends.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sandbox: u64,
    sandboxes: usize,
    all: Arc<Semaphore>,
    messages: Arc<Semaphore>,
}

/// Memory of one sandbox, until it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_messages: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    /// Fewest sandboxes that work can be done with: a message's, and one of its segments.
    pub const FEWEST: u64 = 2;

    /// Of this many bytes, for sandboxes of at most `sandbox` bytes each. Less than the
    /// [fewest](Self::FEWEST) need counts as just that.
    pub fn new(bytes: u64, sandbox: u64) -> Self {
        let sandbox = sandbox.max(1);
        let sandboxes = (bytes / sandbox).max(Self::FEWEST);
        let sandboxes = usize::try_from(sandboxes).unwrap_or(usize::MAX);
        let sandboxes = sandboxes.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            sandbox,
            sandboxes,
            all: Arc::new(Semaphore::new(sandboxes)),
            messages: Arc::new(Semaphore::new(sandboxes.saturating_sub(1))),
        }))
    }

    /// Most sandboxes at the same time.
    pub fn sandboxes(&self) -> usize {
        self.0.sandboxes
    }

    /// Bytes that are taken by the sandboxes that are there.
    pub fn reserved(&self) -> u64 {
        let Inner {
            sandbox,
            sandboxes,
            all,
            ..
        } = &*self.0;
        let taken = sandboxes.saturating_sub(all.available_permits());
        sandbox.saturating_mul(taken as u64)
    }

    /// Bytes that all sandboxes together may take.
    pub fn bytes(&self) -> u64 {
        self.0.sandbox.saturating_mul(self.0.sandboxes as u64)
    }

    /// Waits for the memory of a sandbox: of a segment, or of a message.
    pub(super) async fn reserve(&self, segment: bool) -> Reservation {
        let Inner { all, messages, .. } = &*self.0;
        // Neither is ever closed.
        let of_messages = match segment {
            true => None,
            false => Arc::clone(messages).acquire_owned().await.ok(),
        };
        Reservation {
            _of_all: Arc::clone(all).acquire_owned().await.ok(),
            _of_messages: of_messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn messages_leave_room_for_a_segment() {
        let budget = MemoryBudget::new(1700, 500);
        assert_eq!((budget.sandboxes(), budget.bytes()), (3, 1500));
        let first = budget.reserve(false).await;
        let _second = budget.reserve(false).await;
        assert!(budget.reserve(false).now_or_never().is_none());
        let segment = budget.reserve(true).await;
        assert_eq!(budget.reserved(), 1500);
        assert!(budget.reserve(true).now_or_never().is_none());
        drop(segment);
        assert!(budget.reserve(false).now_or_never().is_none());
        assert!(budget.reserve(true).now_or_never().is_some());
        drop(first);
        assert!(budget.reserve(false).now_or_never().is_some());
        assert_eq!(budget.reserved(), 500);
    }

    #[tokio::test]
    async fn who_comes_first_has_it_first() {
        let budget = MemoryBudget::new(0, 500);
        assert_eq!(budget.sandboxes(), 2);
        let message = budget.reserve(false).await;
        let segment = budget.reserve(true).await;
        let mut next_message = Box::pin(budget.reserve(false));
        assert!((&mut next_message).now_or_never().is_none());
        let mut next_segment = Box::pin(budget.reserve(true));
        assert!((&mut next_segment).now_or_never().is_none());
        let mut last_segment = Box::pin(budget.reserve(true));
        assert!((&mut last_segment).now_or_never().is_none());
        drop(segment);
        assert!((&mut last_segment).now_or_never().is_none());
        let segment = (&mut next_segment).now_or_never();
        drop(message);
        // The memory is the last segment's, which has waited longer.
        assert!((&mut next_message).now_or_never().is_none());
        let last = (&mut last_segment).now_or_never();
        assert!(segment.is_some() && last.is_some());
        drop(last);
        assert!((&mut next_message).now_or_never().is_some());
    }
}
