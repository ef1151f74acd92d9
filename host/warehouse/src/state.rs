//! What the files in the bucket were made from: `state.json` beside them.

use crate::report::Problem;
use framemill_objects::{ObjectMeta, Store, StoreError, read_whole};
use framemill_warehouse::{Shard, TABLES, tables_hash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Schema name of [`State`].
const STATE_SCHEMA: &str = "framemill.warehouse/1";

/// A file of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    /// The object's generation: another one is somebody else's file.
    pub(crate) generation: i64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// The files of a shard, and what they were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardState {
    /// Of the listing; empty where an object could not be read now, and maybe can later.
    pub(crate) fingerprint: String,
    /// By table.
    pub(crate) files: BTreeMap<String, FileState>,
    /// Objects that have no rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<Problem>,
}

/// What the files in the bucket were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    schema: String,
    /// What the tables look like.
    tables: String,
    /// By name.
    shards: BTreeMap<String, ShardState>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            schema: STATE_SCHEMA.to_owned(),
            tables: tables_hash(),
            shards: BTreeMap::new(),
        }
    }
}

impl State {
    /// From the bucket. One that is missing, of other tables or damaged knows nothing: all files are
    /// made anew.
    pub(crate) async fn read(store: &dyn Store, name: &str) -> Result<Self, StoreError> {
        let bytes = read_whole(store, name).await?.unwrap_or_default();
        let nothing = Self::default();
        let read = serde_json::from_slice::<Self>(&bytes).ok();
        let ours = |read: &Self| read.schema == nothing.schema && read.tables == nothing.tables;
        Ok(read.filter(ours).unwrap_or(nothing))
    }

    pub(crate) fn shard(&self, shard: Shard) -> Option<&ShardState> {
        self.shards.get(&shard.to_string())
    }

    pub(crate) fn insert(&mut self, shard: Shard, state: ShardState) {
        self.shards.insert(shard.to_string(), state);
    }

    pub(crate) fn remove(&mut self, shard: Shard) {
        self.shards.remove(&shard.to_string());
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = (&str, &ShardState)> {
        self.shards
            .iter()
            .map(|(name, state)| (name.as_str(), state))
    }
}

impl ShardState {
    /// Whether the files that are there, by table, are those that it names.
    pub(crate) fn has_files(&self, there: impl Fn(&str) -> Option<ObjectMeta>) -> bool {
        TABLES.iter().all(|table| {
            let file = self.files.get(table.name);
            let there = there(table.name).map(|meta| meta.generation);
            there.is_some() && there == file.map(|file| file.generation)
        })
    }
}
