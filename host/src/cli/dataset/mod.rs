//! `framemill dataset`: what was annotated as versioned datasets, and their exports.

mod options;
mod run;
mod words;

pub use options::DatasetArgs;
pub use run::run_dataset;
