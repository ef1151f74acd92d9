//! The messages that are being worked on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// When the messages were published that are being worked on.
#[derive(Debug, Default)]
pub(super) struct Published(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    next: u64,
    messages: BTreeMap<u64, SystemTime>,
}

/// A message that is being worked on, until this is dropped.
#[derive(Debug)]
pub struct InFlight {
    published: Arc<Published>,
    number: u64,
}

impl Published {
    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(self: &Arc<Self>, published: SystemTime) -> InFlight {
        let mut numbered = self.lock();
        let number = numbered.next;
        numbered.next = number.wrapping_add(1);
        numbered.messages.insert(number, published);
        InFlight {
            published: Arc::clone(self),
            number,
        }
    }

    /// How many there are, and the age of the oldest; zero where there is none.
    pub(super) fn count_and_age(&self) -> (usize, Duration) {
        let numbered = self.lock();
        let oldest = numbered.messages.values().min();
        let age = oldest.and_then(|oldest| oldest.elapsed().ok());
        (numbered.messages.len(), age.unwrap_or_default())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.published.lock().messages.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_counts_until_it_is_done() {
        let published = Arc::new(Published::default());
        assert_eq!(published.count_and_age(), (0, Duration::ZERO));
        let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
        let young = published.add(ago(10));
        let old = published.add(ago(1000));
        let (count, age) = published.count_and_age();
        assert!(count == 2 && age >= Duration::from_secs(1000), "{age:?}");
        drop(old);
        let (count, age) = published.count_and_age();
        assert!(count == 1 && age < Duration::from_secs(1000), "{age:?}");
        drop(young);
        // A clock that was set back makes no age.
        let _future = published.add(SystemTime::now() + Duration::from_secs(60));
        assert_eq!(published.count_and_age(), (1, Duration::ZERO));
    }
}
