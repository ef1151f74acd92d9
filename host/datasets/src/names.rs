//! The names of datasets and of their objects.

use crate::error::DatasetError;
use framemill_dataset::is_name;
use std::fmt;

/// Where all datasets lie in a bucket.
pub const DATASETS: &str = "datasets/";
/// Folder of the exports of a snapshot.
pub(crate) const EXPORTS: &str = "exports";

/// The name of a dataset, fit for names of objects and folders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatasetName(String);

impl DatasetName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`DatasetError::Name`] where it is none.
    pub fn parse(name: &str) -> Result<Self, DatasetError> {
        match is_name(name) {
            true => Ok(Self(name.to_owned())),
            false => Err(DatasetError::Name(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Prefix of all its objects.
    pub(crate) fn prefix(&self) -> String {
        format!("{DATASETS}{self}/")
    }

    /// Its label list, which every snapshot takes a copy of: ids are never given twice.
    pub(crate) fn labels(&self) -> String {
        format!("{}labels.json", self.prefix())
    }

    /// Prefix of a snapshot.
    pub(crate) fn snapshot(&self, hash: &str) -> String {
        format!("{}{hash}/", self.prefix())
    }

    /// Prefix of an export into the bucket.
    pub(crate) fn export(&self, hash: &str, format: &str) -> String {
        format!("{}{EXPORTS}/{format}/", self.snapshot(hash))
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it may be a snapshot's hash.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        for name in ["cars", "cars-2026.v1", "A_1"] {
            assert!(DatasetName::parse(name).is_ok(), "{name}");
        }
        let long = "x".repeat(65);
        for name in ["", ".", "..", "-cars", "a/b", "a b", "ä", long.as_str()] {
            assert!(DatasetName::parse(name).is_err(), "{name}");
        }
    }
}
