//! A dataset in the formats that trainers read. Each format is a file, and a line of [`EXPORTS`].

mod answered;
mod clip;
mod coco;
mod dataset;
mod flat_name;
mod format;
mod losses;
mod outline;
mod yolo;

pub use dataset::ExportDataset;
pub use format::{Export, ExportError, Exported, Loss, Sink, SinkFile};

/// All formats.
pub const EXPORTS: &[&dyn Export] = &[&coco::Coco, &yolo::DETECT, &yolo::OBB, &yolo::SEGMENT];

/// The format of this id.
pub fn find(id: &str) -> Option<&'static dyn Export> {
    EXPORTS.iter().copied().find(|export| export.id() == id)
}
