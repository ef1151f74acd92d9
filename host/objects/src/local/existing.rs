//! Objects that may be there.

use super::files::{Location, describe, missing_or_failed, not_found};
use super::place::Place;
use crate::error::StoreError;
use crate::store::ObjectMeta;
use cap_std::fs::Metadata;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Where an object is read from.
pub(super) enum Existing {
    /// A file that was named.
    Input(PathBuf),
    /// A place in one of the folders.
    Below(Location),
}

impl Existing {
    fn find(&self) -> io::Result<Place> {
        match self {
            Self::Input(path) => Place::of(path),
            Self::Below(location) => location.find(),
        }
    }

    /// What is known of it, if it is a file.
    pub(super) fn describe(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        let metadata = self.find().and_then(|place| place.metadata());
        let metadata = metadata.map_err(|error| missing_or_failed("look up", name, error))?;
        if !metadata.is_file() {
            return Err(not_found(name));
        }
        Ok(describe(name, &metadata))
    }

    /// Opens it, if it is a file.
    pub(super) fn open(&self, name: &str) -> Result<(fs::File, ObjectMeta), StoreError> {
        let io = |error| missing_or_failed("read", name, error);
        let file = self.find().and_then(|place| place.open()).map_err(io)?;
        let metadata = Metadata::from_file(&file).map_err(io)?;
        if !metadata.is_file() {
            return Err(not_found(name));
        }
        Ok((file, describe(name, &metadata)))
    }
}
