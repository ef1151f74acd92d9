//! Parquet files with the images in them.
//!
//! ```text
//! README.md
//! data/<split>-00000-of-00002.parquet
//! ```

use super::card::write_card;
use super::features::{KEY, features, image};
use super::object_columns::objects_column;
use super::split_names::filled_splits;
use crate::DatasetFrame;
use crate::export::columns::{batch, file_names, frame_columns};
use crate::export::dataset::ExportDataset;
use crate::export::format::{Export, ExportError, Exported, Sink};
use crate::export::losses::Losses;
use crate::export::objects::{Object, objects};
use crate::export::parquet_file::ParquetFile;
use crate::export::runs::runs;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StructArray};
use arrow_schema::{DataType, Field};
use std::io;
use std::sync::Arc;

/// Its id.
const ID: &str = "huggingface-parquet";
/// Bytes of images in a file: what `datasets` makes of a shard when it uploads one.
const SHARD_BYTES: u64 = 500_000_000;
/// Images of a row group.
const GROUP_IMAGES: usize = 64;
/// Bytes of images of a row group, which is held in memory as a whole.
const GROUP_BYTES: u64 = 32 << 20;

/// The format.
pub(in crate::export) struct ParquetShards;

impl Export for ParquetShards {
    fn id(&self) -> &'static str {
        ID
    }

    fn about(&self) -> &'static str {
        "Parquet of Hugging Face: images within, a card; read by datasets, streamed from its hub"
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        let splits = filled_splits(ID, dataset)?;
        let mut exported = Exported::default();
        let mut losses = Losses::default();
        sink.expect(dataset.frames.len() as u64);
        for (split, frames) in &splits {
            let shards = runs(frames, usize::MAX, SHARD_BYTES);
            for (number, frames) in shards.iter().enumerate() {
                let path = format!("data/{split}-{number:05}-of-{:05}.parquet", shards.len());
                write_shard(dataset, &path, frames, sink, &mut exported, &mut losses)?;
            }
        }
        let paths: Vec<_> = splits
            .iter()
            .map(|(split, _)| (*split, format!("data/{split}-*")))
            .collect();
        write_card(dataset, &paths, sink)?;
        exported.losses = losses.into_counts();
        Ok(exported)
    }
}

fn write_shard(
    dataset: &ExportDataset<'_>,
    path: &str,
    frames: &[&DatasetFrame],
    sink: &mut dyn Sink,
    exported: &mut Exported,
    losses: &mut Losses,
) -> Result<(), ExportError> {
    let features = features(("image", image()), dataset.labels);
    let empty = rows(&[], &[], &[])?;
    let mut file = ParquetFile::create(sink, path, &empty, Some((KEY, features)))?;
    for frames in runs(frames, GROUP_IMAGES, GROUP_BYTES) {
        let mut images = Vec::with_capacity(frames.len());
        let mut found = Vec::with_capacity(frames.len());
        for frame in frames {
            images.push(sink.image_bytes(&frame.image)?);
            let objects = objects(ID, frame, dataset.labels, losses)?;
            exported.shapes += objects.len() as u64;
            exported.frames += 1;
            found.push(objects);
        }
        file.row_group(&rows(frames, &images, &found)?)?;
    }
    file.finish()?;
    Ok(())
}

fn rows(
    frames: &[&DatasetFrame],
    images: &[Vec<u8>],
    found: &[Vec<Object<'_>>],
) -> io::Result<RecordBatch> {
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(images));
    let bytes_field = Arc::new(Field::new("bytes", DataType::Binary, true));
    let path_field = Arc::new(Field::new("path", DataType::Utf8, true));
    let image = StructArray::from(vec![(bytes_field, bytes), (path_field, file_names(frames))]);
    let mut columns = vec![("image", Arc::new(image) as ArrayRef)];
    columns.extend(frame_columns(frames));
    columns.push(("objects", objects_column(found)?));
    batch(columns)
}
