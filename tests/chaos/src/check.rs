//! What must be true of a data folder, whatever happened before.

use crate::bucket::{Bucket, Frame, Manifest, Stored, Version, images_of, sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which object it is about.
    pub about: String,
    /// What is wrong.
    pub what: String,
}

/// How a version of a video ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Images and a manifest, with or without warnings.
    Images {
        /// Whether damage was stepped over.
        warnings: bool,
    },
    /// A failure record with this code.
    Failed(String),
}

impl Outcome {
    /// As a column of the summary.
    pub fn name(&self) -> &str {
        match self {
            Self::Images { warnings: false } => "images",
            Self::Images { warnings: true } => "images, with warnings",
            Self::Failed(code) => code,
        }
    }
}

/// Codes of failures that a video's own bytes can be to blame for. All others are defects here:
/// codes that only come back, messages that were given up, labels, and what the selection asks.
const OF_THE_FILE: &[&str] = &[
    "empty_file",
    "unknown_container",
    "unsupported_container",
    "damaged_container",
    "truncated_container",
    "no_video_track",
    "no_frames",
    "encrypted",
    "unsupported_codec",
    "over_limit",
    "bad_file",
    "unsupported_stream",
    "damaged_stream",
    "nothing_decoded",
    INCOMPLETE,
    "nothing_selected",
    "too_many_images",
    "encode",
    "object_too_large",
];
/// The code of the failure record that goes with a manifest of which most frames are lost.
const INCOMPLETE: &str = "most_frames_lost";

fn violation(about: &str, what: impl Into<String>) -> Violation {
    Violation {
        about: about.to_owned(),
        what: what.into(),
    }
}

/// What is wrong with the records themselves, and with the images that manifests name.
pub fn records(bucket: &Bucket) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in &bucket.manifests {
        match &manifest.body {
            Ok(body) => found.extend(images(&bucket.data, &manifest.object, body)),
            Err(why) => found.push(violation(
                &manifest.object,
                format!("is no manifest: {why}"),
            )),
        }
    }
    for failure in &bucket.failures {
        match &failure.body {
            Ok(body) if OF_THE_FILE.contains(&&*body.code) => {}
            Ok(body) => {
                let what = format!("code {} is no fault of a file: {}", body.code, body.message);
                found.push(violation(&body.source.name, what));
            }
            Err(why) => found.push(violation(&failure.object, format!("is no record: {why}"))),
        }
    }
    found.extend(doubles(bucket));
    found
}

/// What is wrong with the images of a manifest.
pub fn images(data: &Path, object: &str, manifest: &Manifest) -> Vec<Violation> {
    let mut found = Vec::new();
    if manifest.frames.is_empty() && manifest.dropped.is_empty() {
        found.push(violation(object, "is a success without a frame"));
    }
    let names: BTreeSet<&str> = manifest.frames.iter().map(|it| it.name.as_str()).collect();
    if names.len() < manifest.frames.len() {
        found.push(violation(object, "names an image twice"));
    }
    let folder = images_of(manifest);
    for frame in &manifest.frames {
        let name = format!("{folder}/{}", frame.name);
        if let Err(what) = image(&data.join(&name), frame) {
            found.push(violation(object, format!("{name} {what}")));
        }
    }
    found
}

fn image(path: &Path, frame: &Frame) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 != frame.bytes {
        let named = frame.bytes;
        return Err(format!("has {} bytes, not {named}", bytes.len()));
    }
    let hash = sha256(&bytes);
    if hash != frame.sha256 {
        return Err(format!("has hash {hash}, not {}", frame.sha256));
    }
    let decoded =
        image::load_from_memory(&bytes).map_err(|error| format!("is no image: {error}"))?;
    let (width, height) = (decoded.width(), decoded.height());
    if (width, height) != (frame.width, frame.height) {
        let (named, by) = (frame.width, frame.height);
        return Err(format!("is {width}x{height}, not {named}x{by}"));
    }
    Ok(())
}

/// Versions with two manifests of one configuration; those with a failure record beside a manifest
/// that is whole, or none beside one that is not.
fn doubles(bucket: &Bucket) -> Vec<Violation> {
    let mut commits: BTreeMap<(&Version, &str), &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (object, body) in read(&bucket.manifests) {
        let key = (&body.source, body.selection.config_hash.as_str());
        if let Some(other) = commits.insert(key, object) {
            found.push(violation(object, format!("is the commit of {other} again")));
        }
    }
    let failures: BTreeMap<&Version, &str> = read(&bucket.failures)
        .map(|(_, body)| (&body.source, body.code.as_str()))
        .collect();
    for (object, body) in read(&bucket.manifests) {
        let failure = failures.get(&body.source).copied();
        let expected = body.is_incomplete().then_some(INCOMPLETE);
        if failure != expected {
            let (failure, expected) = (failure.unwrap_or("none"), expected.unwrap_or("none"));
            found.push(violation(
                object,
                format!("has failure record {failure} beside it, not {expected}"),
            ));
        }
    }
    found
}

