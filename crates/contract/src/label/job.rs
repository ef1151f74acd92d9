//! From an event to the labels it asks for.

use super::LabelConfig;
use crate::{
    Event, EventKind, Ignored, JobError, KeptFrame, Layout, MANIFEST_SCHEMA, ObjectRef, Source,
    VideoName, parse_record,
};
use serde::Deserialize;
use std::collections::HashSet;

/// A manifest whose frames want labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelJob {
    /// The manifest.
    pub manifest: ObjectRef,
    /// The video that it is about.
    pub video: VideoName,
    /// Id of the target.
    pub target: String,
    layout: Layout,
}

impl LabelJob {
    /// What `event` asks for.
    ///
    /// # Errors
    /// [`Ignored`] where it asks for nothing.
    pub fn from_event(event: &Event, config: &LabelConfig) -> Result<Self, Ignored> {
        let target = config.target_id().ok_or(Ignored::LabelingOff)?;
        if let EventKind::Other(kind) = &event.kind {
            return Err(Ignored::EventType(kind.clone()));
        }
        let manifest = &event.object;
        let other_bucket = |bucket: &String| *bucket != manifest.bucket;
        if config.bucket.as_ref().is_some_and(other_bucket) {
            return Err(Ignored::Bucket(manifest.bucket.clone()));
        }
        let layout = config.layout.clone();
        let video = layout.video_of_manifest(&manifest.name);
        Ok(Self {
            manifest: manifest.clone(),
            video: video.ok_or_else(|| Ignored::NotAManifest(layout.manifests.clone()))?,
            target,
            layout,
        })
    }

    /// Prefix of the images of its manifest.
    pub fn images(&self, manifest: &LabelManifest) -> String {
        self.layout.images_in(&manifest.image_folder)
    }

    /// Says that someone is at it: the intent, and the lock in one.
    pub fn intent(&self) -> String {
        self.layout.intent_names(&self.target).name(&self.video)
    }

    /// Says that it is done: the commit.
    pub fn receipt(&self) -> String {
        self.layout.receipt_names(&self.target).name(&self.video)
    }

    /// Says that it cannot be done.
    pub fn failure(&self) -> String {
        self.layout
            .label_failure_names(&self.target)
            .name(&self.video)
    }
}

/// What a request for labels needs of a manifest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LabelManifest {
    /// The video.
    pub source: Source,
    /// Folder of the images, below `image_path`.
    pub image_folder: String,
    /// Frames with images, in presentation order.
    pub frames: Vec<KeptFrame>,
}

impl LabelManifest {
    /// From the object's bytes. What comes out is safe to make object names of.
    ///
    /// # Errors
    /// [`JobError::Manifest`] saying what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, JobError> {
        let wrong = |reason: String| JobError::Manifest { reason };
        let manifest = parse_record::<Self>(bytes, MANIFEST_SCHEMA);
        let manifest = manifest.map_err(|error| wrong(error.to_string()))?;
        let folder = &manifest.image_folder;
        if folder
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."))
        {
            let shown: String = folder.escape_debug().take(50).collect();
            return Err(wrong(format!("`{shown}` is not a folder of images")));
        }
        let mut seen = HashSet::with_capacity(manifest.frames.len());
        for frame in &manifest.frames {
            check(frame).map_err(|reason| wrong(format!("frame {}: {reason}", frame.index)))?;
            if !seen.insert(frame.index) {
                return Err(wrong(format!("frame {} stands there twice", frame.index)));
            }
        }
        Ok(manifest)
    }

    /// Names the video, in this version, to a target.
    pub fn video_key(&self) -> String {
        let source = &self.source;
        format!(
            "gs://{}/{}#{}",
            source.bucket, source.name, source.generation
        )
    }
}

