//! A Parquet file, written row group by row group.

use super::format::{Sink, SinkFile};
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a group where there are no images in it.
pub(super) const ROWS: usize = 1024;
/// Who wrote the file, without a version: the same dataset gives the same bytes.
const CREATED_BY: &str = "framemill";
/// The column of images: compressed already, each once.
const IMAGES: [&str; 2] = ["image", "bytes"];

/// A Parquet file that is being written. One row group is in memory.
pub(super) struct ParquetFile(ArrowWriter<Hashed>);

impl ParquetFile {
    /// Begins a file with the columns of a batch, and a value for readers in its Arrow schema:
    /// not one beside it, which pyarrow does not see.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn create(
        sink: &mut dyn Sink,
        path: &str,
        columns: &RecordBatch,
        metadata: Option<(&str, String)>,
    ) -> io::Result<Self> {
        let images = ColumnPath::new(IMAGES.map(str::to_owned).to_vec());
        let schema = columns.schema().as_ref().clone();
        let metadata: HashMap<_, _> = metadata
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect();
        let schema = schema.with_metadata(metadata);
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .set_column_compression(images.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(images.clone(), false)
            .set_column_statistics_enabled(images, EnabledStatistics::None)
            .build();
        let file = Hashed {
            file: sink.file(path)?,
            hash: Sha256::new(),
        };
        ArrowWriter::try_new(file, Arc::new(schema), Some(properties))
            .map(Self)
            .map_err(io_error)
    }

    /// Writes a row group.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn row_group(&mut self, rows: &RecordBatch) -> io::Result<()> {
        self.0.write(rows).map_err(io_error)?;
        self.0.flush().map_err(io_error)
    }

    /// Ends the file, and says its SHA-256 in hex.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn finish(self) -> io::Result<String> {
        let Hashed { file, hash } = self.0.into_inner().map_err(io_error)?;
        file.finish()?;
        Ok(hex::encode(hash.finalize()))
    }
}

/// Why writing failed: what the sink said, where it was that.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => inner
            .downcast::<io::Error>()
            .map_or_else(io::Error::other, |error| *error),
        other => io::Error::other(other),
    }
}

/// A file, and the hash of what was written to it.
struct Hashed {
    file: Box<dyn SinkFile>,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
