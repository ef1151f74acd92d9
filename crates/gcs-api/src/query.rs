//! Percent-encoded text, and pairs of a query, read.

use crate::digits;
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Most characters of a text that an error quotes.
const QUOTED: usize = 40;

/// What is wrong with a part of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// A `%` is not followed by two hex digits.
    #[error("`%` is not followed by two hex digits")]
    Escape,
    /// The bytes are not text.
    #[error("name is not UTF-8")]
    NotUtf8,
    /// A parameter that may stand once stands twice.
    #[error("{0} is given twice")]
    Repeated(&'static str),
    /// A number has other characters than digits.
    #[error("{name} `{text}` is not a number")]
    NotANumber {
        /// The parameter.
        name: &'static str,
        /// The start of its value.
        text: String,
    },
}

/// Text of a percent-encoded part of a path.
pub(crate) fn decoded(text: &str) -> Result<String, QueryError> {
    let mut escapes = text.as_bytes();
    while let Some(at) = memchr::memchr(b'%', escapes) {
        let digits = escapes.get(at.saturating_add(1)..at.saturating_add(3));
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(QueryError::Escape);
        }
        escapes = escapes.get(at.saturating_add(3)..).unwrap_or_default();
    }
    let text = percent_decode_str(text).decode_utf8();
    text.map(std::borrow::Cow::into_owned)
        .map_err(|_| QueryError::NotUtf8)
}

/// The pairs of a query, in order.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        // A plus stands for a space here, and only here.
        let decoded = |text: &str| decoded(&text.replace('+', " "));
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// The value of a parameter that may stand once.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, QueryError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(QueryError::Repeated(name)),
        }
    }

    /// The same, as text of its own; empty is as good as missing.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, QueryError> {
        let value = self.one(name)?.filter(|value| !value.is_empty());
        Ok(value.map(str::to_owned))
    }

    /// The values of a parameter that may stand several times.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |pair| pair.0 == name);
        pairs.map(|pair| pair.1.as_str())
    }

    /// A number; one that is too large is the largest.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<u64>, QueryError> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        digits(text)
            .map(Some)
            .ok_or_else(|| QueryError::NotANumber {
                name,
                text: text.chars().take(QUOTED).collect(),
            })
    }

    /// A generation; one that no object has stays one that no object has.
    pub(crate) fn generation(&self, name: &'static str) -> Result<Option<i64>, QueryError> {
        let number = self.number(name)?;
        Ok(number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_whole_and_text() {
        assert_eq!(decoded("a%2Fb%C3%BC+%25"), Ok("a/bü+%".to_owned()));
        for text in ["%", "%2", "a%zz", "%%41", "%+1", "%C3%B"] {
            assert_eq!(decoded(text), Err(QueryError::Escape), "{text}");
        }
        for text in ["%FF", "%C3", "%ED%A0%80"] {
            assert_eq!(decoded(text), Err(QueryError::NotUtf8), "{text}");
        }
    }

    #[test]
    fn parameters_stand_once_unless_they_may_repeat() {
        let query = Query::parse("a=1&b=x+y&b=z&c&=&&d=%3D").unwrap();
        assert_eq!(query.number("a"), Ok(Some(1)));
        assert_eq!(query.one("b"), Err(QueryError::Repeated("b")));
        assert_eq!(query.all("b").collect::<Vec<_>>(), ["x y", "z"]);
        assert_eq!((query.one("c"), query.text("c")), (Ok(Some("")), Ok(None)));
        assert_eq!((query.one("d"), query.one("e")), (Ok(Some("=")), Ok(None)));
        assert!(query.number("c").is_err());
        let large = Query::parse("n=99999999999999999999").unwrap();
        assert_eq!(large.generation("n"), Ok(Some(i64::MAX)));
        for text in ["-1", "+1", "1.0", "", "0x1"] {
            let query = Query::parse(&format!("n={}", crate::encoded(text))).unwrap();
            assert!(query.number("n").is_err(), "{text}");
        }
    }
}
