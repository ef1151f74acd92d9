//! The names of all objects in a bucket. They are given and read back here and nowhere else.
//!
//! ```text
//! videos/<video>                                     uploads (video_path)
//! images/<folder>/NNNNNN.jpg                         images and nothing else (image_path)
//! manifests/<video>.json                             the commit of a video (manifest_path)
//! records/claims/<folder>.json                       who owns a folder of images (record_path)
//! records/failures/<function>/<video>.json           what could not be done
//! records/checkpoints/<video>/<work>/NNNNNN.json     where the next request of a long video goes on
//! records/labels/<target>/<video>/intent.json        who asks for labels; receipt.json: asked
//! records/webhooks/<target>/<hash>.json              what a labeling system sent, as it came; sync.json
//! records/annotations/<target>/<video>/<index>/      what it answered: a file a revision, current.json
//! records/collected/<target>/<hash>.json             that a webhook's tasks were read
//! ```
//!
//! `<video>` is a [`VideoName`]: the path below `video_path`, and `@<generation>` behind it where
//! another upload has the plain name. `<folder>` is the same, without the file name's ending under
//! `naming = "sample"`, or `@<generation>-<work>` where another [`Work`](crate::Work) has that folder;
//! the manifest names it.

mod answers;
mod checkpoint_folder;
mod video_name;

pub use answers::{AnnotatedFrame, CURRENT_FILE};
pub use checkpoint_folder::CheckpointFolder;
pub use video_name::VideoName;

use crate::{ImageFormat, Naming, Work};
use framemill_function_spec::{ConfigError, Values};
use std::borrow::Cow;
use std::fmt;

/// What extract-frames is called in the names of failure records.
const EXTRACT_FRAMES: &str = "extract-frames";
/// What request-labeling is called there.
const REQUEST_LABELING: &str = "request-labeling";
/// What collect-annotations is called there.
const COLLECT_ANNOTATIONS: &str = "collect-annotations";
/// Key of the webhook that asks for all that changed since the last time.
pub const SYNC_WEBHOOK: &str = "sync";
/// Key of the webhook that asks for what was deleted too. It has a name of its own, since a sync that
/// is asked for meanwhile replaces the one that waits.
pub const FULL_SYNC_WEBHOOK: &str = "full-sync";
/// Digits of an image's checksum in its name.
const CONTENT_DIGITS: usize = 12;
/// How records and manifests end.
const JSON: &str = ".json";

/// Where components write: prefixes, each ending in `/` and none inside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of images.
    pub images: String,
    /// Of manifests.
    pub manifests: String,
    /// Of all other records.
    pub records: String,
}

/// Names that start and end alike; the key between tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    /// How they start.
    pub prefix: String,
    /// How they end.
    pub suffix: Cow<'static, str>,
}

impl NamePattern {
    /// The name with this key.
    pub fn name(&self, key: &impl fmt::Display) -> String {
        format!("{}{key}{}", self.prefix, self.suffix)
    }

    /// The key of a name; `None` for names of another kind.
    pub fn key<'n>(&self, name: &'n str) -> Option<&'n str> {
        let key = name
            .strip_prefix(&self.prefix)?
            .strip_suffix(&*self.suffix)?;
        (!key.is_empty()).then_some(key)
    }
}

impl Layout {
    /// From `image_path`, `manifest_path` and `record_path`.
    ///
    /// # Errors
    /// Where one is empty, or lies inside another: then the events of one would be those of the
    /// other.
    pub(crate) fn from_keys<F: Fn(&str) -> Option<String>>(
        keys: &Values<'_, F>,
    ) -> Result<Self, ConfigError> {
        let layout = Self {
            images: keys.prefix("image_path"),
            manifests: keys.prefix("manifest_path"),
            records: keys.prefix("record_path"),
        };
        let all = layout.by_key();
        if let Some((key, _)) = all.into_iter().find(|(_, prefix)| prefix.is_empty()) {
            let reason = "is empty: choose a prefix of its own".to_owned();
            return Err(ConfigError::new(key, reason));
        }
        for ((key, prefix), (other, above)) in all.into_iter().flat_map(|it| all.map(|of| (it, of)))
        {
            if key != other && prefix.starts_with(above) {
                let reason =
                    format!("`{prefix}` lies in {other} `{above}`: choose a prefix beside it");
                return Err(ConfigError::new(key, reason));
            }
        }
        Ok(layout)
    }

