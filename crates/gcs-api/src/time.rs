//! Times as RFC 3339, as dates of HTTP, and as signatures write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999: what comes after it has no form in any of the three.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The nearest time that has a form as text.
pub(crate) fn representable(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + since.min(LAST)
}

/// `2026-11-22T16:10:59.123Z`
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(representable(time)).to_string()
}

/// From `2026-11-22T16:10:59.123Z`; `None` where it is not in UTC or nothing of the kind.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(crate) fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(representable(time))
}

/// `20261122T161059Z`, of seconds after 1970: the form of signed requests.
pub fn compact(seconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds).min(LAST);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let seconds = |text| {
            let since = parse_rfc3339(text)?.duration_since(UNIX_EPOCH).ok()?;
            Some(since.as_secs())
        };
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2023-11-14T22:13:20.999999Z", Some(1_700_000_000)),
            ("2023-11-14T22:13:20+01:00", None),
            ("2023-13-14T22:13:20Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(compact(1_700_000_000), "20231114T221320Z");
    }

    #[test]
    fn times_without_a_form_are_the_nearest_with_one() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
        let after = UNIX_EPOCH + LAST + Duration::from_secs(1);
        assert_eq!(rfc3339(after), "9999-12-31T23:59:59.000Z");
        assert_eq!(http_date(after), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(compact(u64::MAX), "99991231T235959Z");
    }

    proptest::proptest! {
        #[test]
        fn reads_what_it_writes(millis in 0u64..253_402_300_799_000) {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            proptest::prop_assert_eq!(parse_rfc3339(&rfc3339(time)), Some(time));
            let text = compact(millis / 1000);
            let rfc = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &text[..4], &text[4..6], &text[6..8], &text[9..11], &text[11..13], &text[13..15]
            );
            let whole = UNIX_EPOCH + Duration::from_secs(millis / 1000);
            proptest::prop_assert_eq!(parse_rfc3339(&rfc), Some(whole));
        }
    }
}
