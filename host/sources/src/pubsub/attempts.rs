//! How often deliveries of each message failed: the server counts them only with a dead-letter
//! policy.

use std::collections::{HashMap, VecDeque};

/// Most messages that are remembered; the oldest are forgotten first.
const MOST: usize = 10_000;

/// Failures by message id.
#[derive(Default)]
pub(super) struct Attempts {
    failures: HashMap<String, u32>,
    order: VecDeque<String>,
}

impl Attempts {
    /// Failed deliveries of a message so far.
    pub(super) fn failures(&self, id: &str) -> u32 {
        self.failures.get(id).copied().unwrap_or(0)
    }

    /// Delivery attempt number `attempt` failed.
    pub(super) fn failed(&mut self, id: &str, attempt: u32) {
        if self.failures.insert(id.to_owned(), attempt).is_none() {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.failures.remove(&oldest);
            }
        }
    }

    /// The message is done.
    pub(super) fn forget(&mut self, id: &str) {
        if self.failures.remove(id).is_some() {
            self.order.retain(|known| known != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_bounded_and_forgotten() {
        let mut attempts = Attempts::default();
        for id in 0..MOST + 10 {
            attempts.failed(&id.to_string(), 3);
        }
        assert_eq!(attempts.failures("0"), 0, "the oldest");
        assert_eq!(attempts.failures("10"), 3);
        assert_eq!(
            (attempts.failures.len(), attempts.order.len()),
            (MOST, MOST)
        );
        attempts.forget("10");
        attempts.forget("unknown");
        assert_eq!(attempts.failures("10"), 0);
        assert_eq!(attempts.order.len(), MOST - 1);
    }
}
