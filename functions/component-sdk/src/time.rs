//! Times as HTTP and JSON write them, from and to whole seconds after 1970.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// From RFC 3339 in UTC, as GCS writes it: `2026-11-22T16:10:59.123Z`. Fractions are cut off.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let year = date.next()?.parse().ok()?;
    let month = date.next()?.parse().ok()?;
    let day = date.next()?.parse().ok()?;
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    seconds(year, month, day, clock(time)?)
}

/// From the date of HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn parse_http_date(text: &str) -> Option<u64> {
    let (_, date) = text.trim().strip_suffix(" GMT")?.split_once(", ")?;
    let parts: Vec<&str> = date.split(' ').collect();
    let [day, month, year, time] = parts.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|name| name == month)?;
    let month = u64::try_from(month).ok()?.checked_add(1)?;
    seconds(year.parse().ok()?, month, day.parse().ok()?, clock(time)?)
}

/// Seconds of `08:49:37`.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then_some(hour * 3600 + minute * 60 + second)
}

/// Days from 1970 by the civil calendar: years are counted from March, so that leap days come
/// last.
fn seconds(year: u64, month: u64, day: u64, clock: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let days_of_months = (153 * ((month + 9) % 12) + 2) / 5;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + days_of_months + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + clock)
}

/// `20261122T161059Z`: the form of signatures.
pub fn compact(seconds: u64) -> String {
    let (days, clock) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2023-11-14T22:13:20.999999Z", Some(1_700_000_000)),
            ("2023-11-14T22:13:20+01:00", None),
            ("2023-13-14T22:13:20Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(parse_rfc3339(text), expected, "{text}");
        }
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(parse_http_date(date), Some(784_111_777));
        assert_eq!(parse_http_date("soon"), None);
        assert_eq!(compact(1_700_000_000), "20231114T221320Z");
    }

    proptest::proptest! {
        #[test]
        fn reads_what_it_writes(seconds in 0u64..253_402_300_800) {
            let text = compact(seconds);
            let rfc = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &text[..4], &text[4..6], &text[6..8], &text[9..11], &text[11..13], &text[13..15]
            );
            proptest::prop_assert_eq!(parse_rfc3339(&rfc), Some(seconds));
        }

        #[test]
        fn arbitrary_text_is_read_or_not(text in ".{0,40}") {
            parse_rfc3339(&text);
            parse_http_date(&text);
        }
    }
}
