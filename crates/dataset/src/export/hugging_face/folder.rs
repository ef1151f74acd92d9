//! A folder of images with metadata.
//!
//! ```text
//! README.md
//! <split>/metadata.parquet
//! <split>/<flat name>
//! ```

use super::card::write_card;
use super::features::{KEY, features, value};
use super::object_columns::objects_column;
use super::split_names::filled_splits;
use crate::DatasetFrame;
use crate::export::columns::{batch, file_names, frame_columns};
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::flat_name;
use crate::export::format::{Export, ExportError, Exported, Sink};
use crate::export::losses::Losses;
use crate::export::objects::{Object, objects};
use crate::export::parquet_file::{ParquetFile, ROWS};
use arrow_array::RecordBatch;
use std::io;

/// Its id.
const ID: &str = "huggingface";

/// The format.
pub(in crate::export) struct ImageFolder;

impl Export for ImageFolder {
    fn id(&self) -> &'static str {
        ID
    }

    fn about(&self) -> &'static str {
        "imagefolder of Hugging Face: images as files, metadata.parquet, a card; read by datasets"
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
            exported.shapes += write_metadata(dataset, split, frames, sink, &mut losses)?;
            for frame in frames {
                sink.image(&frame.image, &format!("{split}/{}", flat_name(frame)))?;
                exported.frames += 1;
            }
        }
        let paths: Vec<_> = splits
            .iter()
            .map(|(split, _)| (*split, format!("{split}/**")))
            .collect();
        write_card(dataset, &paths, sink)?;
        exported.losses = losses.into_counts();
        Ok(exported)
    }
}

/// Writes what is known of the images of a split, and says how many objects there are.
fn write_metadata(
    dataset: &ExportDataset<'_>,
    split: &str,
    frames: &[&DatasetFrame],
    sink: &mut dyn Sink,
    losses: &mut Losses,
) -> Result<u64, ExportError> {
    let features = features(("file_name", value("string")), dataset.labels);
    let path = format!("{split}/metadata.parquet");
    let mut file = ParquetFile::create(sink, &path, &rows(&[], &[])?, Some((KEY, features)))?;
    let mut shapes = 0;
    for frames in frames.chunks(ROWS) {
        let found = frames
            .iter()
            .map(|frame| objects(ID, frame, dataset.labels, losses))
            .collect::<Result<Vec<_>, _>>()?;
        shapes += found
            .iter()
            .map(|objects| objects.len() as u64)
            .sum::<u64>();
        file.row_group(&rows(frames, &found)?)?;
    }
    file.finish()?;
    Ok(shapes)
}

fn rows(frames: &[&DatasetFrame], found: &[Vec<Object<'_>>]) -> io::Result<RecordBatch> {
    let mut columns = vec![("file_name", file_names(frames))];
    columns.extend(frame_columns(frames));
    columns.push(("objects", objects_column(found)?));
    batch(columns)
}
