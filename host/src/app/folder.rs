//! A folder that is the bucket.

use super::builder::AppBuilder;
use crate::config::{Settings, SourceAddress, StoreAddress};
use anyhow::Context as _;
use framemill_objects::{FileLayout, LocalStore};
use framemill_sources::Queue;
use std::sync::Arc;

/// Makes a folder ready to be the bucket, and gives its queue where the folder is watched.
pub(super) fn prepare_folder(app: &mut AppBuilder) -> anyhow::Result<Option<Arc<Queue>>> {
    let watched = app.settings.source == SourceAddress::Folder;
    // The queue's lock says that no other process writes here.
    let queue = watched.then(|| {
        make_folders(&app.settings)?;
        app.queue()
    });
    let queue = queue.transpose()?;
    if queue.is_some() {
        let layout = FileLayout {
            follow_links: app.settings.follow_links,
            ..FileLayout::folder(app.settings.data_folder())
        };
        LocalStore::new(layout)
            .remove_leftovers()
            .context("unfinished files cannot be removed")?;
    } else if let StoreAddress::Folder(_) = &app.settings.store {
        make_folders(&app.settings)?;
    }
    Ok(queue)
}

fn make_folders(settings: &Settings) -> anyhow::Result<()> {
    for path in [
        "",
        &settings.config.video_path,
        &settings.config.layout.images,
    ] {
        let folder = settings.data_folder().join(path);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("folder cannot be made: {}", folder.display()))?;
    }
    Ok(())
}
