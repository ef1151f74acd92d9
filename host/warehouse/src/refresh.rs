//! Tables brought up to date with their bucket.

use crate::error::WarehouseError;
use crate::files::{Files, file_name, state_name};
use crate::listing::Listing;
use crate::report::{Problem, Progress, Refreshed, TableReport};
use crate::shard_reader::{ShardContent, ShardReader};
use crate::state::{FileState, ShardState, State};
use framemill_contract::Layout;
use framemill_objects::Store;
use framemill_warehouse::bigquery::StoredFile;
use framemill_warehouse::{Shard, TABLES, TableFacts};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tables of a bucket.
#[derive(Clone)]
pub struct Warehouse {
    /// The bucket, of which the tables are, and where they lie.
    pub store: Arc<dyn Store>,
    /// Its name, for the URIs of files.
    pub bucket: String,
    /// Names in it.
    pub layout: Layout,
    /// Prefix of the tables, ending in `/`.
    pub path: String,
}

impl Warehouse {
    /// Makes the files anew whose videos changed. The outcome is that of [`Self::rebuild`], byte for
    /// byte. Costs three listings, and a read of each object about the videos of a shard in which
    /// anything changed.
    ///
    /// # Errors
    /// Where the bucket does not answer, or another process writes the tables. What was done until
    /// then is kept.
    pub async fn refresh(
        &self,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Refreshed, WarehouseError> {
        let files = Files::list(self.store.as_ref(), &self.path).await?;
        let state = State::read(self.store.as_ref(), &state_name(&self.path)).await?;
        self.bring_up(state, files, progress).await
    }

    /// Makes all files anew, whatever is there.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn rebuild(
        &self,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Refreshed, WarehouseError> {
        let files = Files::list(self.store.as_ref(), &self.path).await?;
        self.bring_up(State::default(), files, progress).await
    }

    async fn bring_up(
        &self,
        state: State,
        files: Files<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Refreshed, WarehouseError> {
        let listing = Listing::read(self.store.as_ref(), &self.layout, progress).await?;
        let before = state.clone();
        let mut update = Update {
            warehouse: self,
            listing: &listing,
            files,
            state,
            read: 0,
            progress,
        };
        let changed = update.changed();
        let removed = update.abandoned();
        let done = update.write_shards(&changed, &removed).await;
        // What is done is not done again, even where the rest failed.
        if update.state != before || update.files.get(&state_name(&self.path)).is_none() {
            update.write_state().await?;
        }
        done?;
        Ok(Refreshed {
            shards: listing.shards().len(),
            written: changed.len(),
            removed: removed.len(),
            read: update.read,
            tables: TABLES.map(|table| self.report(table, &update.state)).into(),
            problems: problems(&update.state),
        })
    }

    fn report(&self, table: TableFacts, state: &State) -> TableReport {
        let mut report = TableReport {
            table: table.name,
            rows: 0,
            bytes: 0,
            files: Vec::new(),
        };
        for (shard, of) in state.shards() {
            let Some((shard, file)) = Shard::parse(shard).zip(of.files.get(table.name)) else {
                continue;
            };
            report.rows = report.rows.saturating_add(file.rows);
            report.bytes = report.bytes.saturating_add(file.bytes);
            let name = file_name(&self.path, table.name, shard);
            report.files.push(StoredFile {
                uri: format!("gs://{}/{name}", self.bucket),
                generation: file.generation,
            });
        }
        report
    }
}

fn problems(state: &State) -> Vec<Problem> {
    let mut all: Vec<Problem> = state
        .shards()
        .flat_map(|(_, shard)| shard.problems.clone())
        .collect();
    all.sort();
    all
}

/// A refresh while it runs.
struct Update<'w> {
    warehouse: &'w Warehouse,
    listing: &'w Listing,
    files: Files<'w>,
    state: State,
    read: u64,
    progress: &'w (dyn Fn(Progress) + Sync),
}

impl Update<'_> {
    fn path(&self) -> &str {
        &self.warehouse.path
    }

    /// Shards whose files are not what they would be if they were made now.
    fn changed(&self) -> Vec<Shard> {
        let is_current = |shard: &Shard| {
            let there = |table: &str| self.files.get(&file_name(self.path(), table, *shard));
            self.state.shard(*shard).is_some_and(|state| {
                state.fingerprint == self.listing.fingerprint(*shard) && state.has_files(there)
            })
        };
        let all = self.listing.shards().into_iter();
        all.filter(|shard| !is_current(shard)).collect()
    }

    /// Shards that have files, or are said to, and no content any more.
    fn abandoned(&self) -> Vec<Shard> {
        let wanted = self.listing.shards();
        let mut there = self.files.shards(self.path());
        let named = self.state.shards();
        there.extend(named.filter_map(|(name, _)| Shard::parse(name)));
        there.sort();
        there.dedup();
        there.retain(|shard| !wanted.contains(shard));
        there
    }

    async fn write_shards(
        &mut self,
        changed: &[Shard],
        abandoned: &[Shard],
    ) -> Result<(), WarehouseError> {
        for (done, shard) in changed.iter().enumerate() {
            let now = Progress {
                listed: self.listing.listed,
                read: self.read,
                done,
                of: changed.len(),
            };
            (self.progress)(now);
            self.write_shard(*shard, now).await?;
        }
        for shard in abandoned {
            for table in TABLES {
                let name = file_name(self.path(), table.name, *shard);
                self.files.delete(&name).await?;
            }
            self.state.remove(*shard);
        }
        Ok(())
    }

    async fn write_shard(&mut self, shard: Shard, now: Progress) -> Result<(), WarehouseError> {
        let reader = ShardReader {
            store: self.warehouse.store.as_ref(),
            layout: &self.warehouse.layout,
        };
        let progress = self.progress;
        let on_read = |read: u64| {
            progress(Progress {
                read: now.read.saturating_add(read),
                ..now
            });
        };
        let ShardContent { files, findings } = reader.read(self.listing, shard, &on_read).await?;
        self.read = self.read.saturating_add(findings.read);
        let mut written = BTreeMap::new();
        for (table, file) in TABLES.iter().zip(files) {
            let (rows, bytes) = (file.rows, file.bytes.len() as u64);
            let name = file_name(self.path(), table.name, shard);
            let generation = self.files.put(&name, file.bytes).await?;
            let file = FileState {
                generation,
                rows,
                bytes,
            };
            written.insert(table.name.to_owned(), file);
        }
        let fingerprint = match findings.passing {
            true => String::new(),
            false => self.listing.fingerprint(shard),
        };
        let state = ShardState {
            fingerprint,
            files: written,
            problems: findings.problems,
        };
        self.state.insert(shard, state);
        Ok(())
    }

    async fn write_state(&mut self) -> Result<(), WarehouseError> {
        let json = serde_json::to_vec_pretty(&self.state);
        let json = json.map_err(|error| {
            framemill_objects::StoreError::Invalid(format!("state cannot be written: {error}"))
        })?;
        let name = state_name(self.path());
        self.files.put(&name, json).await.map(drop)
    }
}
