//! Backoff between delivery attempts of one message.

use std::time::Duration;

/// The longest delay, unless the other side asks for more.
const LONGEST_DELAY: Duration = Duration::from_secs(300);
/// The longest delay that the other side can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// The delay after failed delivery attempt number `attempt`, from 1: four times as long each
/// time, but not shorter than `at_least`.
pub(super) fn delay(attempt: u32, at_least: Option<Duration>) -> Duration {
    let fourfold = Duration::from_secs(2 << (2 * attempt.saturating_sub(1).min(8)));
    let usual = fourfold.min(LONGEST_DELAY);
    usual.max(at_least.unwrap_or_default()).min(LONGEST_ASKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_fourfold_up_to_a_limit() {
        let seconds = |attempt| delay(attempt, None).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [2, 8, 32, 128]);
        assert_eq!(seconds(u32::MAX), 300);
        let asked = |seconds| delay(1, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!([1, 7, 900, 7200].map(asked), [2, 7, 900, 3600]);
    }
}
