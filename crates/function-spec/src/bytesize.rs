//! Sizes as users write them: the one grammar for all keys.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written like `512MiB`, `1GiB`, `800MB` or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (count, unit) = text.split_at(split);
        let unit: Option<u64> = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => Some(1),
            "kib" | "k" => Some(1 << 10),
            "mib" | "m" => Some(1 << 20),
            "gib" | "g" => Some(1 << 30),
            "kb" => Some(1_000),
            "mb" => Some(1_000_000),
            "gb" => Some(1_000_000_000),
            _ => None,
        };
        unit.zip(count.trim().parse::<u64>().ok())
            .and_then(|(unit, count)| unit.checked_mul(count))
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a size: write 512MiB or 1GiB"))
    }
}

impl fmt::Display for ByteSize {
    /// In the largest binary unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, unit) in units {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, shown) in [
            ("512MiB", 512 << 20, "512MiB"),
            ("1 GiB", 1 << 30, "1GiB"),
            ("800MB", 800_000_000, "781250KiB"),
            ("3k", 3 << 10, "3KiB"),
            ("7", 7, "7"),
            ("0", 0, "0"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.0, size.to_string().as_str()),
                (bytes, shown),
                "{text}"
            );
            assert_eq!(shown.parse(), Ok(size));
        }
        for text in ["", "MiB", "-1", "1XiB", "99999999999GiB", "é", "1.5GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
