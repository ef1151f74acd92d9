//! A folder that appears whole, or not at all.

use super::place::{Place, checked};
use crate::error::DatasetError;
use framemill_dataset::export::SinkFile;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that is being written, beside the place where it will be.
pub(crate) struct FolderPlace {
    folder: PathBuf,
    work: TempDir,
}

impl FolderPlace {
    /// Begins a folder. What would keep it from appearing is said now, not when all is written.
    pub fn begin(folder: &Path) -> Result<Self, DatasetError> {
        let is_link = fs::symlink_metadata(folder).is_ok_and(|it| it.is_symlink());
        let is_free = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if !is_free || is_link {
            return Err(DatasetError::FolderTaken(folder.to_owned()));
        }
        // An empty folder is in the way on some systems, and cannot be replaced everywhere: not where
        // something is mounted, nor where we are.
        match fs::remove_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DatasetError::FolderFixed {
                    folder: folder.to_owned(),
                    source: error,
                });
            }
            _ => {}
        }
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let work = fs::create_dir_all(parent).and_then(|()| {
            tempfile::Builder::new()
                .prefix(".framemill-export-")
                .tempdir_in(parent)
        });
        let work = work.map_err(|source| DatasetError::Io {
            what: format!("cannot write beside {}", folder.display()),
            source,
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            work,
        })
    }

    /// Puts it where it belongs.
    pub fn commit(self) -> Result<(), DatasetError> {
        let failed = |source| DatasetError::Io {
            what: format!("cannot create {}", self.folder.display()),
            source,
        };
        open_to_readers(self.work.path()).map_err(failed)?;
        let work = self.work.keep();
        fs::rename(&work, &self.folder).map_err(|source| {
            // Nobody else knows of it.
            let _ = fs::remove_dir_all(&work);
            failed(source)
        })
    }
}

/// Temporary folders are their owner's alone; an export is as readable as any new folder.
#[cfg(unix)]
fn open_to_readers(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let probe = folder.join(".mode");
    fs::create_dir(&probe)?;
    let mode = fs::metadata(&probe)?.permissions().mode();
    fs::remove_dir(&probe)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn open_to_readers(_: &Path) -> io::Result<()> {
    Ok(())
}

impl Place for FolderPlace {
    fn file(&self, path: &str) -> io::Result<Box<dyn SinkFile>> {
        let file = self.work.path().join(checked(path)?);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        // Two files of one name must not become one.
        let file = File::create_new(file)
            .map_err(|error| io::Error::new(error.kind(), format!("{error}: {path}")))?;
        Ok(Box::new(OpenFile(BufWriter::new(file))))
    }
}

struct OpenFile(BufWriter<File>);

impl Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl SinkFile for OpenFile {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}
