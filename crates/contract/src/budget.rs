//! What one request may cost where the host stops it early.

use crate::Interval;
use std::fmt;
use std::str::FromStr;

/// Smallest bodies: below this an ordinary image does not fit.
const LEAST_BYTES: u64 = 1 << 20;
/// Largest bodies: what a sandbox can hold.
const MOST_BYTES: u64 = 1 << 30;
const FORM: &str = "is not time and bytes: write 8s,8MiB";

/// What one request may cost: time that a segment is planned to decode, and bytes of any body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentBudget {
    /// Longest planned decoding time of a segment.
    pub time: Interval,
    /// Largest body of a request or an answer.
    pub bytes: u64,
}

impl FromStr for SegmentBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` {FORM}");
        let (time, bytes) = text.split_once(',').ok_or_else(form)?;
        let time: Interval = time.trim().parse()?;
        if time.micros() == 0 {
            return Err(format!("`{text}` leaves no time: write 8s,8MiB"));
        }
        let bytes = bytes.trim();
        let number = bytes.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match bytes.get(number.len()..).unwrap_or_default() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(form()),
        };
        let bytes = number
            .trim()
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .ok_or_else(form)?;
        if !(LEAST_BYTES..=MOST_BYTES).contains(&bytes) {
            return Err(format!("`{text}` is out of range: 1MiB to 1GiB"));
        }
        Ok(Self { time, bytes })
    }
}

impl fmt::Display for SegmentBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.time, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_bytes_are_read_and_checked() {
        let budget: SegmentBudget = "8s, 8MiB".parse().unwrap();
        assert_eq!((budget.time.micros(), budget.bytes), (8_000_000, 8 << 20));
        assert_eq!(budget.to_string().parse(), Ok(budget));
        assert_eq!(
            "1m,2000000".parse::<SegmentBudget>().unwrap().bytes,
            2_000_000
        );
        for wrong in [
            "",
            "8s",
            "8MiB,8s",
            "0s,8MiB",
            "8s,8",
            "8s,8XiB",
            "8s,99999999999GiB",
            "8s,é",
        ] {
            assert!(wrong.parse::<SegmentBudget>().is_err(), "{wrong}");
        }
    }
}
