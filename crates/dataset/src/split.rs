//! Which split a group of frames is in.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What the fractions add up to: they are exact to six decimals.
const ONE: u32 = 1_000_000;
/// Splits at most.
const MOST_SPLITS: usize = 64;
/// Bytes of a name or a salt at most.
const MOST_BYTES: usize = 128;

/// Named splits and the fraction of all groups that each gets: `train=0.8,val=0.1,test=0.1`.
///
/// A group's split follows from its name and the salt alone, so that what is added later moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SplitText", into = "SplitText")]
pub struct SplitRule {
    names: Vec<String>,
    /// Where each split ends, in millionths; the last one ends at [`ONE`].
    ends: Vec<u32>,
    salt: String,
}

/// A split rule as `dataset.json` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct SplitText {
    /// Splits and their fractions of all groups: `train=0.8,val=0.1,test=0.1`.
    split: String,
    /// Another salt is another division. SHA-256 of salt, a zero byte and group, its first 8 bytes as
    /// a fraction of 2^64, says where a group falls in the splits, one behind the other.
    salt: String,
}

/// Why it is no split rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SplitError {
    /// A part is not `NAME=FRACTION`.
    #[error("`{0}` is no split: write NAME=FRACTION, as in train=0.8,val=0.1,test=0.1")]
    NoSplit(String),
    /// A name has other characters.
    #[error("`{0}` is no name of a split: 1 to 128 of the characters A-Z a-z 0-9 _ -")]
    Name(String),
    /// A name stands there twice.
    #[error("split `{0}` stands there twice, if only in other case: give each its own name")]
    Twice(String),
    /// A fraction is no number above 0 and up to 1.
    #[error(
        "`{fraction}` of split `{name}` is no fraction: a decimal number above 0, up to 1, with at most 6 decimals"
    )]
    Fraction {
        /// The split.
        name: String,
        /// What stands there.
        fraction: String,
    },
    /// The fractions are not a whole.
    #[error("the fractions of the splits add up to {0}, not 1")]
    Sum(String),
    /// There are too many.
    #[error("there are {0} splits, at most 64 can be")]
    TooMany(usize),
    /// The salt is too long, or has characters that cannot be seen.
    #[error("the salt has over 128 bytes or control characters: choose another")]
    Salt,
}

impl SplitRule {
    /// The same splits with another salt, which divides groups anew.
    ///
    /// # Errors
    /// [`SplitError::Salt`].
    pub fn with_salt(self, salt: &str) -> Result<Self, SplitError> {
        if salt.len() > MOST_BYTES || salt.chars().any(char::is_control) {
            return Err(SplitError::Salt);
        }
        Ok(Self {
            salt: salt.to_owned(),
            ..self
        })
    }

    /// Names of the splits, as they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The salt; empty unless one was given.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The split of a group.
    pub fn split_of(&self, group: &str) -> &str {
        let hash = Sha256::new()
            .chain_update(&self.salt)
            .chain_update([0])
            .chain_update(group)
            .finalize();
        let first = hash.iter().take(8);
        let number = first.fold(0_u64, |all, &byte| all << 8 | u64::from(byte));
        let place = (u128::from(number) * u128::from(ONE)) >> 64;
        let mut splits = self.names.iter().zip(&self.ends);
        // Every place is below ONE, where the last split ends.
        let found = splits.find(|(_, end)| place < u128::from(**end));
        found.map_or("", |(name, _)| name)
    }
}

impl Default for SplitRule {
    fn default() -> Self {
        Self {
            names: ["train", "val", "test"].map(str::to_owned).to_vec(),
            ends: vec![800_000, 900_000, ONE],
            salt: String::new(),
        }
    }
}

impl FromStr for SplitRule {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let count = text.split(',').count();
        if count > MOST_SPLITS {
            return Err(SplitError::TooMany(count));
        }
        let mut rule = Self {
            names: Vec::new(),
            ends: Vec::new(),
            salt: String::new(),
        };
        let mut end = 0_u32;
        for part in text.split(',') {
            let (name, fraction) = named_fraction(part)?;
            if rule.names.iter().any(|it| it.eq_ignore_ascii_case(&name)) {
                return Err(SplitError::Twice(name));
            }
            // At most 64 numbers of at most a million.
            end = end.saturating_add(fraction);
            rule.names.push(name);
            rule.ends.push(end);
        }
        if end != ONE {
            return Err(SplitError::Sum(decimal(end)));
        }
        Ok(rule)
    }
}

/// A name and its fraction in millionths.
fn named_fraction(part: &str) -> Result<(String, u32), SplitError> {
    let no_split = || SplitError::NoSplit(part.trim().to_owned());
    let (name, fraction) = part.split_once('=').ok_or_else(no_split)?;
    let (name, fraction) = (name.trim(), fraction.trim());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > MOST_BYTES || !name.bytes().all(allowed) {
        return Err(SplitError::Name(name.to_owned()));
    }
    let millionths = millionths(fraction).filter(|&it| it > 0 && it <= ONE);
    let no_fraction = || SplitError::Fraction {
        name: name.to_owned(),
        fraction: fraction.to_owned(),
    };
    Ok((name.to_owned(), millionths.ok_or_else(no_fraction)?))
}

/// `0.8` as 800000: digits, and at most 6 behind a point.
fn millionths(text: &str) -> Option<u32> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return None,
        None => (text, "0"),
    };
    // A sign is a number to `parse`.
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<6}").parse().ok()?;
    whole.checked_mul(ONE)?.checked_add(decimals)
}

/// Millionths as a decimal number without zeros behind it.
fn decimal(millionths: u32) -> String {
    let text = format!("{}.{:06}", millionths / ONE, millionths % ONE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for SplitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = 0;
        for (place, (name, &end)) in self.names.iter().zip(&self.ends).enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{name}={}", decimal(end.saturating_sub(start)))?;
            start = end;
        }
        Ok(())
    }
}

