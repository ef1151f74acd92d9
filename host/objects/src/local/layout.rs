//! Which objects lie in which folders and files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Folder of files that are not objects: unfinished writes, the queue.
pub const PRIVATE_FOLDER: &str = ".framemill";

/// The name by which an object lies in the folders, where that is not its own.
pub type LiesAs = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Which objects lie where.
#[derive(Clone, Default)]
pub struct FileLayout {
    /// A prefix, and the folder of all objects whose names start with it; what follows the prefix
    /// is the path in the folder. The first that fits counts.
    pub folders: Vec<(String, PathBuf)>,
    /// Single objects that lie elsewhere, by name. They cannot be written.
    pub files: BTreeMap<String, PathBuf>,
    /// Objects that lie under other names. Listings show them by these.
    pub lies_as: Option<LiesAs>,
    /// Whether links may lead out of the folders. Where not, what lies behind them is no object.
    pub follow_links: bool,
    /// Where they may not: the prefix of the names that links may lead to. Empty for all.
    pub links_within: String,
}

impl FileLayout {
    /// Where links may lead to, below the folder of this prefix.
    pub(super) fn within(&self, prefix: &str) -> PathBuf {
        let below = self.links_within.strip_prefix(prefix);
        PathBuf::from(below.unwrap_or_default())
    }

    /// All objects in one folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            folders: vec![(String::new(), path.into())],
            ..Self::default()
        }
    }
}