/// Those that can be read, with their names.
fn read<T>(stored: &[Stored<T>]) -> impl Iterator<Item = (&str, &T)> {
    let readable = |it: &'_ Stored<T>| it.body.is_ok();
    let both = stored.iter().filter(move |it| readable(it));
    both.filter_map(|it| Some((it.object.as_str(), it.body.as_ref().ok()?)))
}

/// Images that lie in a manifest's folder and are not in the manifest.
pub fn strays(bucket: &Bucket) -> Vec<Violation> {
    let mut found = Vec::new();
    for (object, body) in read(&bucket.manifests) {
        let named: BTreeSet<&str> = body.frames.iter().map(|it| it.name.as_str()).collect();
        let there = bucket.images.get(&images_of(body));
        let strays = there.into_iter().flatten();
        let strays = strays.filter(|name| !named.contains(name.as_str()));
        found.extend(strays.map(|name| violation(object, format!("does not name {name}"))));
    }
    found
}

/// Folders of images that no manifest has. Those of videos that failed apart: before a commit nobody
/// knows whether another delivery will have one, so nobody removes them.
pub fn unclaimed(bucket: &Bucket) -> Vec<String> {
    let committed = read(&bucket.manifests).map(|(_, body)| images_of(body));
    let failed = read(&bucket.failures).map(|(object, _)| {
        let video = object.strip_prefix("records/failures/extract-frames/");
        let video = video.and_then(|video| video.strip_suffix(".json"));
        format!("images/{}", video.unwrap_or(object))
    });
    let folders: BTreeSet<String> = committed.chain(failed).collect();
    let all = bucket.images.keys();
    all.filter(|folder| !folders.contains(*folder))
        .cloned()
        .collect()
}

/// Files of unfinished writes, where nothing is being written.
pub fn unfinished(bucket: &Bucket) -> Option<Violation> {
    let first = bucket.unfinished.first()?;
    let count = bucket.unfinished.len();
    Some(violation(
        first,
        format!("was left behind by a write, {count} in all"),
    ))
}

/// How a version of a video ended.
///
/// # Errors
/// Where it did not.
pub fn outcome(bucket: &Bucket, version: &Version) -> Result<Outcome, Violation> {
    let manifest = read(&bucket.manifests).find(|(_, body)| body.source == *version);
    if let Some((_, body)) = manifest {
        let warnings = !body.warnings.is_empty();
        return Ok(Outcome::Images { warnings });
    }
    let failure = read(&bucket.failures).find(|(_, body)| body.source == *version);
    match failure {
        Some((_, body)) => Ok(Outcome::Failed(body.code.clone())),
        None => {
            let what = format!(
                "generation {} has neither manifest nor failure record",
                version.generation
            );
            Err(violation(&version.name, what))
        }
    }
}

/// Manifests that were seen, and must never be other than they were.
#[derive(Default)]
pub struct Memory {
    seen: BTreeMap<String, (String, Manifest)>,
}

impl Memory {
    /// What was changed since the last time; takes up what is new.
    pub fn compare(&mut self, bucket: &Bucket) -> Vec<Violation> {
        let now: BTreeMap<&str, &Stored<Manifest>> = bucket
            .manifests
            .iter()
            .map(|manifest| (manifest.object.as_str(), manifest))
            .collect();
        let mut found = Vec::new();
        for (object, (hash, manifest)) in &self.seen {
            match now.get(object.as_str()) {
                None => found.push(violation(object, "was committed, and is gone")),
                Some(there) if there.sha256 != *hash => {
                    found.push(violation(object, "was committed, and is another now"));
                    // What it named then must be there all the same.
                    found.extend(images(&bucket.data, object, manifest));
                }
                // That its images are there is what `records` looks at.
                Some(_) => {}
            }
        }
        for manifest in &bucket.manifests {
            if let Ok(body) = &manifest.body {
                let seen = (manifest.sha256.clone(), body.clone());
                self.seen.entry(manifest.object.clone()).or_insert(seen);
            }
        }
        found
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }
}