impl From<SplitRule> for SplitText {
    fn from(rule: SplitRule) -> Self {
        Self {
            split: rule.to_string(),
            salt: rule.salt,
        }
    }
}

impl TryFrom<SplitText> for SplitRule {
    type Error = SplitError;

    fn try_from(text: SplitText) -> Result<Self, SplitError> {
        text.split.parse::<Self>()?.with_salt(&text.salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<SplitRule, SplitError> {
        text.parse()
    }

    #[test]
    fn fractions_are_exact() {
        assert_eq!(
            parsed("train=0.8,val=0.1,test=0.1"),
            Ok(SplitRule::default())
        );
        let thirds = parsed(" a = 0.333333 , b=0.333333,c=.333334").unwrap_err();
        assert!(matches!(thirds, SplitError::Fraction { .. }), "{thirds}");
        let thirds = parsed(" a = 0.333333 , b=0.3333330,c=0.333334").unwrap_err();
        assert!(matches!(thirds, SplitError::Fraction { .. }), "{thirds}");
        let thirds = parsed(" a = 0.333333 , b=0.33333,c=0.333337").unwrap();
        assert_eq!(thirds.to_string(), "a=0.333333,b=0.33333,c=0.333337");
        assert_eq!(parsed("all=1.0").unwrap().to_string(), "all=1");
    }

    #[test]
    fn what_is_no_rule_is_named() {
        let fraction = |name: &str, fraction: &str| SplitError::Fraction {
            name: name.to_owned(),
            fraction: fraction.to_owned(),
        };
        for (text, error) in [
            ("", SplitError::NoSplit(String::new())),
            ("train", SplitError::NoSplit("train".to_owned())),
            ("train=1,", SplitError::NoSplit(String::new())),
            ("=1", SplitError::Name(String::new())),
            ("a/b=1", SplitError::Name("a/b".to_owned())),
            ("..=1", SplitError::Name("..".to_owned())),
            ("a=0.5,A=0.5", SplitError::Twice("A".to_owned())),
            ("a=x", fraction("a", "x")),
            ("a=+1", fraction("a", "+1")),
            ("a=-1", fraction("a", "-1")),
            ("a=1.", fraction("a", "1.")),
            ("a=1,b=0", fraction("b", "0")),
            ("a=99999999999", fraction("a", "99999999999")),
            ("a=1.000001", fraction("a", "1.000001")),
            ("a=0.8,b=0.1", SplitError::Sum("0.9".to_owned())),
            ("a=0.8,b=0.200001", SplitError::Sum("1.000001".to_owned())),
        ] {
            assert_eq!(parsed(text), Err(error), "{text}");
        }
        let many = vec!["a=1"; 65].join(",");
        assert_eq!(parsed(&many), Err(SplitError::TooMany(65)));
        assert_eq!(
            SplitRule::default().with_salt("a\0b"),
            Err(SplitError::Salt)
        );
    }

    /// Were these to change, frames would move between the splits of datasets that are in use. As
    /// fractions of 2^64, by `printf 'SALT\0GROUP' | sha256sum | head -c 16`: 0.2443, 0.8143, 0.9829,
    /// 0.3455, 0.7004.
    #[test]
    fn assignments_never_change() {
        for (salt, group, split) in [
            ("", "a.mp4", "train"),
            ("", "c.mp4", "val"),
            ("", "8.mp4", "test"),
            ("x", "a.mp4", "train"),
            ("2026", "ü.mp4", "train"),
        ] {
            let rule = SplitRule::default().with_salt(salt).unwrap();
            assert_eq!(rule.split_of(group), split, "{salt} {group}");
        }
    }

    #[test]
    fn a_rule_is_readable_json() {
        let rule = SplitRule::default().with_salt("x").unwrap();
        let json = serde_json::json!({"split": "train=0.8,val=0.1,test=0.1", "salt": "x"});
        assert_eq!(serde_json::to_value(&rule).unwrap(), json);
        assert_eq!(serde_json::from_value::<SplitRule>(json).unwrap(), rule);
    }

    #[test]
    fn fractions_are_about_those_of_many_groups() {
        let rule = SplitRule::default();
        let groups = (0..10_000).map(|number| format!("videos/{number}.mp4"));
        let train = groups.filter(|group| rule.split_of(group) == "train");
        let train = train.count();
        assert!((7_850..8_150).contains(&train), "{train}");
    }

    proptest! {
        #[test]
        fn a_rule_survives_being_written(parts in proptest::collection::vec(1..1000_u32, 1..9)) {
            let sum: u32 = parts.iter().sum();
            let mut left = ONE;
            let mut text = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                let share = if i + 1 == parts.len() { left } else { part * (ONE / sum) };
                left -= share;
                text.push(format!("s{i}={}", decimal(share)));
            }
            let rule = parsed(&text.join(",")).unwrap();
            prop_assert_eq!(rule.to_string(), text.join(","));
        }

        #[test]
        fn any_text_is_a_rule_or_an_error(text in "[a=0.1,9 ]{0,40}", group in any::<String>()) {
            if let Ok(rule) = parsed(&text) {
                prop_assert!(rule.names().iter().any(|name| name == rule.split_of(&group)));
            }
        }

        #[test]
        fn more_in_the_first_split_takes_nothing_out_of_it(group in any::<String>()) {
            let (less, more) = (parsed("a=0.3,b=0.7").unwrap(), parsed("a=0.6,b=0.4").unwrap());
            prop_assert!(less.split_of(&group) == "b" || more.split_of(&group) == "a");
        }
    }
}
