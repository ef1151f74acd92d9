//! `dataset.json`: what a snapshot is, how it was built and what its other files are.

use crate::BuildRule;
use crate::counts::Counts;
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Schema name of [`SnapshotMeta`].
pub const DATASET_SCHEMA: &str = "framemill.dataset/1";
/// Which code built a snapshot: goes up where the same frames, annotations, labels and rules would give
/// another one.
pub const EXPORTER_VERSION: u32 = 2;
/// Bytes of a dataset's name at most.
const MOST_NAME: usize = 64;

/// A snapshot but for its frames and labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SnapshotMeta {
    /// [`DATASET_SCHEMA`].
    pub schema: String,
    /// Name of the dataset.
    pub name: String,
    /// SHA-256 of this file without this line, lower-case hex: as the file has the checksums of the
    /// others, it stands for all of the snapshot. `grep -v '^  "hash": ' dataset.json | sha256sum`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// [`EXPORTER_VERSION`] that built it.
    pub exporter_version: u32,
    /// What it was built by.
    pub rule: BuildRule,
    /// How much there is.
    pub counts: Counts,
    /// What whoever trains on it should know.
    pub warnings: Vec<Warning>,
    /// Its other files, by name.
    pub files: BTreeMap<String, FileSum>,
}

/// What a file is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    /// Size.
    pub bytes: u64,
    /// Checksum, lower-case hex.
    pub sha256: String,
}

impl SnapshotMeta {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        pretty(self)
    }

    /// What [`Self::hash`] must be.
    pub(crate) fn content_hash(&self) -> String {
        let content = Self {
            hash: String::new(),
            ..self.clone()
        };
        FileSum::of(&content.to_bytes()).sha256
    }
}

/// Whether a dataset can be called so: what can be a folder and an argument, too.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let length = (1..=MOST_NAME).contains(&name.len());
    length && !name.starts_with(['.', '-']) && name.bytes().all(allowed)
}

/// JSON for people, with a line break at its end.
pub(crate) fn pretty<T: Serialize>(value: &T) -> Vec<u8> {
    // Neither memory nor these types, whose keys are strings, can fail.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

impl FileSum {
    /// Of a file at hand.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
        }
    }
}

/// Sums what is written, and keeps nothing.
#[derive(Debug, Default)]
pub(crate) struct Summing {
    bytes: u64,
    hash: Sha256,
}

impl Summing {
    pub(crate) fn sum(self) -> FileSum {
        FileSum {
            bytes: self.bytes,
            sha256: hex::encode(self.hash.finalize()),
        }
    }
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
