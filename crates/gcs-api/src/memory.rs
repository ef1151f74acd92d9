//! A bucket in memory, which does what the requests say: for fakes and for tests of flows.

use crate::checksum::Crc32c;
use crate::object::{Listing, Object};
use crate::request::{List, Precondition};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use std::collections::BTreeMap;
use std::time::SystemTime;
use thiserror::Error;

/// Objects on a page where the request does not say.
const PAGE: usize = 1000;

/// An object as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Changes with each write.
    pub generation: i64,
    /// Media type.
    pub content_type: String,
    /// Custom metadata.
    pub metadata: BTreeMap<String, String>,
    /// Time of the last write, where the store tells it.
    pub updated: Option<SystemTime>,
}

/// Objects by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket(BTreeMap<String, Stored>);

/// Why a bucket does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No such object, or not in that generation.
    #[error("No such object")]
    NotFound,
    /// The precondition does not hold.
    #[error("At least one of the pre-conditions you specified did not hold.")]
    Precondition,
    /// It makes no sense, or is not served here.
    #[error("{0}")]
    Invalid(String),
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Stored {
    /// Its resource.
    pub fn resource(&self, bucket: &str, name: &str) -> Object {
        Object {
            name: name.to_owned(),
            bucket: bucket.to_owned(),
            generation: self.generation,
            size: self.bytes.len() as u64,
            content_type: Some(self.content_type.clone()),
            crc32c: Some(Crc32c::of(&self.bytes)),
            updated: self.updated,
            metadata: self.metadata.clone(),
        }
    }
}

impl Bucket {
    /// An object.
    pub fn get(&self, name: &str) -> Option<&Stored> {
        self.0.get(name)
    }

    /// All objects by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.0.iter().map(|(name, stored)| (name.as_str(), stored))
    }

    /// Names of all objects, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// An object in this generation, where one is given.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn find(&self, name: &str, generation: Option<i64>) -> Result<&Stored, Refusal> {
        let stored = self.get(name).ok_or(Refusal::NotFound)?;
        match generation {
            Some(wanted) if wanted != stored.generation => Err(Refusal::NotFound),
            _ => Ok(stored),
        }
    }

    /// Whether a precondition holds for an object, or for none of that name.
    ///
    /// # Errors
    /// [`Refusal::Precondition`].
    pub fn check(&self, name: &str, precondition: Precondition) -> Result<(), Refusal> {
        let generation = self.get(name).map_or(0, |stored| stored.generation);
        match precondition.holds(generation) {
            true => Ok(()),
            false => Err(Refusal::Precondition),
        }
    }

    /// Places an object, whatever was there.
    pub fn put(&mut self, name: &str, stored: Stored) {
        self.0.insert(name.to_owned(), stored);
    }

    /// Removes an object.
    ///
    /// # Errors
    /// [`Refusal`] where there is none, or the precondition does not hold.
    pub fn delete(&mut self, name: &str, precondition: Precondition) -> Result<(), Refusal> {
        self.find(name, None)?;
        self.check(name, precondition)?;
        self.0.remove(name);
        Ok(())
    }

    /// A page of at most `page` objects. Page tokens are base64, so that no one takes them for
    /// names.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the token is none of ours, or folders are asked for.
    pub fn list(&self, bucket: &str, list: &List, page: Option<usize>) -> Result<Listing, Refusal> {
        if list.delimiter.is_some() {
            return Err(Refusal::Invalid("delimiter is not served".to_owned()));
        }
        let after = list.page_token.as_deref().map(token).transpose()?;
        let start = list.start_offset.as_deref().unwrap_or_default();
        let asked = list.max_results.filter(|most| *most > 0);
        let asked = asked.and_then(|most| usize::try_from(most).ok());
        let most = asked.unwrap_or(PAGE).min(page.unwrap_or(PAGE));
        let mut found = self.iter().filter(|(name, _)| {
            let is_after = after.as_deref().is_none_or(|after| *name > after);
            is_after && *name >= start && name.starts_with(&list.prefix)
        });
        let page: Vec<_> = found.by_ref().take(most).collect();
        let more = found.next().is_some();
        let last = page.last().filter(|_| more);
        Ok(Listing {
            next_page_token: last.map(|(name, _)| STANDARD.encode(name)),
            prefixes: Vec::new(),
            items: page
                .into_iter()
                .map(|(name, stored)| stored.resource(bucket, name))
                .collect(),
        })
    }
}

/// The name that a page token stands for.
fn token(text: &str) -> Result<String, Refusal> {
    let name = STANDARD.decode(text).ok();
    let name = name.and_then(|name| String::from_utf8(name).ok());
    name.ok_or_else(|| Refusal::Invalid("pageToken is none of ours".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(generation: i64) -> Stored {
        Stored {
            bytes: b"x".to_vec(),
            generation,
            content_type: "text/plain".to_owned(),
            metadata: BTreeMap::new(),
            updated: None,
        }
    }

    #[test]
    fn generations_and_preconditions_are_kept() {
        let mut bucket = Bucket::default();
        let (none, one) = (Precondition::Generation(0), Precondition::Generation(1));
        assert_eq!(bucket.check("a", none), Ok(()));
        assert_eq!(bucket.check("a", one), Err(Refusal::Precondition));
        bucket.put("a", stored(1));
        assert_eq!(bucket.check("a", none), Err(Refusal::Precondition));
        assert_eq!(bucket.check("a", one), Ok(()));
        assert_eq!(bucket.find("a", Some(2)), Err(Refusal::NotFound));
        assert_eq!(bucket.find("a", Some(1)), Ok(&stored(1)));
        assert_eq!(bucket.delete("a", none), Err(Refusal::Precondition));
        assert_eq!(bucket.delete("a", Precondition::None), Ok(()));
        assert_eq!(
            bucket.delete("a", Precondition::None),
            Err(Refusal::NotFound)
        );
    }

    #[test]
    fn pages_are_the_list() {
        let mut bucket = Bucket::default();
        let names = ["a/1", "a/2", "a/3", "b"];
        for name in names {
            bucket.put(name, stored(1));
        }
        let mut list = List {
            prefix: "a/".to_owned(),
            max_results: Some(2),
            ..List::default()
        };
        let first = bucket.list("b", &list, None).unwrap();
        assert_eq!(first.items.len(), 2);
        list.page_token = first.next_page_token;
        let second = bucket.list("b", &list, None).unwrap();
        assert_eq!(
            (second.items[0].name.as_str(), second.next_page_token),
            ("a/3", None)
        );
        list.page_token = Some("a/1".to_owned());
        assert!(bucket.list("b", &list, None).is_err());
        list.page_token = None;
        list.start_offset = Some("a/2".to_owned());
        assert_eq!(
            bucket.list("b", &list, Some(1)).unwrap().items[0].name,
            "a/2"
        );
    }
}
