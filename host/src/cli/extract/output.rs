//! The output folder as a bucket: a folder for each video, with its images and `manifest.json`
//! beside them. Other records lie in a private folder, which goes when the last run does.

use super::inputs::Input;
use crate::app::records;
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use framemill_contract::{Claim, Config, Layout, Manifest, Naming, VideoName, Work, is_image_name};
use framemill_objects::{
    FileLayout, Found, LocalStore, NewObject, PRIVATE_FOLDER, Precondition, Store, StoreError, Walk,
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
            links_within: String::new(),
        });
        Ok(Self {
            lock: lock(folder, &store, &layout)?,
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
            let Some(manifest) = manifest.await? else {
                continue;
            };
            let source = &manifest.source;
            let work = Work::new(&manifest.selection.config_hash, &manifest.tool);
            let claim = Claim::new(&source.name, source.generation, &work);
            for folder in [name.folder(self.naming), manifest.image_folder] {
                self.restore_claim(&folder, &claim).await?;
            }
        }
        Ok(())
    }

    async fn restore_claim(&self, folder: &str, claim: &Claim) -> Result<(), StoreError> {
        let bytes =
            serde_json::to_vec(claim).map_err(|error| StoreError::Invalid(error.to_string()))?;
        let bytes = futures::stream::iter([Ok(Bytes::from(bytes))]).boxed();
        let (name, new) = (self.layout.claim(folder), NewObject::default());
        let create_only = Precondition::Generation(0);
        match self.store.write(&name, create_only, new, bytes).await {
            Ok(_) | Err(StoreError::PreconditionFailed { .. }) => Ok(()),
            Err(error) => Err(error),
        }
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
fn lock(output: &Path, store: &LocalStore, layout: &Layout) -> anyhow::Result<File> {
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
        remove_uncommitted(output, layout).with_context(shown)?;
        lock.unlock().with_context(shown)?;
    }
    lock.lock_shared().with_context(shown)?;
    Ok(lock)
}

/// Removes images that a crashed run did not come to commit, and its records: with other settings
/// they would be in the way of ours.
fn remove_uncommitted(output: &Path, layout: &Layout) -> std::io::Result<()> {
    let records = output.join(PRIVATE_FOLDER).join("records");
    let mut folders = Vec::new();
    let walk = Walk {
        folder: &records,
        prefix: &layout.records,
        follow_links: false,
    };
    walk.visit(&layout.records, &mut |there| {
        let Found::File { name, below } = there else {
            return;
        };
        let claimed = layout.claim_names().key(&name).map(str::to_owned);
        let claim = std::fs::read(records.join(below)).ok();
        let claim = claim.and_then(|claim| serde_json::from_slice::<Claim>(&claim).ok());
        folders.extend(claimed.zip(claim));
    });
    for (folder, claim) in folders {
        if !is_committed(output, &folder, &claim) {
            remove_images(&output.join(&folder))?;
        }
    }
    match std::fs::remove_dir_all(&records) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a manifest names this folder: the one in it, or in that whose name it has with its
/// version behind it. What cannot be read may name it.
fn is_committed(output: &Path, folder: &str, claim: &Claim) -> bool {
    let plain = folder.rsplit_once('@').map(|(plain, _)| plain);
    let of_generation = plain.map(|plain| format!("{plain}@{}", claim.generation));
    let places = [Some(folder), plain, of_generation.as_deref()];
    places.into_iter().flatten().any(|place| {
        match std::fs::read(output.join(place).join("manifest.json")) {
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
            Ok(manifest) => serde_json::from_slice::<Committed>(&manifest)
                .map_or(true, |manifest| manifest.image_folder == folder),
        }
    })
}

/// What a manifest says of its folder.
#[derive(serde::Deserialize)]
struct Committed {
    image_folder: String,
}

fn remove_images(folder: &Path) -> std::io::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_image_name) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crashed_run_did_not_commit_goes_and_all_else_stays() {
        let output = tempfile::tempdir().unwrap();
        let config = Config::from_lookup(|_| None).unwrap();
        let write = |name: &str, text: &str| {
            let path = output.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let claim = |folder: &str, video: &str| {
            let claim = Claim::new(&format!("videos/{video}"), 5, &config.work());
            let name = config.layout.claim(folder);
            let claim = serde_json::to_string(&claim).unwrap();
            write(&format!("{PRIVATE_FOLDER}/{name}"), &claim);
        };
        claim("crashed.mp4", "crashed.mp4");
        write("crashed.mp4/000000.jpg", "image");
        write("crashed.mp4/notes.txt", "a person's");
        write("unclaimed.mp4/000000.jpg", "image");
        for (folder, video, beside) in [
            ("done.mp4", "done.mp4", "done.mp4"),
            ("w.mp4@5-0123456789ab", "w.mp4", "w.mp4"),
            ("g.mp4@5-0123456789ab", "g.mp4", "g.mp4@5"),
        ] {
            claim(folder, video);
            write(&format!("{folder}/000000.jpg"), "image");
            let manifest = format!(r#"{{"image_folder":"{folder}"}}"#);
            write(&format!("{beside}/manifest.json"), &manifest);
        }
        for (folder, manifest) in [("old.mp4", r#"{"schema":"1"}"#), ("odd.mp4", "no JSON")] {
            claim(folder, folder);
            write(&format!("{folder}/000000.jpg"), "image");
            write(&format!("{folder}/manifest.json"), manifest);
        }
        // Slower than another configuration that committed.
        claim("w.mp4", "w.mp4");
        write("w.mp4/000000.jpg", "image");
        let records = output.path().join(PRIVATE_FOLDER).join("records");
        remove_uncommitted(output.path(), &config.layout).unwrap();
        assert!(!records.exists());
        let there = |name: &str| output.path().join(name).exists();
        assert!(!there("crashed.mp4/000000.jpg"));
        assert!(!there("w.mp4/000000.jpg"));
        for stays in [
            "crashed.mp4/notes.txt",
            "unclaimed.mp4/000000.jpg",
            "done.mp4/000000.jpg",
            "old.mp4/000000.jpg",
            "odd.mp4/000000.jpg",
            "w.mp4@5-0123456789ab/000000.jpg",
            "g.mp4@5-0123456789ab/000000.jpg",
        ] {
            assert!(there(stays), "{stays}");
        }
    }
}
