//! All files below a folder.

use super::layout::PRIVATE_FOLDER;
use super::place::{Place, leads_out};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not read.
const DEEPEST: usize = 64;

/// What lies below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file, or a link to one.
    File {
        /// Object name.
        name: String,
        /// Path below the folder.
        below: PathBuf,
    },
    /// A link out of the folder, where those are not followed.
    LeadsOut {
        /// Object name.
        name: String,
    },
}

/// Which files are visited.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Only folders are entered whose names can start with this.
    pub prefix: &'a str,
    /// Whether links may lead out of the folder.
    pub follow_links: bool,
}

/// What an entry of a folder is to us.
enum Kind {
    Folder,
    File,
    LeadsOut,
    /// Gone, a pipe, a device, a link to nowhere.
    Other,
}

impl Walk<'_> {
    /// Visits all files, but for those of [`PRIVATE_FOLDER`]. `name` is the folder's own name with a
    /// slash at its end, empty for the bucket's.
    pub fn visit(&self, name: &str, visit: &mut dyn FnMut(Found)) {
        self.enter(Path::new(""), name, 0, visit);
    }

    fn enter(&self, below: &Path, name: &str, depth: usize, visit: &mut dyn FnMut(Found)) {
        let relevant = name.starts_with(self.prefix) || self.prefix.starts_with(name);
        if depth > DEEPEST || !relevant {
            return;
        }
        let Ok(entries) = fs::read_dir(self.folder.join(below)) else {
            return;
        };
        for entry in entries.flatten() {
            let Ok(file_name) = entry.file_name().into_string() else {
                tracing::warn!(path = %entry.path().display(), "file name is not UTF-8: left out, rename it");
                continue;
            };
            if file_name.starts_with(PRIVATE_FOLDER) {
                continue;
            }
            let below = below.join(&file_name);
            let name = format!("{name}{file_name}");
            match self.kind(&entry, &below) {
                Kind::Folder => self.enter(&below, &format!("{name}/"), depth + 1, visit),
                Kind::File => visit(Found::File { name, below }),
                Kind::LeadsOut => visit(Found::LeadsOut { name }),
                Kind::Other => {}
            }
        }
    }

    fn kind(&self, entry: &DirEntry, below: &Path) -> Kind {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => Kind::Folder,
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(kind) if kind.is_symlink() => self.kind_of_link(below),
            _ => Kind::Other,
        }
    }

    fn kind_of_link(&self, below: &Path) -> Kind {
        let found = Place::find(self.folder, below, self.follow_links);
        match found.and_then(|place| place.metadata()) {
            Ok(metadata) if metadata.is_file() => Kind::File,
            // A link to a folder around it would have no end.
            Ok(metadata) if metadata.is_dir() && !self.is_around(below).unwrap_or(true) => {
                Kind::Folder
            }
            Err(error) if leads_out(&error) => Kind::LeadsOut,
            _ => Kind::Other,
        }
    }

    /// Whether a link leads to its folder or one above it.
    fn is_around(&self, below: &Path) -> io::Result<bool> {
        let link = self.folder.join(below);
        let folder = link.parent().unwrap_or(self.folder);
        Ok(fs::canonicalize(folder)?.starts_with(fs::canonicalize(&link)?))
    }
}