/// An image's name is a plain name in the folder, and predictions lie in the image.
fn check(frame: &KeptFrame) -> Result<(), String> {
    let name = &frame.name;
    let plain = !name.is_empty()
        && name.len() <= 255
        && !matches!(name.as_str(), "." | "..")
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    if !plain {
        let shown: String = name.escape_debug().take(50).collect();
        return Err(format!("`{shown}` is not the name of an image"));
    }
    let fraction = |value: f64| (0.0..=1.0).contains(&value);
    for found in &frame.predictions {
        let sides = [found.x, found.y, found.width, found.height];
        if !sides.into_iter().all(fraction) || !found.score.is_none_or(fraction) {
            return Err("a prediction is not in fractions of 0 to 1".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(name: &str, pairs: &[(&str, &str)]) -> Result<LabelJob, Ignored> {
        let config = LabelConfig::from_lookup(|key| {
            let pair = pairs.iter().find(|(name, _)| *name == key);
            let given = pair.map(|(_, value)| (*value).to_owned());
            given.or_else(|| match key {
                "target" => Some("webhook".to_owned()),
                "target_url" => Some("https://h".to_owned()),
                _ => None,
            })
        })
        .unwrap();
        let object = ObjectRef {
            bucket: "b".to_owned(),
            name: name.to_owned(),
            generation: Some(5),
        };
        let kind = EventKind::Finalized;
        LabelJob::from_event(&Event { kind, object }, &config)
    }

    #[test]
    fn only_manifests_make_work() {
        let job_of = job("manifests/cam1/x.mp4@5.json", &[]).unwrap();
        let video = format!("{}/cam1/x.mp4@5", job_of.target);
        let labels = format!("records/labels/{video}");
        let failures = "records/failures/request-labeling";
        assert_eq!(job_of.intent(), format!("{labels}/intent.json"));
        assert_eq!(job_of.receipt(), format!("{labels}/receipt.json"));
        assert_eq!(job_of.failure(), format!("{failures}/{video}.json"));
        let manifest = manifest(|m| m["image_folder"] = "cam1/x@5".into()).unwrap();
        assert_eq!(job_of.images(&manifest), "images/cam1/x@5/");
        for name in [
            "images/x.mp4/000001.jpg",
            "images/x.mp4.json",
            "manifests/.json",
            "manifests//x.mp4.json",
            "manifests/../secret/x.mp4.json",
            "manifests/x.mp4",
            "records/claims/x.mp4.json",
        ] {
            let ignored = job(name, &[]).unwrap_err();
            assert_eq!(
                ignored,
                Ignored::NotAManifest("manifests/".into()),
                "{name}"
            );
        }
        let name = "manifests/x.mp4.json";
        assert!(matches!(
            job(name, &[("bucket", "c")]),
            Err(Ignored::Bucket(_))
        ));
    }

    fn manifest(change: impl FnOnce(&mut Value)) -> Result<LabelManifest, JobError> {
        let mut manifest = json!({
            "schema": MANIFEST_SCHEMA,
            "source": {"bucket": "b", "name": "videos/x.mp4", "generation": 5, "size": 9},
            "image_folder": "x.mp4",
            "frames": [{
                "index": 30, "pts": 1, "seconds": 1.0, "name": "000030.jpg", "width": 8,
                "height": 8, "bytes": 1, "sha256": "", "phash": "", "sharpness": 1.0,
                "predictions": [{"label": "car", "x": 0.5, "y": 0.5, "width": 0.5, "height": 0.1}],
            }],
        });
        change(&mut manifest);
        LabelManifest::parse(manifest.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_is_read() {
        let manifest = manifest(|_| {}).unwrap();
        assert_eq!(manifest.video_key(), "gs://b/videos/x.mp4#5");
        assert_eq!(manifest.frames[0].predictions[0].label, "car");
    }

    #[test]
    fn what_is_no_manifest_is_refused_by_name() {
        type Change = fn(&mut Value);
        let changes: [(Change, &str); 10] = [
            (|m| m["schema"] = "framemill.manifest/1".into(), "schema"),
            (|m| m["image_folder"] = Value::Null, "null"),
            (
                |m| m["image_folder"] = "a/../../b".into(),
                "folder of images",
            ),
            (|m| m["image_folder"] = "".into(), "folder of images"),
            (
                |m| m["frames"][0]["name"] = "../../x.jpg".into(),
                "name of an image",
            ),
            (|m| m["frames"][0]["name"] = "..".into(), "name of an image"),
            (|m| m["frames"][0]["name"] = "".into(), "name of an image"),
            (
                |m| m["frames"][0]["predictions"][0]["x"] = 1.5.into(),
                "prediction",
            ),
            (|m| m["source"] = Value::Null, "null"),
            (
                |m| {
                    let frame = m["frames"][0].clone();
                    m["frames"] = [frame.clone(), frame].into_iter().collect();
                },
                "twice",
            ),
        ];
        for (change, words) in changes {
            let error = manifest(change).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_or_read(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            name in ".{0,20}",
        ) {
            proptest::prop_assert!(LabelManifest::parse(&bytes).is_err());
            if let Ok(read) = manifest(|m| m["frames"][0]["name"] = name.clone().into()) {
                let name = &read.frames[0].name;
                proptest::prop_assert!(!name.contains('/') && name != "..");
            }
        }
    }
}
