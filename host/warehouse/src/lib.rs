//! The warehouse: tables of what is in a bucket, kept up to date in the bucket itself, and loaded into
//! BigQuery.
//!
//! ```text
//! listings of manifests, receipts, annotations ─▶ Listing ─▶ a fingerprint a Shard
//!    warehouse/state.json ─▶ State ─▶ which shards changed ─▶ their objects ─▶ ShardTables
//!        ─▶ warehouse/<table>/<shard>.parquet, state.json ─▶ LoadJob ─▶ BigQuery
//! ```
//!
//! All of it follows from the bucket: it may be deleted at any time, and [`Warehouse::rebuild`] makes
//! the same files again. Any number of processes may do so: whoever is late finds files that are not
//! those that it saw, and stops.

mod bigquery;
mod error;
mod files;
mod listing;
mod refresh;
mod report;
mod shard_reader;
mod state;

pub use bigquery::{BigQuery, LoadError, Loaded, OpenError, Pace};
pub use error::WarehouseError;
pub use refresh::Warehouse;
pub use report::{Problem, Progress, Refreshed, TableReport};
