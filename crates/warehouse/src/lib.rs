//! Manifests and annotations become tables for SQL: Parquet files, and their load into BigQuery as
//! requests and answers. Pure: no I/O, no clock.
//!
//! ```text
//! Manifest + FrameAnnotation… ─▶ VideoContent ─▶ rows of videos, frames, annotations
//!                                                  └─▶ ShardTables ─▶ a Parquet file a table
//! Parquet files in a bucket ─▶ LoadJob ─▶ BigQuery's answer ─▶ JobState
//! ```
//!
//! A [`Shard`] is a part of all videos, by a hash of their names; each has one file of each table. The
//! same videos give the same files, byte for byte.

pub mod bigquery;
mod column;
mod content;
mod rows;
mod shard;
mod table;
mod table_file;

pub use column::{ColumnFacts, ColumnType};
pub use content::{IndexedAnnotation, VideoContent};
pub use shard::{SHARDS, Shard};
pub use table::{ShardTables, TABLES, TableFacts, tables_hash};
pub use table_file::{TableError, TableFile};
