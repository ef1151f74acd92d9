//! Rows to a Parquet file.

use crate::column::Column;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;
use thiserror::Error;

/// Rows of a row group. Fixed, so that the same rows are the same bytes; and what is held in memory
/// beside the file itself.
const ROW_GROUP: usize = 1 << 16;
/// Who wrote a file, in the file: no version, so that a new one does not change every file.
const CREATED_BY: &str = "framemill";

/// Why there is no file.
#[derive(Debug, Error)]
pub enum TableError {
    /// Columns are not what the schema says.
    #[error("rows do not fit the table: {0}")]
    Columns(#[from] ArrowError),
    /// Parquet cannot hold it.
    #[error("parquet file cannot be made: {0}")]
    Parquet(#[from] ParquetError),
}

/// A Parquet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFile {
    /// The file.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: u64,
}

/// Writes rows in the order in which they come, a row group at a time.
pub(crate) struct TableWriter<R: 'static> {
    columns: &'static [Column<R>],
    schema: Arc<Schema>,
    writer: ArrowWriter<Vec<u8>>,
    waiting: Vec<R>,
    rows: u64,
}

impl<R> TableWriter<R> {
    pub(crate) fn new(columns: &'static [Column<R>]) -> Result<Self, TableError> {
        let fields: Vec<_> = columns.iter().map(Column::field).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        // Parquet's own types say all; Arrow's schema would say it again.
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
        Ok(Self {
            columns,
            schema,
            writer,
            waiting: Vec::new(),
            rows: 0,
        })
    }

    pub(crate) fn push(&mut self, row: R) -> Result<(), TableError> {
        self.waiting.push(row);
        if self.waiting.len() >= ROW_GROUP {
            self.write_waiting()?;
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<(), TableError> {
        let arrays = self
            .columns
            .iter()
            .map(|column| column.array(&self.waiting));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect())?;
        self.writer.write(&batch)?;
        self.rows = self.rows.saturating_add(self.waiting.len() as u64);
        self.waiting.clear();
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<TableFile, TableError> {
        if !self.waiting.is_empty() {
            self.write_waiting()?;
        }
        Ok(TableFile {
            rows: self.rows,
            bytes: self.writer.into_inner()?,
        })
    }
}
