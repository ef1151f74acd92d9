//! A configuration key: one declaration, from which everything else follows.

use crate::{ByteSize, Interval};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a key's value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// Any text.
    #[default]
    Text,
    /// A prefix of object names.
    Prefix,
    /// An absolute `http` or `https` URL.
    Url,
    /// `true` or `false`.
    Boolean,
    /// A whole number from `min` to `max`.
    Integer,
    /// A number from `min` to `max`.
    Number,
    /// A length of time such as `1s`, `500ms`, `2m`.
    Duration,
    /// A size such as `512MiB`.
    Size,
    /// A length of time and a size: `8s,8MiB`.
    Budget,
    /// One of `choices`.
    Choice,
    /// Texts, separated by commas.
    List,
    /// Lengths of time, separated by commas.
    Durations,
    /// An address to listen on, such as `127.0.0.1:8400`.
    Address,
    /// A JSON object.
    Object,
}

impl KeyType {
    /// How a value is called in help.
    pub fn value_name(self) -> &'static str {
        match self {
            Self::Text | Self::Choice => "NAME",
            Self::Prefix => "PREFIX",
            Self::Url => "URL",
            Self::Boolean => "BOOLEAN",
            Self::Integer | Self::Number => "NUMBER",
            Self::Duration => "TIME",
            Self::Size => "SIZE",
            Self::Budget => "TIME,SIZE",
            Self::List => "NAME,…",
            Self::Durations => "TIME,…",
            Self::Address => "ADDRESS",
            Self::Object => "JSON",
        }
    }
}

/// A default that holds where another key has a certain value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionalDefault {
    /// Keys and the values that they may have; see [`crate::HostSpec::when`].
    pub when: BTreeMap<String, Vec<String>>,
    /// The default.
    pub value: String,
}

/// A configuration key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Name: in `framemill.toml`, as a Spin variable, and in capitals in the environment.
    pub name: String,
    /// What its value is.
    #[serde(default, rename = "type")]
    pub kind: KeyType,
    /// Value where none is given; empty is "not set".
    #[serde(default)]
    pub default: String,
    /// Defaults that hold for some values of other keys.
    #[serde(default)]
    pub default_when: Vec<ConditionalDefault>,
    /// What a number counts.
    #[serde(default)]
    pub unit: String,
    /// One sentence for a person.
    pub doc: String,
    /// Least number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Shortest time or smallest size, as text.
    pub at_least: Option<String>,
    /// Longest time or largest size, as text.
    pub at_most: Option<String>,
    /// What a choice chooses from.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Words that are allowed beside values of the type, such as `off`.
    #[serde(default)]
    pub words: Vec<String>,
    /// Must not be shown, and stands in no file or flag.
    #[serde(default)]
    pub secret: bool,
    /// Of keys of one group a layer sets one, and hides those of the layers below.
    pub group: Option<String>,
    /// The function whose key of this name it is: set there, read here too.
    pub from: Option<String>,
    /// Only a host sets it.
    #[serde(default)]
    pub internal: bool,
    /// Commands that have a flag for it; each that runs the function, where none is named.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Whether there is no flag for it at all.
    #[serde(default)]
    pub no_flag: bool,
    /// What the flag means without a value.
    pub bare: Option<String>,
    /// Default in framemill's host where it is not that of `default`: `cores`.
    pub host_default: Option<String>,
    /// Default in `spin.toml`, where small clouds want another.
    pub spin_default: Option<String>,
    /// Under Spin the host of this URL is a variable of its own, since `allowed_outbound_hosts`
    /// takes no paths: its default there, which cannot be empty. What follows the host in
    /// `default` is fixed there; where there is no default it is a variable too.
    pub spin_origin: Option<String>,
}

impl Key {
    /// Whether it is the function's own: neither another's nor the bucket, which all share.
    pub fn is_own(&self) -> bool {
        self.from.is_none() && self.name != "bucket"
    }

    /// The application's variable under Spin that holds this key, or the host of its URL;
    /// `prefix` is that of the function.
    pub fn spin_variable(&self, prefix: &str) -> String {
        match self.spin_origin {
            Some(_) => format!("{prefix}{}_origin", self.url_stem()),
            None => format!("{prefix}{}", self.name),
        }
    }

