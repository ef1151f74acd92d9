//! Files that are being written.

use super::layout::PRIVATE_FOLDER;
use super::place::{Place, remove_folder};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

fn folder_of_all() -> PathBuf {
    Path::new(PRIVATE_FOLDER).join("tmp")
}

/// A file without a name of its own yet. Dropped before it got one, as when a write fails or whoever
/// wrote goes away, it is removed: on a full disk each byte counts.
pub(super) struct Unfinished {
    pub(super) place: Place,
}

impl Unfinished {
    /// A new one in a folder.
    pub(super) fn create(
        folder: &Path,
        follow_links: bool,
        number: u64,
    ) -> io::Result<(Self, File)> {
        let below = folder_of_all().join(format!("{}-{number}.tmp", std::process::id()));
        let place = Place::make(folder, &below, follow_links)?;
        let file = place.create()?;
        Ok((Self { place }, file))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it got its name there is nothing.
        let _ = self.place.remove();
    }
}

/// Removes all in a folder.
pub(super) fn remove_all(folder: &Path) -> io::Result<()> {
    remove_folder(folder, &folder_of_all())
}
