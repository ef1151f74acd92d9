//! From the name of an image to its frame, by the manifest that lists it.

use framemill_annotations::AnnotatedImage;
use framemill_component_sdk::store::{ObjectError, Objects};
use framemill_contract::{KeptFrame, LabelFrame, LabelManifest, Layout, VideoName};
use std::collections::HashMap;
use std::rc::Rc;

/// Manifests that are looked at for a folder of images, at most: those whose names begin like it.
const MOST_CANDIDATES: usize = 100;
/// Manifests that are remembered, at most.
const MOST_REMEMBERED: usize = 16;

/// A frame that was asked about.
#[derive(Clone, Debug)]
pub(crate) struct FoundFrame {
    /// Its video.
    pub video: VideoName,
    /// Its number there.
    pub index: u64,
    /// As the target was told: `gs://bucket/video#generation/index`.
    pub key: String,
    /// Its image.
    pub image: AnnotatedImage,
}

/// The manifests of a bucket, as far as they were needed.
pub(crate) struct Frames<'a, O> {
    objects: &'a O,
    bucket: &'a str,
    layout: &'a Layout,
    /// By folder of images; `None` where there is no manifest.
    known: HashMap<String, Option<Rc<Listed>>>,
}

/// A manifest by the names of its images.
struct Listed {
    video: VideoName,
    key: String,
    frames: HashMap<String, KeptFrame>,
}

impl<'a, O: Objects> Frames<'a, O> {
    /// Of the manifests in this bucket.
    pub fn new(objects: &'a O, bucket: &'a str, layout: &'a Layout) -> Self {
        Self {
            objects,
            bucket,
            layout,
            known: HashMap::new(),
        }
    }

    /// The frame whose image is `object`: a name in the bucket, or `gs://bucket/name`. `None` where it
    /// is no image of a manifest.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find(&mut self, object: &str) -> Result<Option<FoundFrame>, ObjectError> {
        let Some((folder, name)) = self.place(object) else {
            return Ok(None);
        };
        let Some(listed) = self.listed(folder).await? else {
            return Ok(None);
        };
        let found = listed.frames.get(name).map(|frame| FoundFrame {
            video: listed.video.clone(),
            index: frame.index,
            key: LabelFrame::key(&listed.key, frame),
            image: AnnotatedImage {
                name: format!("{}{}", self.layout.images_in(folder), frame.name),
                sha256: frame.sha256.clone(),
                width: frame.width,
                height: frame.height,
            },
        });
        Ok(found)
    }

    /// Folder and name of an image.
    fn place<'o>(&self, object: &'o str) -> Option<(&'o str, &'o str)> {
        let name = match object.split_once("://") {
            Some((_, rest)) => rest.strip_prefix(self.bucket)?.strip_prefix('/')?,
            None => object,
        };
        let (folder, name) = name.strip_prefix(&self.layout.images)?.rsplit_once('/')?;
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        folder.split('/').all(plain).then_some((folder, name))
    }

    async fn listed(&mut self, folder: &str) -> Result<Option<Rc<Listed>>, ObjectError> {
        if let Some(known) = self.known.get(folder) {
            return Ok(known.clone());
        }
        let listed = self.look(folder).await?.map(Rc::new);
        if self.known.len() >= MOST_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(folder.to_owned(), listed.clone());
        Ok(listed)
    }

    /// A folder is named after its video, which may have an ending more, or less behind its `@`.
    async fn look(&self, folder: &str) -> Result<Option<Listed>, ObjectError> {
        let stem = folder.rsplit_once('@').map_or(folder, |(stem, _)| stem);
        let prefix = format!("{}{stem}", self.layout.manifests);
        let names = self.objects.list(self.bucket, &prefix).await?;
        let candidates = names
            .iter()
            .filter_map(|name| Some((name, self.layout.video_of_manifest(name)?)));
        for (name, video) in candidates.take(MOST_CANDIDATES) {
            let bytes = match self.objects.read_all(self.bucket, name).await {
                // Removed since it was listed.
                Err(ObjectError::Gone) => continue,
                read => read?,
            };
            // One that cannot be read is told of where it is to be worked on.
            let Ok(manifest) = LabelManifest::parse(&bytes) else {
                continue;
            };
            if manifest.image_folder == folder {
                let key = manifest.video_key();
                let frames = manifest.frames.into_iter();
                return Ok(Some(Listed {
                    video,
                    key,
                    frames: frames.map(|frame| (frame.name.clone(), frame)).collect(),
                }));
            }
        }
        Ok(None)
    }
}