    fn by_key(&self) -> [(&'static str, &str); 3] {
        [
            ("image_path", &self.images),
            ("manifest_path", &self.manifests),
            ("record_path", &self.records),
        ]
    }

    /// Whether videos lie beside what is written.
    pub(crate) fn check_videos(&self, video_path: &str) -> Result<(), ConfigError> {
        let inside = |(_, prefix): &(_, &str)| video_path.starts_with(prefix);
        match self.by_key().into_iter().find(inside) {
            Some((key, prefix)) => Err(ConfigError::new(
                key,
                format!(
                    "`{prefix}` contains video_path `{video_path}`: what is written would be taken for uploads, choose a prefix beside it"
                ),
            )),
            None => Ok(()),
        }
    }

    /// Whether what something else than a component writes below `prefix` lies beside uploads and all
    /// that components write; `key` is the prefix's key.
    ///
    /// # Errors
    /// Where it is empty, or one lies inside the other.
    pub fn check_beside(
        &self,
        key: &'static str,
        prefix: &str,
        video_path: &str,
    ) -> Result<(), ConfigError> {
        if prefix.is_empty() {
            let reason = "is empty: choose a prefix of its own".to_owned();
            return Err(ConfigError::new(key, reason));
        }
        // Videos may be those of the whole bucket: then their endings tell them from the rest.
        let videos = [("video_path", video_path)].into_iter();
        let mut all = videos
            .filter(|(_, path)| !path.is_empty())
            .chain(self.by_key());
        let inside =
            |(_, other): &(_, &str)| prefix.starts_with(other) || other.starts_with(prefix);
        match all.find(inside) {
            Some((other, there)) => Err(ConfigError::new(
                key,
                format!(
                    "`{prefix}` and {other} `{there}` lie in each other: choose a prefix beside it"
                ),
            )),
            None => Ok(()),
        }
    }

    /// Prefix of the images in a folder.
    pub fn images_in(&self, folder: &str) -> String {
        format!("{}{folder}/", self.images)
    }

    /// Prefixes that the images of this work on a video and generation may have.
    pub fn prefixes_of_images(
        &self,
        video: &VideoName,
        generation: i64,
        naming: Naming,
        work: &Work,
    ) -> [String; 3] {
        [
            video.folder(naming),
            video.of_generation(generation).folder(naming),
            video.folder_of_work(naming, generation, work),
        ]
        .map(|folder| self.images_in(&folder))
    }

    /// Manifests, by video.
    pub fn manifest_names(&self) -> NamePattern {
        NamePattern {
            prefix: self.manifests.clone(),
            suffix: Cow::Borrowed(JSON),
        }
    }

    /// The manifest of a video: its commit.
    pub fn manifest(&self, video: &VideoName) -> String {
        self.manifest_names().name(video)
    }

    /// The video whose manifest has this name; `None` where it is no manifest's name.
    pub fn video_of_manifest(&self, name: &str) -> Option<VideoName> {
        let names = self.manifest_names();
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let key = names.key(name)?;
        key.split('/').all(is_plain).then(|| VideoName::parse(key))
    }

    /// Where a person looks for a manifest: as `manifest.json` in the video's folder of images,
    /// whose name is given. `None` where it is no manifest's name.
    pub fn manifest_beside_images(&self, name: &str, naming: Naming) -> Option<String> {
        let video = self.video_of_manifest(name)?;
        let images = self.images_in(&video.folder(naming));
        Some(format!("{images}manifest.json"))
    }

    fn record_names(&self, kind: &str) -> NamePattern {
        NamePattern {
            prefix: format!("{}{kind}/", self.records),
            suffix: Cow::Borrowed(JSON),
        }
    }

    /// Claims, by folder of images: with `naming = "sample"` several videos want the same.
    pub fn claim_names(&self) -> NamePattern {
        self.record_names("claims")
    }

    /// Says which work on which video and generation owns a folder of images: written first.
    pub fn claim(&self, folder: &str) -> String {
        self.claim_names().name(&folder)
    }

    /// Failure records of all functions.
    pub fn all_failure_names(&self) -> NamePattern {
        self.record_names("failures")
    }

    /// Failure records of the function with this name, by video.
    pub fn failure_names(&self, function: &str) -> NamePattern {
        self.record_names(&format!("failures/{function}"))
    }

    /// Failure records of the extraction, by video.
    pub fn extract_failure_names(&self) -> NamePattern {
        self.failure_names(EXTRACT_FRAMES)
    }

    /// Failure records of labeling by the target with this id, by video.
    pub fn label_failure_names(&self, target: &str) -> NamePattern {
        self.failure_names(&format!("{REQUEST_LABELING}/{target}"))
    }

    /// Prefix of what is written about labeling by the target with this id, failures apart.
    pub fn labels(&self, target: &str) -> String {
        format!("{}labels/{target}/", self.records)
    }

    /// Says that someone is asking for labels, by video: the intent, and the lock in one.
    pub fn intent_names(&self, target: &str) -> NamePattern {
        NamePattern {
            prefix: self.labels(target),
            suffix: Cow::Borrowed("/intent.json"),
        }
    }

    /// Says that labels were asked for, by video: the commit.
    pub fn receipt_names(&self, target: &str) -> NamePattern {
        NamePattern {
            prefix: self.labels(target),
            suffix: Cow::Borrowed("/receipt.json"),
        }
    }

    /// What the target with this id sent, by its hash: hints that something changed there.
    pub fn webhook_names(&self, target: &str) -> NamePattern {
        self.record_names(&format!("webhooks/{target}"))
    }

    /// Says that the tasks of a webhook were read.
    pub fn collected_names(&self, target: &str) -> NamePattern {
        self.record_names(&format!("collected/{target}"))
    }

    /// Failure records of webhooks.
    pub fn collect_failure_names(&self, target: &str) -> NamePattern {
        self.failure_names(&format!("{COLLECT_ANNOTATIONS}/{target}"))
    }

    /// Prefix of all that the target with this id answered.
    pub fn annotations(&self, target: &str) -> String {
        format!("{}{target}/", self.all_annotations())
    }

    /// Prefix of what it answered about a frame.
    pub fn annotations_of(&self, target: &str, video: &VideoName, index: u64) -> String {
        format!("{}{video}/{index:06}/", self.annotations(target))
    }

    /// Until when all that changed at the target was read.
    pub fn synced(&self, target: &str) -> String {
        format!("{}synced.json", self.annotations(target))
    }

    /// Checkpoints of all videos.
    pub fn checkpoint_names(&self) -> NamePattern {
        self.record_names("checkpoints")
    }
}

/// The image of frame `index`, as its name in the video's folder of images.
pub fn image_name(index: u64, naming: Naming, format: ImageFormat) -> String {
    let extension = format.extension();
    match naming {
        Naming::Index => format!("{index:06}.{extension}"),
        Naming::Sample => format!("{index}.{extension}"),
    }
}

/// The name of an image with this checksum (hex) where [`image_name`]'s is taken by another content.
pub fn image_name_of_content(name: &str, sha256: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let digits: String = sha256.chars().take(CONTENT_DIGITS).collect();
    format!("{stem}-{digits}.{extension}")
}

/// Whether [`image_name`] or [`image_name_of_content`] may have given this name: the folder
/// `x.mp4/` may hold that of a video `x.mp4/y.mp4` too, and people keep notes beside images.
pub fn is_image_name(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return false;
    };
    let (number, content) = match stem.split_once('-') {
        Some((number, content)) => (number, Some(content)),
        None => (stem, None),
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && content.is_none_or(|it| it.len() == CONTENT_DIGITS && it.bytes().all(is_hex))
        && ImageFormat::from_extension(extension).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|key| {
            let found = pairs.iter().find(|(k, _)| *k == key)?;
            Some(found.1.to_owned())
        })
    }

    fn layout() -> Layout {
        config(&[]).unwrap().layout
    }

    #[test]
    fn names_follow_the_design() {
        let (layout, video) = (layout(), VideoName::plain("cam1/x.mp4"));
        let later = video.of_generation(5);
        let (index, sample) = (Naming::Index, Naming::Sample);
        let work = config(&[]).unwrap().work();
        for (name, expected) in [
            (layout.images_in(&video.folder(index)), "images/cam1/x.mp4/"),
            (layout.images_in(&video.folder(sample)), "images/cam1/x/"),
            (
                layout.images_in(&later.folder(index)),
                "images/cam1/x.mp4@5/",
            ),
            (layout.images_in(&later.folder(sample)), "images/cam1/x@5/"),
            (
                later.folder_of_work(sample, 5, &work),
                &format!("cam1/x@5-{work}"),
            ),
            (layout.manifest(&video), "manifests/cam1/x.mp4.json"),
            (layout.manifest(&later), "manifests/cam1/x.mp4@5.json"),
            (
                layout.claim(&video.folder(index)),
                "records/claims/cam1/x.mp4.json",
            ),
            (
                layout.claim(&later.folder(sample)),
                "records/claims/cam1/x@5.json",
            ),
            (
                layout.extract_failure_names().name(&video),
                "records/failures/extract-frames/cam1/x.mp4.json",
            ),
            (
                layout.label_failure_names("cvat-1").name(&later),
                "records/failures/request-labeling/cvat-1/cam1/x.mp4@5.json",
            ),
            (
                layout.intent_names("cvat-1").name(&video),
                "records/labels/cvat-1/cam1/x.mp4/intent.json",
            ),
            (
                layout.receipt_names("cvat-1").name(&later),
                "records/labels/cvat-1/cam1/x.mp4@5/receipt.json",
            ),
        ] {
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn images_are_named_by_their_frame() {
        for (naming, format, expected) in [
            (Naming::Index, ImageFormat::Jpeg, "000030.jpg"),
            (Naming::Sample, ImageFormat::Png, "30.png"),
        ] {
            let name = image_name(30, naming, format);
            assert_eq!(name, expected);
            assert!(is_image_name(&name));
            let of_content = image_name_of_content(&name, "0123456789abcdef");
            assert!(of_content.contains("30-0123456789ab."), "{of_content}");
            assert!(is_image_name(&of_content));
        }
        for other in [
            "notes.txt",
            "30.txt",
            ".jpg",
            "3a.jpg",
            "30-left.jpg",
            "30-0123456789AB.jpg",
            "-0123456789ab.jpg",
            "y.mp4/000030.jpg",
        ] {
            assert!(!is_image_name(other), "{other}");
        }
    }

    #[test]
    fn a_manifests_name_leads_to_its_images() {
        let layout = layout();
        for (name, index, sample) in [
            ("x.mp4", "images/x.mp4/", "images/x/"),
            ("x.mp4@5", "images/x.mp4@5/", "images/x@5/"),
            ("x@5.mp4", "images/x@5.mp4/", "images/x@5/"),
            ("x@5/y.mp4@-7", "images/x@5/y.mp4@-7/", "images/x@5/y@-7/"),
            ("x.mp4@05", "images/x.mp4@05/", "images/x/"),
        ] {
            let manifest = format!("manifests/{name}.json");
            let video = layout.video_of_manifest(&manifest).unwrap();
            assert_eq!(layout.manifest(&video), manifest);
            assert_eq!(layout.images_in(&video.folder(Naming::Index)), index);
            assert_eq!(layout.images_in(&video.folder(Naming::Sample)), sample);
        }
        for other in [
            "manifests/.json",
            "manifests/x.mp4",
            "manifests//x.mp4.json",
            "manifests/../images/x.mp4.json",
            "images/x.mp4.json",
            "records/claims/x.mp4.json",
        ] {
            assert_eq!(layout.video_of_manifest(other), None, "{other}");
        }
        let beside = layout.manifest_beside_images("manifests/a/x.mp4@5.json", Naming::Sample);
        assert_eq!(beside.as_deref(), Some("images/a/x@5/manifest.json"));
    }

    #[test]
    fn prefixes_lie_beside_each_other() {
        for (pairs, key) in [
            (&[("image_path", "/")][..], "image_path"),
            (&[("manifest_path", "/")], "manifest_path"),
            (&[("record_path", "")], ""),
            (&[("manifest_path", "images/manifests")], "manifest_path"),
            (&[("record_path", "manifests")], "manifest_path"),
            (&[("image_path", "records/images")], "image_path"),
            (
                &[("video_path", "images/in"), ("image_path", "images")],
                "image_path",
            ),
            (&[("video_path", "records/claims")], "record_path"),
            (&[("video_path", "manifests")], "manifest_path"),
            (
                &[("video_path", "/"), ("image_path", "/images-of-all/")],
                "",
            ),
        ] {
            let found = config(pairs).map_or_else(|error| error.key, |_| "".into());
            assert_eq!(found, key, "{pairs:?}");
        }
    }
}
