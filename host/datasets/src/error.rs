//! Why something cannot be done with a dataset.

use framemill_annotations::LabelError;
use framemill_dataset::export::ExportError;
use framemill_dataset::{BuildError, SnapshotError};
use framemill_objects::StoreError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why something cannot be done with a dataset.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The bucket.
    #[error("bucket: {0}")]
    Store(#[from] StoreError),
    /// Not a name of a dataset.
    #[error(
        "`{0}` is no name of a dataset: 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, the first one neither `.` nor `-`"
    )]
    Name(String),
    /// Not an address of a snapshot.
    #[error("`{0}` is no snapshot: write NAME, or NAME@ and the first digits of its hash")]
    Address(String),
    /// There is no such snapshot.
    #[error("no such snapshot: {0}: `framemill dataset list` shows all")]
    Unknown(String),
    /// The first digits of several hashes.
    #[error(
        "{address} is {count} snapshots: write more digits of the hash, or none for the newest"
    )]
    Ambiguous {
        /// As asked.
        address: String,
        /// How many.
        count: usize,
    },
    /// Records that cannot be read: a dataset without them would lack frames without a word.
    #[error(
        "{count} records cannot be read, the first is {first}: restore or remove them, a dataset without them would lack frames"
    )]
    Damaged {
        /// How many.
        count: usize,
        /// What is wrong with the first, and its name.
        first: String,
    },
    /// An object has other bytes than the dataset says.
    #[error("not what the dataset says: {0}")]
    Changed(String),
    /// The rules, or what they make of the frames.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A snapshot whose files do not fit together.
    #[error("{name}: {error}")]
    Snapshot {
        /// Where it lies.
        name: String,
        /// What is wrong.
        error: SnapshotError,
    },
    /// The label list.
    #[error("{name}: {error}")]
    Labels {
        /// Its object.
        name: String,
        /// What is wrong.
        error: LabelError,
    },
    /// Others replaced the label list all the time.
    #[error("{0} was replaced by others again and again: try again when they are done")]
    Contended(String),
    /// There is no such format.
    #[error("no format is called `{format}`: {known}")]
    Format {
        /// As asked.
        format: String,
        /// All there are.
        known: String,
    },
    /// The folder of an export is there.
    #[error("{0} is there already, and is no empty folder: choose another one")]
    FolderTaken(PathBuf),
    /// The folder of an export cannot be replaced.
    #[error(
        "{folder} is there already and cannot be replaced, as where one is or where something is mounted ({source}): choose a folder that is not there yet"
    )]
    FolderFixed {
        /// It.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of an export that broke off is another one than this version writes.
    #[error(
        "{name} is there with other bytes: another version of framemill began this export; remove {prefix} and export again"
    )]
    ExportDiffers {
        /// The file.
        name: String,
        /// All of the export.
        prefix: String,
    },
    /// An export broke off.
    #[error("export: {0}")]
    Export(#[from] ExportError),
    /// A file.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread of ours ended early.
    #[error("broke off: {0}")]
    BrokeOff(String),
}
