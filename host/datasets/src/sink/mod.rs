//! Where exports write, and how they get images.

mod bucket;
mod folder;
mod images;
mod place;
mod streaming;

pub(crate) use bucket::BucketPlace;
pub(crate) use folder::FolderPlace;
pub(crate) use images::ImageReader;
pub(crate) use place::Place;
pub(crate) use streaming::StreamingSink;
