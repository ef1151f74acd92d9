//! Images on their way to the store, some at the same time.

use crate::store::{Created, ObjectError, Objects};
use framemill_contract::{JobError, KeptFrame, SegmentRequest, image_name_of_content};
use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::task::Poll;

/// Images at the same time.
const UPLOADS: usize = 3;
/// Bytes of them, unless it is only one: a PNG of 8K video has up to 95 MiB.
const UPLOAD_BYTES: usize = 32 << 20;

/// What became of images, by the index of their frame: the name in the folder of images, or why an
/// image is more than any object may be.
pub(crate) type Uploaded = BTreeMap<u64, Result<String, JobError>>;

/// The uploads of one segment.
pub(crate) struct Uploads<'a, O> {
    objects: &'a O,
    request: &'a SegmentRequest,
    running: FuturesUnordered<LocalBoxFuture<'a, Result<Ended, ObjectError>>>,
    /// Bytes of `running`.
    bytes: usize,
    uploaded: Uploaded,
}

/// An image that is no longer on its way.
struct Ended {
    index: u64,
    bytes: usize,
    name: Result<String, JobError>,
}

impl<'a, O: Objects> Uploads<'a, O> {
    /// None yet.
    pub fn new(objects: &'a O, request: &'a SegmentRequest) -> Self {
        Self {
            objects,
            request,
            running: FuturesUnordered::new(),
            bytes: 0,
            uploaded: Uploaded::new(),
        }
    }

    /// Starts an upload; waits where too many are under way.
    pub async fn start(&mut self, frame: &KeptFrame, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let (objects, request, index) = (self.objects, self.request, frame.index);
        let of_content = image_name_of_content(&frame.name, &frame.sha256);
        let names = [frame.name.clone(), of_content];
        self.bytes += bytes.len();
        self.running.push(Box::pin(async move {
            let name = match write_image(objects, request, names, &bytes).await {
                Ok(name) => Ok(name),
                Err(ObjectError::Failed(error @ JobError::ObjectTooLarge { .. })) => Err(error),
                Err(error) => return Err(error),
            };
            let bytes = bytes.len();
            Ok(Ended { index, bytes, name })
        }));
        while let Poll::Ready(Some(ended)) = futures::poll!(self.running.next()) {
            self.end(ended?);
        }
        while (self.running.len() >= UPLOADS || self.bytes > UPLOAD_BYTES)
            && let Some(ended) = self.running.next().await
        {
            self.end(ended?);
        }
        Ok(())
    }

    /// Waits for all of them.
    pub async fn finish(&mut self) -> Result<Uploaded, ObjectError> {
        while let Some(ended) = self.running.next().await {
            self.end(ended?);
        }
        Ok(std::mem::take(&mut self.uploaded))
    }

    fn end(&mut self, ended: Ended) {
        self.bytes -= ended.bytes;
        self.uploaded.insert(ended.index, ended.name);
    }
}

/// Writes an image under the first of these names that nothing else has; the name. What is there is
/// left alone: another delivery may have committed it.
async fn write_image<O: Objects>(
    objects: &O,
    request: &SegmentRequest,
    names: [String; 2],
    bytes: &[u8],
) -> Result<String, ObjectError> {
    let (bucket, prefix) = (request.video.bucket.as_str(), &request.image_prefix);
    let content_type = request.images.format.content_type();
    let busy = |name: &str, reason: &str| {
        ObjectError::Failed(JobError::Storage {
            what: format!("writing {prefix}{name}"),
            reason: reason.to_owned(),
        })
    };
    for name in names.iter() {
        let object = format!("{prefix}{name}");
        let created = objects.create(bucket, &object, content_type, bytes).await?;
        if created == Created::New {
            return Ok(name.clone());
        }
        match objects.read_all(bucket, &object).await {
            Ok(there) if there == bytes => return Ok(name.clone()),
            // Ours fits, so what is larger is another.
            Ok(_) | Err(ObjectError::Failed(JobError::ObjectTooLarge { .. })) => {}
            Err(ObjectError::Gone) => {
                return Err(busy(
                    name,
                    "removed at this moment, as another delivery committed",
                ));
            }
            Err(error) => return Err(error),
        }
    }
    let [_, name] = &names;
    Err(busy(name, "something else has this name"))
}
