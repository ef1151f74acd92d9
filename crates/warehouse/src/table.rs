//! The tables, and the files of a shard.

use crate::VideoContent;
use crate::column::{Column, ColumnFacts};
use crate::rows::{AnnotationRow, FrameRow, VideoRow};
use crate::table_file::{TableError, TableFile, TableWriter};
use sha2::{Digest, Sha256};

/// Changes where rows are made in another way though their columns are the same: then all files are
/// made anew.
const ROWS_VERSION: &str = "1";

/// A table, without its rows.
#[derive(Clone, Copy)]
pub struct TableFacts {
    /// Its name, which is a folder's.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    columns: fn() -> Vec<ColumnFacts>,
}

impl TableFacts {
    /// Its columns, in order.
    pub fn columns(&self) -> Vec<ColumnFacts> {
        (self.columns)()
    }
}

/// The tables.
pub const TABLES: [TableFacts; 3] = [
    TableFacts {
        name: "videos",
        doc: "a row a video with a manifest",
        columns: || facts(VideoRow::COLUMNS),
    },
    TableFacts {
        name: "frames",
        doc: "a row a frame with an image, with what is known of its labels",
        columns: || facts(FrameRow::COLUMNS),
    },
    TableFacts {
        name: "annotations",
        doc: "a row a shape of every answer, and one of each answer without shapes",
        columns: || facts(AnnotationRow::COLUMNS),
    },
];

fn facts<R>(columns: &[Column<R>]) -> Vec<ColumnFacts> {
    columns.iter().map(Column::facts).collect()
}

/// A hash of what all tables look like: files with another one are of no use.
pub fn tables_hash() -> String {
    let mut hash = Sha256::new();
    hash.update(ROWS_VERSION);
    for table in TABLES {
        hash.update(format!("\n{}", table.name));
        for column in table.columns() {
            let ColumnFacts {
                name,
                kind,
                required,
                ..
            } = column;
            hash.update(format!("\n{name} {kind:?} {required}"));
        }
    }
    hex::encode(hash.finalize())
}

/// The files of a shard while they are written.
pub struct ShardTables {
    videos: TableWriter<VideoRow>,
    frames: TableWriter<FrameRow>,
    annotations: TableWriter<AnnotationRow>,
}

impl ShardTables {
    /// Without rows.
    ///
    /// # Errors
    /// Where Parquet cannot hold the columns.
    pub fn new() -> Result<Self, TableError> {
        Ok(Self {
            videos: TableWriter::new(VideoRow::COLUMNS)?,
            frames: TableWriter::new(FrameRow::COLUMNS)?,
            annotations: TableWriter::new(AnnotationRow::COLUMNS)?,
        })
    }

    /// Adds the rows of a video. Videos come by name, so that the same ones give the same files.
    ///
    /// # Errors
    /// Where Parquet cannot hold them.
    pub fn push(&mut self, content: &VideoContent) -> Result<(), TableError> {
        if let Some(manifest) = &content.manifest {
            self.videos.push(VideoRow::new(content, manifest))?;
            FrameRow::all(content, manifest).try_for_each(|row| self.frames.push(row))?;
        }
        AnnotationRow::all(content).try_for_each(|row| self.annotations.push(row))
    }

    /// The files, in the order of [`TABLES`].
    ///
    /// # Errors
    /// Where Parquet cannot hold them.
    pub fn finish(self) -> Result<[TableFile; 3], TableError> {
        Ok([
            self.videos.finish()?,
            self.frames.finish()?,
            self.annotations.finish()?,
        ])
    }
}
