//! The warehouse's own objects: their names, and writes that nobody else's are lost by.

use crate::error::WarehouseError;
use framemill_objects::{ObjectMeta, Precondition, Store, StoreError, pages, write_whole};
use framemill_warehouse::{Shard, TABLES};
use futures::TryStreamExt as _;
use std::collections::BTreeMap;

/// Media type of Parquet files (IANA).
const PARQUET: &str = "application/vnd.apache.parquet";
const JSON: &str = "application/json";

/// Name of the object that says what files were made from.
pub(crate) fn state_name(path: &str) -> String {
    format!("{path}state.json")
}

/// Name of a file.
pub(crate) fn file_name(path: &str, table: &str, shard: Shard) -> String {
    format!("{path}{table}/{shard}.parquet")
}

/// The warehouse's objects as they were when it was looked at.
pub(crate) struct Files<'s> {
    store: &'s dyn Store,
    there: BTreeMap<String, ObjectMeta>,
}

impl<'s> Files<'s> {
    /// What is below `path`.
    pub(crate) async fn list(store: &'s dyn Store, path: &str) -> Result<Self, StoreError> {
        let mut there = BTreeMap::new();
        let mut pages = std::pin::pin!(pages(store, path.to_owned()));
        while let Some(page) = pages.try_next().await? {
            there.extend(page.into_iter().map(|meta| (meta.name.clone(), meta)));
        }
        Ok(Self { store, there })
    }

    pub(crate) fn get(&self, name: &str) -> Option<ObjectMeta> {
        self.there.get(name).cloned()
    }

    /// Shards that have a file of any table.
    pub(crate) fn shards(&self, path: &str) -> Vec<Shard> {
        let is_there = |shard: &Shard| {
            let mut names = TABLES
                .iter()
                .map(|table| file_name(path, table.name, *shard));
            names.any(|name| self.there.contains_key(&name))
        };
        Shard::all().filter(is_there).collect()
    }

    /// Creates or replaces an object, as long as nobody else has since it was looked at. Gives its
    /// generation.
    pub(crate) async fn put(&mut self, name: &str, bytes: Vec<u8>) -> Result<i64, WarehouseError> {
        let kind = if name.ends_with(".json") {
            JSON
        } else {
            PARQUET
        };
        let written = write_whole(self.store, name, self.as_seen(name), kind, bytes.into());
        let meta = written.await.map_err(|error| conflict(name, error))?;
        let generation = meta.generation;
        self.there.insert(name.to_owned(), meta);
        Ok(generation)
    }

    /// Deletes an object, as long as nobody has replaced it.
    pub(crate) async fn delete(&mut self, name: &str) -> Result<(), WarehouseError> {
        if !self.there.contains_key(name) {
            return Ok(());
        }
        match self.store.delete(name, self.as_seen(name)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {
                self.there.remove(name);
                Ok(())
            }
            Err(error) => Err(conflict(name, error)),
        }
    }

    fn as_seen(&self, name: &str) -> Precondition {
        let there = self.there.get(name);
        Precondition::Generation(there.map_or(0, |meta| meta.generation))
    }
}

fn conflict(name: &str, error: StoreError) -> WarehouseError {
    match error {
        StoreError::PreconditionFailed { .. } => WarehouseError::Conflict {
            name: name.to_owned(),
        },
        error => error.into(),
    }
}