    /// The application's variable under Spin that holds what follows the host in this key's URL,
    /// where that is one.
    pub fn spin_path_variable(&self, prefix: &str) -> Option<String> {
        let is_split = self.spin_origin.is_some() && self.default.is_empty();
        is_split.then(|| format!("{prefix}{}_path", self.url_stem()))
    }

    fn url_stem(&self) -> &str {
        self.name.strip_suffix("_url").unwrap_or(&self.name)
    }

    /// A key that takes any text.
    pub fn text(name: &str, doc: &str) -> Self {
        Self {
            name: name.to_owned(),
            doc: doc.to_owned(),
            ..Self::default()
        }
    }

    /// Whether `text` is a value of this key; empty is always "not set".
    ///
    /// # Errors
    /// What it is not, and what is allowed.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let text = text.trim();
        if text.is_empty() || self.words.iter().any(|word| word == text) {
            return Ok(());
        }
        match self.kind {
            KeyType::Text | KeyType::Prefix | KeyType::List => Ok(()),
            KeyType::Url => self.url(text),
            KeyType::Boolean => matches!(text, "true" | "false")
                .then_some(())
                .ok_or_else(|| format!("`{text}` is not true or false")),
            KeyType::Integer => self.integer(text).map(drop),
            KeyType::Number => self.number(text).map(drop),
            KeyType::Duration => self.duration(text).map(drop),
            KeyType::Size => self.size(text).map(drop),
            KeyType::Budget => self.budget(text).map(drop),
            KeyType::Choice => self.choice(text),
            KeyType::Durations => text.split(',').try_for_each(|part| {
                let part: Result<Interval, String> = part.parse();
                part.map(drop)
            }),
            KeyType::Address => text
                .parse::<core::net::SocketAddr>()
                .map(drop)
                .map_err(|_| format!("`{text}` is not an address such as 127.0.0.1:8400")),
            KeyType::Object => match serde_json::from_str(text) {
                Ok(serde_json::Value::Object(_)) => Ok(()),
                _ => Err("is not a JSON object".to_owned()),
            },
        }
    }

    fn url(&self, text: &str) -> Result<(), String> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        match rest {
            Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(()),
            // URLs may carry secrets: they are not shown.
            _ => Err("is not a URL: write https://…".to_owned()),
        }
    }

    fn range(&self) -> String {
        let shown = |bound: Option<f64>| bound.map(|bound| bound.to_string());
        match (shown(self.min), shown(self.max)) {
            (Some(min), Some(max)) => format!(" from {min} to {max}"),
            (Some(min), None) => format!(" of {min} or more"),
            (None, Some(max)) => format!(" of {max} or less"),
            (None, None) => String::new(),
        }
    }

    fn also(&self) -> String {
        match self.words.as_slice() {
            [] => String::new(),
            words => format!(", or {}", words.join(", ")),
        }
    }

    fn within(&self, value: f64) -> bool {
        value.is_finite()
            && self.min.is_none_or(|min| value >= min)
            && self.max.is_none_or(|max| value <= max)
    }

    /// A whole number within the limits.
    pub(crate) fn integer(&self, text: &str) -> Result<u64, String> {
        let fits = |value: &u64| self.within(*value as f64);
        text.parse::<u64>().ok().filter(fits).ok_or_else(|| {
            format!(
                "`{text}` is not a whole number{}{}",
                self.range(),
                self.also()
            )
        })
    }

    /// A number within the limits.
    pub(crate) fn number(&self, text: &str) -> Result<f64, String> {
        let fits = |value: &f64| self.within(*value);
        text.parse::<f64>()
            .ok()
            .filter(fits)
            .ok_or_else(|| format!("`{text}` is not a number{}", self.range()))
    }

    /// A length of time within the limits.
    pub(crate) fn duration(&self, text: &str) -> Result<Interval, String> {
        let value: Interval = text
            .parse()
            .map_err(|reason| format!("{reason}{}", self.also()))?;
        self.bounds(value, text)
    }

    /// A size within the limits.
    pub(crate) fn size(&self, text: &str) -> Result<ByteSize, String> {
        let value: ByteSize = text.parse()?;
        self.bounds(value, text)
    }

    fn bounds<T: std::str::FromStr + PartialOrd>(&self, value: T, text: &str) -> Result<T, String> {
        let parsed =
            |bound: &Option<String>| bound.as_ref().and_then(|bound| bound.parse::<T>().ok());
        let small = parsed(&self.at_least).is_some_and(|least| value < least);
        let large = parsed(&self.at_most).is_some_and(|most| value > most);
        if !small && !large {
            return Ok(value);
        }
        let shown = |bound: &Option<String>| bound.clone().unwrap_or_default();
        Err(match (&self.at_least, &self.at_most) {
            (Some(_), Some(_)) => format!(
                "`{text}` is out of range: {} to {}",
                shown(&self.at_least),
                shown(&self.at_most)
            ),
            (Some(_), None) => format!("`{text}` is below {}", shown(&self.at_least)),
            _ => format!("`{text}` is above {}", shown(&self.at_most)),
        })
    }

    /// A length of time and a size.
    pub(crate) fn budget(&self, text: &str) -> Result<(Interval, ByteSize), String> {
        let form = || format!("`{text}` is not time and bytes: write 8s,8MiB");
        let (time, bytes) = text.split_once(',').ok_or_else(form)?;
        let time: Interval = time.trim().parse()?;
        if time.micros() == 0 {
            return Err(format!("`{text}` leaves no time: write 8s,8MiB"));
        }
        let bytes: ByteSize = bytes.trim().parse().map_err(|_| form())?;
        Ok((time, self.bounds(bytes, text)?))
    }

    fn choice(&self, text: &str) -> Result<(), String> {
        let fits = self.choices.iter().any(|choice| fits_pattern(choice, text));
        fits.then_some(())
            .ok_or_else(|| format!("`{text}` is not one of {}", self.choices.join(", ")))
    }
}

