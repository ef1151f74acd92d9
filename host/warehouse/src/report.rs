//! What a refresh did, and how far it is.

use framemill_warehouse::bigquery::StoredFile;
use serde::{Deserialize, Serialize};

/// An object that has no rows, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Its name.
    pub name: String,
    /// The reason in words.
    pub reason: String,
}

/// How far a refresh is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects that were listed.
    pub listed: u64,
    /// Objects that were read.
    pub read: u64,
    /// Shards that are done.
    pub done: usize,
    /// Shards whose files have to be made.
    pub of: usize,
}

/// A table after a refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Its name.
    pub table: &'static str,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files, by object name.
    #[serde(skip)]
    pub files: Vec<StoredFile>,
}

/// What a refresh did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// Shards with files.
    pub shards: usize,
    /// Shards whose files were made anew.
    pub written: usize,
    /// Shards whose files were deleted.
    pub removed: usize,
    /// Objects that were read.
    pub read: u64,
    /// The tables.
    pub tables: Vec<TableReport>,
    /// Objects that have no rows, by name.
    pub problems: Vec<Problem>,
}
