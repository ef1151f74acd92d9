//! Frames and what is marked in them, as tables.

use crate::DatasetFrame;
use crate::export::columns::{batch, file_names, floats, frame_columns, integers, texts};
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::flat_name;
use crate::export::format::{ExportError, Sink};
use crate::export::losses::Losses;
use crate::export::objects::{Object, objects};
use crate::export::parquet_file::{ParquetFile, ROWS};
use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{BooleanArray, RecordBatch};
use std::io;
use std::sync::Arc;

/// A table that is there.
pub(super) struct Table {
    /// Path of its file.
    pub(super) path: &'static str,
    /// Checksum of its file, in hex.
    pub(super) sha256: String,
    /// How many rows it has.
    pub(super) rows: u64,
}

/// Writes `frames.parquet`: all frames, whatever their state.
///
/// # Errors
/// As writing.
pub(super) fn write_frames(dataset: &ExportDataset<'_>, sink: &mut dyn Sink) -> io::Result<Table> {
    let path = "frames.parquet";
    let mut file = ParquetFile::create(sink, path, &frame_rows(&[])?, None)?;
    for frames in dataset.frames.chunks(ROWS) {
        file.row_group(&frame_rows(&frames.iter().collect::<Vec<_>>())?)?;
    }
    Ok(Table {
        path,
        sha256: file.finish()?,
        rows: dataset.frames.len() as u64,
    })
}

fn frame_rows(frames: &[&DatasetFrame]) -> io::Result<RecordBatch> {
    let mut columns = vec![
        ("file_name", file_names(frames)),
        ("split", texts(frames, |it| it.split.as_str())),
    ];
    columns.extend(frame_columns(frames));
    batch(columns)
}

/// Writes `annotations.parquet`.
///
/// # Errors
/// As writing; where a shape's label is not in the list.
pub(super) fn write_annotations(
    format: &'static str,
    dataset: &ExportDataset<'_>,
    sink: &mut dyn Sink,
    losses: &mut Losses,
) -> Result<Table, ExportError> {
    let path = "annotations.parquet";
    let mut file = ParquetFile::create(sink, path, &annotation_rows(&[])?, None)?;
    let mut rows = 0;
    for frames in dataset.frames.chunks(ROWS) {
        let mut found = Vec::new();
        for frame in frames {
            for object in objects(format, frame, dataset.labels, losses)? {
                found.push((flat_name(frame), object));
            }
        }
        if found.is_empty() {
            continue;
        }
        rows += found.len() as u64;
        file.row_group(&annotation_rows(&found)?)?;
    }
    Ok(Table {
        path,
        sha256: file.finish()?,
        rows,
    })
}

fn annotation_rows(found: &[(String, Object<'_>)]) -> io::Result<RecordBatch> {
    let mut boxes = ListBuilder::new(Float64Builder::new());
    let mut outlines = ListBuilder::new(Float64Builder::new());
    for (_, object) in found {
        boxes.values().append_slice(&object.bbox);
        boxes.append(true);
        // An object has one outline or none.
        for polygon in &object.segmentation {
            outlines.values().append_slice(polygon);
        }
        outlines.append(true);
    }
    let occluded: Vec<bool> = found.iter().map(|(_, it)| it.occluded).collect();
    batch(vec![
        ("file_name", texts(found, |(name, _)| name.as_str())),
        ("label", texts(found, |(_, it)| it.label)),
        ("label_id", integers(found, |(_, it)| it.label_id.into())),
        ("kind", texts(found, |(_, it)| it.kind)),
        ("bbox", Arc::new(boxes.finish())),
        ("rotation", floats(found.iter().map(|(_, it)| it.rotation))),
        ("area", floats(found.iter().map(|(_, it)| it.area))),
        ("segmentation", Arc::new(outlines.finish())),
        ("occluded", Arc::new(BooleanArray::from(occluded))),
    ])
}
