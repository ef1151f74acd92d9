//! What a format is, and where it writes.

use super::dataset::ExportDataset;
use crate::DatasetImage;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use thiserror::Error;

/// A format of datasets.
pub trait Export: Sync {
    /// Its id, as `--format` takes it.
    fn id(&self) -> &'static str;

    /// What it is for, in a line for `--help`.
    fn about(&self) -> &'static str;

    /// Writes a dataset. The same dataset gives the same files, byte for byte.
    ///
    /// # Errors
    /// [`ExportError`].
    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError>;
}

/// A folder, or a prefix of a bucket, that an export is written to. Paths are relative, with slashes;
/// each is written once.
pub trait Sink {
    /// Begins a file. Several may be open at the same time.
    ///
    /// # Errors
    /// Where there is one of this path already, or it cannot be written.
    fn file(&mut self, path: &str) -> io::Result<Box<dyn SinkFile>>;

    /// Says how many images will be asked for, before the first is: how far it is can be told then.
    fn expect(&mut self, images: u64);

    /// Puts an image there as it is, byte for byte.
    ///
    /// # Errors
    /// Where it cannot be read or written, or is not the image of that checksum.
    fn image(&mut self, image: &DatasetImage, path: &str) -> io::Result<()>;

    /// The bytes of an image, for formats that put images into larger files. Asked for in the order of
    /// frames within a split.
    ///
    /// # Errors
    /// Where it cannot be read, or is not the image of that checksum.
    fn image_bytes(&mut self, image: &DatasetImage) -> io::Result<Vec<u8>>;

    /// How the image can be named from elsewhere: `gs://bucket/name`; `None` where it cannot.
    fn image_uri(&self, image: &DatasetImage) -> Option<String>;
}

/// A file that is being written.
pub trait SinkFile: Write + Send {
    /// Ends it: only now it is there, whole.
    ///
    /// # Errors
    /// Where what was written could not be kept.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Why an export broke off.
#[derive(Debug, Error)]
pub enum ExportError {
    /// Reading an image or writing a file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The format has a limit, which the dataset is over.
    #[error("{format}: {reason}")]
    Unfit {
        /// Id of the format.
        format: &'static str,
        /// Fact, limit and remedy.
        reason: String,
    },
}

/// What was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Frames, negatives included.
    pub frames: u64,
    /// Shapes as the format has them.
    pub shapes: u64,
    /// What the format has no place for, and how often.
    pub losses: BTreeMap<Loss, u64>,
    /// What its readers will not take as it is, in sentences.
    pub notes: Vec<String>,
}

/// What becomes of frames and shapes that a format cannot hold as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// A rotated box went out as the upright rectangle around it.
    RotationLost,
    /// A polygon, polyline or mask went out as the rectangle around it.
    OutlineLost,
    /// Part of a shape was outside its image and was cut off.
    Clipped,
    /// A shape was left out: no area of it is inside its image. Of a polygon that crosses itself, areas
    /// that are gone around in different directions are taken off each other.
    Outside,
    /// A shape was left out: the format has no such kind.
    KindLost,
    /// A shape was left out: it is smaller than what the format is read for takes.
    TooSmall,
    /// A frame was left out: of what is marked in it nothing could go out, and without it the frame would
    /// be a negative.
    Frame,
    /// A frame was left out: nobody has said what is in it, and the format has no place to say so.
    Unanswered,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RotationLost => "rotated boxes became upright ones around them",
            Self::OutlineLost => "outlines became boxes around them",
            Self::Clipped => "shapes were cut at the edge of the image",
            Self::Outside => "shapes were left out, without area inside their image",
            Self::TooSmall => "shapes were left out, smaller than the format allows",
            Self::KindLost => "shapes were left out, the format has no such kind",
            Self::Frame => "frames were left out, as none of their shapes could go out",
            Self::Unanswered => "frames were left out, as nobody has said what is in them",
        })
    }
}
