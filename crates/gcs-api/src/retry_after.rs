//! The header `Retry-After` (RFC 9110, 10.2.3).

use crate::{digits, time};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At this time.
    Date(SystemTime),
}

/// Neither seconds nor a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("retry-after is neither a number of seconds nor a date of HTTP")]
pub struct RetryAfterError;

impl RetryAfter {
    /// How long to wait; nothing where the time has come.
    pub fn wait(self, now: SystemTime) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::Date(time) => time.duration_since(now).unwrap_or_default(),
        }
    }
}

impl FromStr for RetryAfter {
    type Err = RetryAfterError;

    fn from_str(text: &str) -> Result<Self, RetryAfterError> {
        let text = text.trim();
        if let Some(seconds) = digits(text) {
            return Ok(Self::Seconds(seconds));
        }
        let date = httpdate::parse_http_date(text);
        date.map(Self::Date).map_err(|_| RetryAfterError)
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Date(date) => f.write_str(&time::http_date(*date)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn waits_are_seconds_or_dates() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_740);
        for (text, expected) in [
            ("7", Some(7)),
            (" 90000 ", Some(90_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sun, 31 Nov 1994 08:00:00 GMT", None),
            ("-3", None),
            ("+3", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let wait = text.parse().ok().map(|it: RetryAfter| it.wait(now));
            assert_eq!(wait, expected.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reads_what_it_writes(seconds: u64, date in 0u64..253_402_300_799) {
            let date = RetryAfter::Date(UNIX_EPOCH + Duration::from_secs(date));
            for value in [RetryAfter::Seconds(seconds), date] {
                proptest::prop_assert_eq!(value.to_string().parse(), Ok(value));
            }
        }

        #[test]
        fn arbitrary_text_is_read_or_not(text in ".{0,40}") {
            let _ = text.parse::<RetryAfter>();
        }
    }
}
