//! Numbers as people read them.

use jiff::Timestamp;

/// Bytes, with a unit.
pub(super) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit_name = units.get(unit).copied().unwrap_or_default();
    match unit {
        0 => format!("{count} B"),
        _ => format!("{value:.1} {unit_name}"),
    }
}

/// Hours, minutes, seconds and hundredths.
pub(super) fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    let hundredths = (seconds.max(0.0) * 100.0).round() as u64;
    let (whole, hundredths) = (hundredths / 100, hundredths % 100);
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{hundredths:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{hundredths:02}"),
    }
}

/// A time in UTC, to the second.
pub(super) fn time(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).ok();
    time.map_or_else(
        || "?".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// With a mark at each thousand.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
        assert_eq!(clock(61.256), "1:01.26");
        assert_eq!(clock(3661.0), "1:01:01.00");
        assert_eq!(
            (clock(f64::NAN), clock(-1.0)),
            ("?".to_owned(), "0:00.00".to_owned())
        );
        assert_eq!(time(1_700_000_000_000_000), "2023-11-14 22:13:20");
        assert_eq!(time(i64::MAX), "?");
        assert_eq!(
            (count(1), count(1_234_567)),
            ("1".to_owned(), "1,234,567".to_owned())
        );
    }
}
