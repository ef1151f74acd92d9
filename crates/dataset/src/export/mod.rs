//! A dataset in the formats that trainers read. Each format is a file, and a line of [`EXPORTS`].

mod answered;
mod clip;
mod coco;
mod columns;
mod croissant;
mod dataset;
mod flat_name;
mod format;
mod hugging_face;
mod losses;
mod objects;
mod outline;
mod parquet_file;
mod runs;
mod vertex;
mod webdataset;
mod yolo;

pub use dataset::ExportDataset;
pub use format::{Export, ExportError, Exported, Loss, Sink, SinkFile};

/// All formats.
pub const EXPORTS: &[&dyn Export] = &[
    &coco::Coco,
    &yolo::DETECT,
    &yolo::OBB,
    &yolo::SEGMENT,
    &croissant::Croissant,
    &hugging_face::ImageFolder,
    &hugging_face::ParquetShards,
    &vertex::Vertex,
    &webdataset::WebDataset,
];

/// The format of this id.
pub fn find(id: &str) -> Option<&'static dyn Export> {
    EXPORTS.iter().copied().find(|export| export.id() == id)
}
