//! What a data folder holds. It is read as anyone who uses the images would: from the files and
//! the documents (docs/architecture.md, docs/formats.md), not with framemill's own types.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Where uploads lie.
pub const VIDEOS: &str = "videos";

/// What is written about one object, as far as it is checked.
pub struct Stored<T> {
    /// Its name in the bucket.
    pub object: String,
    /// Hash of its bytes.
    pub sha256: String,
    /// What it says; else what is wrong with it.
    pub body: Result<T, String>,
}

/// The version of a video.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Version {
    /// The object.
    pub name: String,
    /// Which one of that name.
    pub generation: i64,
}

/// A manifest.
#[derive(Clone, Deserialize)]
pub struct Manifest {
    /// The video.
    pub source: Version,
    /// What was asked for.
    pub selection: Selection,
    /// Frames with an image.
    pub frames: Vec<Frame>,
    /// Selected frames that a filter dropped.
    pub dropped: Vec<serde::de::IgnoredAny>,
    /// Damage that was stepped over.
    pub warnings: Vec<serde::de::IgnoredAny>,
    /// The folder of its images.
    pub image_folder: String,
    /// What it took.
    pub stats: Stats,
}

/// What a video took.
#[derive(Clone, Deserialize)]
pub struct Stats {
    /// Frames that were selected.
    pub frames_selected: usize,
}

impl Manifest {
    /// Whether more than half of the selected frames have no image though no filter dropped them.
    pub fn is_incomplete(&self) -> bool {
        let there = self.frames.len() + self.dropped.len();
        self.stats.frames_selected.saturating_sub(there) > self.stats.frames_selected / 2
    }
}

/// Which configuration made it.
#[derive(Clone, Deserialize)]
pub struct Selection {
    /// Its hash.
    pub config_hash: String,
}

/// A frame with an image.
#[derive(Clone, Deserialize)]
pub struct Frame {
    /// Name of the image in its folder.
    pub name: String,
    /// Width of the image.
    pub width: u32,
    /// Height of the image.
    pub height: u32,
    /// Size of the image.
    pub bytes: u64,
    /// Checksum of the image.
    pub sha256: String,
}

/// A failure record.
#[derive(Deserialize)]
pub struct Failure {
    /// The video.
    pub source: Version,
    /// Stable name of the reason.
    pub code: String,
    /// The reason in words.
    pub message: String,
}

/// A data folder at one moment.
pub struct Bucket {
    /// Where it is.
    pub data: PathBuf,
    /// Manifests.
    pub manifests: Vec<Stored<Manifest>>,
    /// Failure records of the extraction.
    pub failures: Vec<Stored<Failure>>,
    /// Names of images, by folder (without a slash at its end).
    pub images: BTreeMap<String, BTreeSet<String>>,
    /// Files of unfinished writes.
    pub unfinished: Vec<String>,
}

impl Bucket {
    /// Reads all but the images themselves.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn read(data: &Path) -> Result<Self> {
        let mut images: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for object in files(data, "images")? {
            let (folder, name) = object.rsplit_once('/').unwrap_or_default();
            let names = images.entry(folder.to_owned()).or_default();
            names.insert(name.to_owned());
        }
        Ok(Self {
            data: data.to_owned(),
            manifests: stored(data, "manifests")?,
            failures: stored(data, "records/failures/extract-frames")?,
            images,
            unfinished: files(data, ".framemill/tmp")?,
        })
    }
}

/// The folder of a manifest's images.
pub fn images_of(manifest: &Manifest) -> String {
    format!("images/{}", manifest.image_folder)
}

/// The videos that are there, in the versions that are there.
///
/// # Errors
/// Where the folder cannot be read.
pub fn videos(data: &Path) -> Result<Vec<Version>> {
    let version = |name: String| {
        let modified = fs::metadata(data.join(&name))?.modified()?;
        let generation = modified.duration_since(UNIX_EPOCH)?.as_micros() as i64;
        Ok(Version { name, generation })
    };
    files(data, VIDEOS)?.into_iter().map(version).collect()
}

/// Lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn stored<T: DeserializeOwned>(data: &Path, folder: &str) -> Result<Vec<Stored<T>>> {
    let read = |object: String| {
        let bytes = match fs::read(data.join(&object)) {
            // A failure record goes when a later try succeeds.
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            other => other.with_context(|| object.clone()),
        };
        Some(bytes.map(|bytes| Stored {
            sha256: sha256(&bytes),
            body: serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            object,
        }))
    };
    let objects = files(data, folder)?.into_iter();
    objects.filter_map(read).collect()
}

/// Names of all files below a folder of the data folder; none where it is not there.
fn files(data: &Path, folder: &str) -> Result<Vec<String>> {
    let path = data.join(folder);
    let mut found = Vec::new();
    if !path.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(&path).with_context(|| path.display().to_string())? {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.extend(files(data, &name)?);
        } else {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
