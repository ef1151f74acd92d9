//! Which snapshots there are.

use crate::error::DatasetError;
use crate::names::{DATASETS, DatasetName, EXPORTS, is_hash};
use crate::objects::LARGEST_FILE;
use bytes::Bytes;
use framemill_dataset::{DATASET_FILE, FRAMES_FILE, LABELS_FILE, Snapshot};
use framemill_objects::{PAGE, Store, read_up_to};
use serde::Serialize;

/// A snapshot in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Name of the dataset.
    pub name: String,
    /// Hash of the snapshot.
    pub hash: String,
    /// When it was written, in microseconds after 1970.
    pub written_micros: i64,
}

/// All snapshots that are whole, by name and then from the oldest to the newest.
///
/// # Errors
/// Where the bucket does not answer.
pub async fn list(
    store: &dyn Store,
    name: Option<&DatasetName>,
) -> Result<Vec<Listed>, DatasetError> {
    let prefix = name.map_or_else(|| DATASETS.to_owned(), DatasetName::prefix);
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(&prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(behind(&last.name));
        found.extend(page.into_iter().filter_map(|meta| {
            let (name, hash) = snapshot_of(&meta.name)?;
            Some(Listed {
                name,
                hash,
                written_micros: meta.updated_micros,
            })
        }));
    }
    found.sort_by(|a, b| {
        (&a.name, a.written_micros, &a.hash).cmp(&(&b.name, b.written_micros, &b.hash))
    });
    Ok(found)
}

/// Where a listing goes on behind an object: of an export, which may be large, behind all of it.
fn behind(object: &str) -> String {
    let parts: Vec<&str> = object.splitn(5, '/').collect();
    match parts.as_slice() {
        // `0` is the character behind a slash.
        [datasets, name, hash, EXPORTS, _] => format!("{datasets}/{name}/{hash}/{EXPORTS}0"),
        _ => object.to_owned(),
    }
}

/// Name and hash of the snapshot whose commit has this name.
fn snapshot_of(object: &str) -> Option<(String, String)> {
    let (name, rest) = object.strip_prefix(DATASETS)?.split_once('/')?;
    let (hash, file) = rest.split_once('/')?;
    let is_commit = file == DATASET_FILE && is_hash(hash) && DatasetName::parse(name).is_ok();
    is_commit.then(|| (name.to_owned(), hash.to_owned()))
}

/// Which snapshot is meant: `NAME` for the newest, or `NAME@` and the first digits of its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The dataset.
    pub name: DatasetName,
    digits: String,
}

impl Address {
    /// Takes an address.
    ///
    /// # Errors
    /// [`DatasetError::Address`] and [`DatasetError::Name`] where it is none.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let (name, digits) = match text.split_once('@') {
            Some((name, digits)) => (name, Some(digits)),
            None => (text, None),
        };
        let is_digits = |it: &str| {
            (1..=64).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if digits.is_some_and(|it| !is_digits(it)) {
            return Err(DatasetError::Address(text.to_owned()));
        }
        Ok(Self {
            name: DatasetName::parse(name)?,
            digits: digits.unwrap_or_default().to_ascii_lowercase(),
        })
    }

    /// The hash of the snapshot that is meant.
    ///
    /// # Errors
    /// [`DatasetError::Unknown`] and [`DatasetError::Ambiguous`].
    pub async fn resolve(&self, store: &dyn Store) -> Result<String, DatasetError> {
        let mut all = list(store, Some(&self.name)).await?;
        all.retain(|listed| listed.hash.starts_with(&self.digits));
        if all.len() > 1 && !self.digits.is_empty() {
            let address = format!("{}@{}", self.name, self.digits);
            return Err(DatasetError::Ambiguous {
                address,
                count: all.len(),
            });
        }
        let newest = all.pop();
        newest.map(|listed| listed.hash).ok_or_else(|| {
            DatasetError::Unknown(match self.digits.is_empty() {
                true => self.name.to_string(),
                false => format!("{}@{}", self.name, self.digits),
            })
        })
    }
}

/// Reads a snapshot and checks that it is whole.
///
/// # Errors
/// Where a file is gone, or has other bytes than were written.
pub async fn load(
    store: &dyn Store,
    name: &DatasetName,
    hash: &str,
) -> Result<Snapshot, DatasetError> {
    let prefix = name.snapshot(hash);
    let file = async |file: &str| -> Result<Bytes, DatasetError> {
        let object = format!("{prefix}{file}");
        let found = read_up_to(store, &object, LARGEST_FILE).await?;
        let (_, bytes) = found.ok_or(DatasetError::Unknown(object))?;
        Ok(bytes)
    };
    let dataset = file(DATASET_FILE).await?;
    let (frames, labels) = (file(FRAMES_FILE).await?, file(LABELS_FILE).await?);
    let snapshot = Snapshot::parse(&dataset, &frames, &labels);
    let snapshot = snapshot.map_err(|error| DatasetError::Snapshot {
        name: prefix.clone(),
        error,
    })?;
    match snapshot.hash() == hash {
        true => Ok(snapshot),
        false => Err(DatasetError::Changed(format!("{prefix}{DATASET_FILE}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_behind_exports() {
        for (object, next) in [
            ("datasets/a/1/dataset.json", "datasets/a/1/dataset.json"),
            (
                "datasets/a/1/exports/coco/images/x.jpg",
                "datasets/a/1/exports0",
            ),
            (
                "datasets/exports/1/dataset.json",
                "datasets/exports/1/dataset.json",
            ),
            ("datasets/a/labels.json", "datasets/a/labels.json"),
        ] {
            assert_eq!(behind(object), next);
        }
        assert!("datasets/a/1/exports/z" < behind("datasets/a/1/exports/a").as_str());
        assert!(behind("datasets/a/1/exports/a").as_str() < "datasets/a/1/frames.jsonl");
    }
}
