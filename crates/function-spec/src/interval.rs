//! Lengths of time as users write them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A length of time in whole microseconds, written like `1s`, `500ms`, `1.5s`, `2m` or `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(into = "String", try_from = "String")]
pub struct Interval {
    micros: u64,
}

impl Interval {
    /// From microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// In microseconds.
    pub const fn micros(self) -> u64 {
        self.micros
    }
}

/// Longest interval: a year, far above any video and far below overflow.
const MAX_MICROS: f64 = 366.0 * 86_400.0 * 1e6;

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let micros_per_unit = match unit {
            "us" => 1.0,
            "ms" => 1e3,
            "s" | "" => 1e6,
            "m" | "min" => 60e6,
            "h" => 3600e6,
            _ => {
                return Err(format!(
                    "`{text}` has an unknown unit: write 1s, 500ms, 2m or 1h"
                ));
            }
        };
        let value: f64 = number
            .trim()
            .parse()
            .map_err(|_| format!("`{text}` is not a length of time: write 1s, 500ms, 2m or 1h"))?;
        let micros = (value * micros_per_unit).round();
        if !(0.0..=MAX_MICROS).contains(&micros) {
            return Err(format!("`{text}` is out of range: 0 to 366 days"));
        }
        Ok(Self {
            micros: micros as u64,
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.micros {
            micros if micros % 1_000_000 == 0 => write!(f, "{}s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(f, "{}ms", micros / 1_000),
            micros => write!(f, "{micros}us"),
        }
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> String {
        interval.to_string()
    }
}

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, micros, shown) in [
            ("1s", 1_000_000, "1s"),
            ("1.5s", 1_500_000, "1500ms"),
            (" 2 m", 120_000_000, "120s"),
            ("500ms", 500_000, "500ms"),
            ("0.25", 250_000, "250ms"),
            ("33us", 33, "33us"),
            ("1h", 3_600_000_000, "3600s"),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.micros(), micros, "{text}");
            assert_eq!(interval.to_string(), shown);
            assert_eq!(shown.parse::<Interval>().unwrap(), interval);
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "s",
            "1 fortnight",
            "-1s",
            "nan",
            "inf",
            "1e300s",
            "400000h",
        ] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
