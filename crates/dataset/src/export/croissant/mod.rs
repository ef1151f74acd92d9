//! Croissant: images and tables, described so that tools find and check them
//! (<https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html>).
//!
//! ```text
//! croissant.json         what the files are
//! frames.parquet         a row a frame
//! annotations.parquet    a row an object
//! images/<flat name>
//! ```
//!
//! Tables are Parquet and not JSON lines: of those mlcroissant infers types, and makes numbers of texts
//! such as `007`.

mod metadata;
mod tables;

use super::dataset::ExportDataset;
use super::flat_name::flat_name;
use super::format::{Export, ExportError, Exported, Sink};
use super::losses::Losses;
use metadata::metadata;
use std::io;
use tables::{write_annotations, write_frames};

/// Its id.
const ID: &str = "croissant";

/// The format.
pub(super) struct Croissant;

impl Export for Croissant {
    fn id(&self) -> &'static str {
        ID
    }

    fn about(&self) -> &'static str {
        "Croissant 1.0: images, tables, and a description of both; read by mlcroissant and search engines"
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        let mut losses = Losses::default();
        let frames = write_frames(dataset, sink)?;
        let annotations = write_annotations(ID, dataset, sink, &mut losses)?;
        sink.expect(dataset.frames.len() as u64);
        for frame in dataset.frames {
            sink.image(&frame.image, &format!("images/{}", flat_name(frame)))?;
        }
        let description = metadata(dataset, &frames, &annotations);
        let mut file = sink.file("croissant.json")?;
        serde_json::to_writer_pretty(&mut file, &description).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        file.finish()?;
        Ok(Exported {
            frames: frames.rows,
            shapes: annotations.rows,
            losses: losses.into_counts(),
            ..Exported::default()
        })
    }
}
