//! The output folder as a bucket: a folder for each video, with its images and `manifest.json`
//! beside them. Other records lie in a private folder, which goes when the last run does.

use super::inputs::Input;
use crate::app::records;
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use framemill_contract::{Claim, Config, Layout, Manifest, Naming, VideoName};
use framemill_objects::{
    FileLayout, LocalStore, NewObject, PRIVATE_FOLDER, Precondition, Store, StoreError,
};
use futures::StreamExt as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An output folder that this run holds, maybe with others.
pub(super) struct Output {
    folder: PathBuf,
    layout: Layout,
    naming: Naming,
    store: Arc<LocalStore>,
    lock: File,
}

impl Output {
    /// Makes the folder where it is not there, and holds it.
    pub(super) fn open(folder: &Path, config: &Config, inputs: &[Input]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("folder cannot be made: {}", folder.display()))?;
        let (layout, naming) = (config.layout.clone(), config.naming);
        let records = folder.join(PRIVATE_FOLDER).join("records");
        let inputs = inputs.iter();
        let lies_as = layout.clone();
        let store = LocalStore::new(FileLayout {
            folders: vec![
                (layout.images.clone(), folder.to_owned()),
                (layout.records.clone(), records),
            ],
            files: inputs
                .map(|input| (input.object(), input.path.clone()))
                .collect(),
            lies_as: Some(Arc::new(move |name| {
                lies_as.manifest_beside_images(name, naming)
            })),
            follow_links: true,
        });
        Ok(Self {
            lock: lock(folder, &store)?,
            folder: folder.to_owned(),
            layout,
            naming,
            store: Arc::new(store),
        })
    }

    /// Everything that the component may see.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    /// Writes the claims again that went with the run before: a manifest says whose images lie
    /// beside it.
    pub(super) async fn restore_claims(
        &self,
        input: &Input,
        generation: i64,
    ) -> Result<(), StoreError> {
        let plain = VideoName::plain(&input.name);
        for name in [plain.of_generation(generation), plain] {
            let manifest = self.layout.manifest(&name);
            let manifest = records::read_json::<Manifest>(self.store.as_ref(), &manifest);
            let Some(Manifest { source, .. }) = manifest.await? else {
                continue;
            };
            let claim = serde_json::to_vec(&Claim::new(&source.name, source.generation))
                .map_err(|error| StoreError::Invalid(error.to_string()))?;
            let bytes = futures::stream::iter([Ok(Bytes::from(claim))]).boxed();
            let (name, new) = (self.layout.claim(&name, self.naming), NewObject::default());
            let create_only = Precondition::Generation(0);
            match self.store.write(&name, create_only, new, bytes).await {
                Ok(_) | Err(StoreError::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where a manifest lies, by its object name.
    pub(super) fn manifest_path(&self, object: &str) -> PathBuf {
        let beside = self.layout.manifest_beside_images(object, self.naming);
        let name = beside.as_deref().unwrap_or(object);
        let below = name.strip_prefix(&self.layout.images).unwrap_or(name);
        self.folder.join(below)
    }

    /// A manifest that the component wrote, by its object name.
    pub(super) fn read_manifest(&self, object: &str) -> anyhow::Result<Manifest> {
        let path = self.manifest_path(object);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("manifest cannot be read: {}", path.display()))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Leaves nothing but images and manifests behind, unless another run is still at work.
    pub(super) fn close(self) {
        drop(self.lock);
        let folder = self.folder.join(PRIVATE_FOLDER);
        if let Ok(lock) = File::create(folder.join("lock"))
            && lock.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Holds the output folder. What a crashed run has left is removed where no other run is at
/// work in it; several may be.
fn lock(output: &Path, store: &LocalStore) -> anyhow::Result<File> {
    let shown = || format!("output folder cannot be written: {}", output.display());
    let folder = output.join(PRIVATE_FOLDER);
    // Cleaning up here would take the service's queue and unfinished files away.
    ensure!(
        !folder.join("queue.redb").exists(),
        "output folder is the data folder of `framemill up`, whose files are not for us: choose another, for example {}",
        output.join("extracted").display()
    );
    std::fs::create_dir_all(&folder).with_context(shown)?;
    let lock = File::create(folder.join("lock")).with_context(shown)?;
    if lock.try_lock().is_ok() {
        store.remove_leftovers().with_context(shown)?;
        lock.unlock().with_context(shown)?;
    }
    lock.lock_shared().with_context(shown)?;
    Ok(lock)
}
