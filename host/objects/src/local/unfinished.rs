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
    pub(super) fn create(folder: &Path, follow_links: bool) -> io::Result<(Self, File)> {
        // Processes of two containers, over one folder, may have the same number.
        let below = folder_of_all().join(format!("{:016x}.tmp", fastrand::u64(..)));
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
pub(super) fn remove_all(folder: &Path, follow_links: bool) -> io::Result<()> {
    remove_folder(folder, &folder_of_all(), follow_links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// Two processes that come to the same name.
    #[test]
    fn a_file_that_is_there_is_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        fastrand::seed(7);
        let (first, mut file) = Unfinished::create(folder.path(), false).unwrap();
        file.write_all(b"first").unwrap();
        fastrand::seed(7);
        let second = Unfinished::create(folder.path(), false);
        let error = second.err().expect("the name is taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let mut kept = String::new();
        io::Read::read_to_string(&mut first.place.open().unwrap(), &mut kept).unwrap();
        assert_eq!(kept, "first");
        let (other, _) = Unfinished::create(folder.path(), false).unwrap();
        drop(other);
    }
}