/// Whether `text` is `pattern`, whose last character may be `*` for anything that follows.
pub(crate) fn fits_pattern(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start) && text.len() > start.len(),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        toml::from_str(&format!("name = 'k'\ndoc = 'd'\n{text}")).unwrap()
    }

    #[test]
    fn values_are_checked_by_type() {
        for (declared, good, bad) in [
            (
                "type='boolean'",
                vec!["true", "", " false "],
                vec!["yes", "1"],
            ),
            (
                "type='integer'\nmin=1\nmax=100",
                vec!["1", "100"],
                vec!["0", "101", "x", "1.5", "-1"],
            ),
            (
                "type='integer'\nmin=0\nmax=64\nwords=['on','off']",
                vec!["on", "64"],
                vec!["maybe", "65"],
            ),
            (
                "type='number'\nmin=0",
                vec!["0", "12.5"],
                vec!["-1", "nan", "inf"],
            ),
            (
                "type='duration'\nat_least='1us'",
                vec!["1s", "2m"],
                vec!["0s", "long"],
            ),
            (
                "type='size'\nat_least='16MiB'\nat_most='4GiB'",
                vec!["512MiB"],
                vec!["1TiB", "1MiB", "5GiB"],
            ),
            (
                "type='budget'\nat_least='1MiB'\nat_most='1GiB'",
                vec!["8s,8MiB", "8s, 8MiB"],
                vec!["8s", "0s,8MiB", "8s,8", "8MiB,8s"],
            ),
            (
                "type='choice'\nchoices=['a','custom-*']",
                vec!["a", "custom-x"],
                vec!["b", "custom-"],
            ),
            ("type='durations'", vec!["0s,1.5s"], vec!["0s,,1s", "x"]),
            (
                "type='url'",
                vec!["http://h", "https://h/p"],
                vec!["ftp://h", "h", "https://", "http:///x"],
            ),
            (
                "type='address'",
                vec!["127.0.0.1:8400"],
                vec!["8400", "localhost"],
            ),
            ("type='object'", vec!["{}"], vec!["[]", "x"]),
        ] {
            let key = key(declared);
            for text in good {
                assert_eq!(key.check(text), Ok(()), "{declared}: {text}");
            }
            for text in bad {
                assert!(key.check(text).is_err(), "{declared}: {text}");
            }
        }
    }

    #[test]
    fn refusals_say_what_is_allowed() {
        let words = |declared: &str, text: &str| key(declared).check(text).unwrap_err();
        assert_eq!(
            words("type='integer'\nmin=1\nmax=100", "101"),
            "`101` is not a whole number from 1 to 100"
        );
        assert_eq!(
            words("type='size'\nat_least='16MiB'\nat_most='4GiB'", "1MiB"),
            "`1MiB` is out of range: 16MiB to 4GiB"
        );
        assert_eq!(
            words("type='url'", "s3cret"),
            "is not a URL: write https://…"
        );
    }
}
