//! What was given for the keys, as the types that a component works with.

use crate::key::fits_pattern;
use crate::{ByteSize, ConfigError, Interval, Key};
use std::collections::BTreeMap;
use std::str::FromStr;

/// What was given for some keys. `given` gives the text of a key, or `None`; every error names
/// the key.
pub struct Values<'a, F> {
    keys: &'a [Key],
    given: F,
}

impl<'a, F: Fn(&str) -> Option<String>> Values<'a, F> {
    /// Over these keys.
    pub fn new(keys: &'a [Key], given: F) -> Self {
        Self { keys, given }
    }

    fn key(&self, name: &'static str) -> Result<&'a Key, ConfigError> {
        let key = self.keys.iter().find(|key| key.name == name);
        key.ok_or_else(|| {
            ConfigError::new(
                name,
                "is read but not declared: this is a defect, please report it",
            )
        })
    }

    /// The text of a key, its default where nothing is given; `None` for empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let default = || {
            let key = self.keys.iter().find(|key| key.name == name)?;
            let fits = |when: &BTreeMap<String, Vec<String>>| self.fits(when);
            let conditional = key.default_when.iter().find(|default| fits(&default.when));
            Some(conditional.map_or_else(|| key.default.clone(), |default| default.value.clone()))
        };
        let text = (self.given)(name)
            .filter(|text| !text.trim().is_empty())
            .or_else(default)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether all keys have one of the values that are named for them.
    pub fn fits(&self, when: &BTreeMap<String, Vec<String>>) -> bool {
        when.iter().all(|(name, patterns)| {
            let text = self.text(name).unwrap_or_default();
            patterns.iter().any(|pattern| fits_pattern(pattern, &text))
        })
    }

    /// A value by the type of its key; `None` where it is not set or one of the key's words.
    fn typed<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&Key, &str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let key = self.key(name)?;
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        if key.words.contains(&text) {
            return Ok(None);
        }
        let parsed = parse(key, &text);
        parsed
            .map(Some)
            .map_err(|reason| ConfigError::new(name, reason))
    }

    fn needed<T>(
        &self,
        name: &'static str,
        value: Option<T>,
        what: &str,
    ) -> Result<T, ConfigError> {
        value.ok_or_else(|| ConfigError::new(name, format!("is empty, not {what}")))
    }

    /// A whole number within its limits.
    ///
    /// # Errors
    /// Naming the key and what is allowed; so with all of these.
    pub fn integer(&self, name: &'static str) -> Result<Option<u64>, ConfigError> {
        self.typed(name, Key::integer)
    }

    /// A whole number that must be there, such as one with a default.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn needed_integer(&self, name: &'static str) -> Result<u64, ConfigError> {
        let value = self.integer(name)?;
        self.needed(name, value, "a whole number")
    }

    /// A number within its limits.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn number(&self, name: &'static str) -> Result<Option<f64>, ConfigError> {
        self.typed(name, Key::number)
    }

    /// `true` or `false`; not set is false.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn boolean(&self, name: &'static str) -> Result<bool, ConfigError> {
        let parse = |key: &Key, text: &str| key.check(text).map(|()| text == "true");
        Ok(self.typed(name, parse)?.unwrap_or(false))
    }

    /// A length of time.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn duration(&self, name: &'static str) -> Result<Option<Interval>, ConfigError> {
        self.typed(name, Key::duration)
    }

    /// A length of time that must be there.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn needed_duration(&self, name: &'static str) -> Result<Interval, ConfigError> {
        let value = self.duration(name)?;
        self.needed(name, value, "a length of time: write 1s, 500ms or 2m")
    }

    /// Lengths of time.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn durations(&self, name: &'static str) -> Result<Option<Vec<Interval>>, ConfigError> {
        self.typed(name, |_, text| {
            text.split(',').map(Interval::from_str).collect()
        })
    }

    /// A number of bytes.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn size(&self, name: &'static str) -> Result<Option<ByteSize>, ConfigError> {
        self.typed(name, Key::size)
    }

    /// A length of time and a number of bytes.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn budget(&self, name: &'static str) -> Result<Option<(Interval, ByteSize)>, ConfigError> {
        self.typed(name, Key::budget)
    }

    /// A prefix of object names: empty, or ending in `/`.
    pub fn prefix(&self, name: &'static str) -> String {
        prefix(&self.text(name).unwrap_or_default())
    }

    /// A URL, without trailing slash.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn url(&self, name: &'static str) -> Result<String, ConfigError> {
        let parse = |key: &Key, text: &str| {
            key.check(text)
                .map(|()| text.trim_end_matches('/').to_owned())
        };
        let url = self.typed(name, parse)?;
        self.needed(name, url, "a URL")
    }

    /// What a word stands for.
    ///
    /// # Errors
    /// As [`Values::integer`].
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        meanings: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let text = self.text(name).unwrap_or_default();
        let meant = meanings.iter().find(|(word, _)| *word == text);
        meant.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = meanings.iter().map(|(word, _)| *word).collect();
            ConfigError::new(name, format!("`{text}` is not one of {}", words.join(", ")))
        })
    }

    /// Texts that were separated by commas.
    pub fn list(&self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let parts = text.split(',').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// A prefix of object names: empty, or ending in `/`.
pub(crate) fn prefix(text: &str) -> String {
    match text.trim().trim_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keys;

    const KEYS: &str = "
[[key]]
name = 'quality'
type = 'integer'
min = 1
max = 100
default = '95'
doc = 'd'
[[key]]
name = 'path'
type = 'prefix'
default = 'videos'
doc = 'd'
[[key]]
name = 'target'
doc = 'd'
[[key]]
name = 'url'
type = 'url'
doc = 'd'
default_when = [{ when = { target = ['scale'] }, value = 'https://api.scale.com' }]
";

    #[test]
    fn defaults_hold_where_nothing_is_given() {
        let keys = Keys::parse(KEYS).unwrap().keys;
        let values = Values::new(&keys, |_| None);
        assert_eq!(values.integer("quality"), Ok(Some(95)));
        assert_eq!(values.prefix("path"), "videos/");
        assert_eq!(values.url("url").unwrap_err().reason, "is empty, not a URL");
        let values = Values::new(&keys, |name| (name == "target").then(|| "scale".to_owned()));
        assert_eq!(values.url("url").unwrap(), "https://api.scale.com");
        let values = Values::new(&keys, |name| (name == "quality").then(|| "101".to_owned()));
        let error = values.integer("quality").unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration `quality`: `101` is not a whole number from 1 to 100"
        );
        assert!(values.integer("speed").is_err());
    }
}
