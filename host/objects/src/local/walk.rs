//! All files below a folder.

use super::layout::PRIVATE_FOLDER;
use super::place::{Place, leads_out};
use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not read.
const DEEPEST: usize = 64;
/// A folder is read as often at most, by links that lead to it or around it.
const MOST_WAYS: usize = 256;

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
    /// A folder, or an entry of one, that the system does not let us read: what is in it is not known.
    Unreadable {
        /// Name of the folder, as of an object.
        name: String,
        /// Why.
        kind: ErrorKind,
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
    /// And its path without links.
    Folder(PathBuf),
    File,
    LeadsOut,
    /// Gone, a pipe, a device, a link to nowhere.
    Other,
}

impl Walk<'_> {
    /// Visits all files, but for those of [`PRIVATE_FOLDER`]. `name` is the folder's own name with a
    /// slash at its end, empty for the bucket's.
    pub fn visit(&self, name: &str, visit: &mut dyn FnMut(Found)) {
        self.visit_after(name, "", &mut |found| {
            visit(found);
            ControlFlow::Continue(())
        });
    }

    /// As [`Self::visit`], in the order of object names, until `visit` breaks. Folders of which all names
    /// come before `after` are not read.
    pub fn visit_after(
        &self,
        name: &str,
        after: &str,
        visit: &mut dyn FnMut(Found) -> ControlFlow<()>,
    ) {
        let mut down = Down {
            walk: *self,
            after,
            way: Vec::new(),
            entered: HashMap::new(),
            visit,
        };
        // Whether it broke is the visitor's to know.
        let _ = match fs::canonicalize(self.folder) {
            Ok(path) => down.enter(path, Path::new(""), name),
            Err(error) => down.unreadable(name, &error),
        };
    }

    fn is_relevant(&self, folder: &str) -> bool {
        folder.starts_with(self.prefix) || self.prefix.starts_with(folder)
    }
}

/// Entries of a folder: name, path below the first folder, kind.
type Entries = Vec<(String, PathBuf, Kind)>;

/// One walk.
struct Down<'a> {
    walk: Walk<'a>,
    after: &'a str,
    /// The folders from the first to the one that is read, without links.
    way: Vec<PathBuf>,
    /// How often each was read.
    entered: HashMap<PathBuf, usize>,
    visit: &'a mut dyn FnMut(Found) -> ControlFlow<()>,
}

impl Down<'_> {
    /// `path` has no links, `below` and `name` are as it was found.
    fn enter(&mut self, path: PathBuf, below: &Path, name: &str) -> ControlFlow<()> {
        if self.way.len() > DEEPEST || !self.walk.is_relevant(name) || !self.may_enter(&path) {
            return ControlFlow::Continue(());
        }
        let entries = match self.entries(&path, below, name) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(name, &error),
        };
        self.way.push(path);
        for (name, below, kind) in entries {
            match kind {
                Kind::Folder(path) => self.enter(path, &below, &name)?,
                Kind::File => (self.visit)(Found::File { name, below })?,
                // It may be a file, or a folder on the way to what is asked for.
                Kind::LeadsOut if self.walk.is_relevant(&format!("{name}/")) => {
                    (self.visit)(Found::LeadsOut { name })?;
                }
                Kind::LeadsOut | Kind::Other => {}
            }
        }
        self.way.pop();
        ControlFlow::Continue(())
    }

    /// Tells of a folder that cannot be read; one that is gone is none.
    fn unreadable(&mut self, name: &str, error: &io::Error) -> ControlFlow<()> {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ControlFlow::Continue(()),
            kind => (self.visit)(Found::Unreadable {
                name: name.to_owned(),
                kind,
            }),
        }
    }

    /// What a folder holds, in the order of object names: a folder's own ends with a slash.
    fn entries(&self, path: &Path, below: &Path, name: &str) -> io::Result<Entries> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(file_name) = entry.file_name().into_string() else {
                tracing::warn!(path = %entry.path().display(), "file name is not UTF-8: left out, rename it");
                continue;
            };
            if file_name.starts_with(PRIVATE_FOLDER) {
                continue;
            }
            let below = below.join(&file_name);
            let mut name = format!("{name}{file_name}");
            let kind = self.kind(&entry, &below);
            if matches!(kind, Kind::Folder(_)) {
                name.push('/');
                if name.as_str() < self.after && !self.after.starts_with(&name) {
                    continue;
                }
            }
            found.push((name, below, kind));
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Links between folders would make ways without end, or more than anyone can go.
    fn may_enter(&mut self, path: &Path) -> bool {
        if self.way.iter().any(|before| before == path) {
            return false;
        }
        let entered = self.entered.entry(path.to_owned()).or_default();
        *entered += 1;
        if *entered == MOST_WAYS + 1 {
            tracing::warn!(
                "more than {MOST_WAYS} ways lead to a folder: others are left out, remove links: {}",
                path.display()
            );
        }
        *entered <= MOST_WAYS
    }

    fn kind(&self, entry: &DirEntry, below: &Path) -> Kind {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => Kind::Folder(entry.path()),
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(kind) if kind.is_symlink() => self.kind_of_link(&entry.path(), below),
            _ => Kind::Other,
        }
    }

    fn kind_of_link(&self, link: &Path, below: &Path) -> Kind {
        let Walk {
            folder,
            follow_links,
            ..
        } = self.walk;
        let found = Place::find(folder, below, follow_links, Path::new(""));
        match found.and_then(|place| place.metadata()) {
            Ok(metadata) if metadata.is_file() => Kind::File,
            Ok(metadata) if metadata.is_dir() => match fs::canonicalize(link) {
                // A link to a folder around it would have no end.
                Ok(path) if !link.starts_with(&path) => Kind::Folder(path),
                _ => Kind::Other,
            },
            Err(error) if leads_out(&error) => Kind::LeadsOut,
            _ => Kind::Other,
        }
    }
}
