//! A dataset in the formats that trainers read. Each format is a file, and a line of [`EXPORTS`].

mod dataset;
mod format;

pub use dataset::ExportDataset;
pub use format::{Export, ExportError, Exported, Loss, Sink, SinkFile};

/// All formats.
pub const EXPORTS: &[&dyn Export] = &[];

/// The format of this id.
pub fn find(id: &str) -> Option<&'static dyn Export> {
    EXPORTS.iter().copied().find(|export| export.id() == id)
}
