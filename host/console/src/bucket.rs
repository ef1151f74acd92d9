//! The bucket that pages are about.

use framemill_contract::Layout;
use framemill_objects::Store;
use std::sync::Arc;

/// The bucket that pages are about.
pub struct Bucket {
    /// It.
    pub store: Arc<dyn Store>,
    /// Names in it.
    pub layout: Layout,
    /// Prefix of the videos.
    pub videos: String,
    /// How people call it: `gs://footage`, or a folder.
    pub name: String,
}
