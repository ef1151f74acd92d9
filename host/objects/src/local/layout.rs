//! Which objects lie in which folders and files.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Folder of files that are not objects: unfinished writes, the queue.
pub const PRIVATE_FOLDER: &str = ".framemill";

/// Which objects lie where.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// A prefix, and the folder of all objects whose names start with it; what follows the prefix
    /// is the path in the folder. The first that fits counts.
    pub folders: Vec<(String, PathBuf)>,
    /// Single objects that lie elsewhere, by name. They cannot be written.
    pub files: BTreeMap<String, PathBuf>,
}

impl Layout {
    /// All objects in one folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            folders: vec![(String::new(), path.into())],
            files: BTreeMap::new(),
        }
    }
}
