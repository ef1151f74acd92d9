//! Images out of the bucket, each compared with its checksum.

use crate::error::DatasetError;
use crate::objects::LARGEST_OBJECT;
use bytes::Bytes;
use framemill_dataset::DatasetImage;
use framemill_objects::{Store, read_up_to};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Images that are read at the same time.
const AT_ONCE: usize = 16;
/// Images that wait to be asked for.
const AHEAD: usize = 4;

/// Reads images.
#[derive(Clone)]
pub(crate) struct ImageReader {
    store: Arc<dyn Store>,
    uri: Option<String>,
}

impl ImageReader {
    /// From this bucket, whose images have names from elsewhere that begin with `uri`.
    pub fn new(store: Arc<dyn Store>, uri: Option<String>) -> Self {
        Self { store, uri }
    }

    /// How an image is named from elsewhere.
    pub fn uri(&self, image: &DatasetImage) -> Option<String> {
        Some(format!("{}{}", self.uri.as_ref()?, image.name))
    }

    /// The bytes of an image.
    pub async fn read(&self, image: &DatasetImage) -> io::Result<Bytes> {
        let found = read_up_to(self.store.as_ref(), &image.name, LARGEST_OBJECT).await;
        let found = found.map_err(io::Error::other)?;
        let is_same = |bytes: &Bytes| hex::encode(Sha256::digest(bytes)) == image.sha256;
        match found {
            Some((_, bytes)) if is_same(&bytes) => Ok(bytes),
            Some(_) => Err(io::Error::other(DatasetError::Changed(image.name.clone()))),
            None => {
                let gone = format!("image is gone: {}", image.name);
                Err(io::Error::new(io::ErrorKind::NotFound, gone))
            }
        }
    }
}

/// Images in the order in which they will be asked for, read ahead.
pub(crate) struct ReadAhead {
    images: mpsc::Receiver<(String, io::Result<Bytes>)>,
}

impl ReadAhead {
    /// Begins to read.
    pub fn start(runtime: &Handle, reader: ImageReader, order: Vec<DatasetImage>) -> Self {
        let (sender, images) = mpsc::channel(AHEAD);
        runtime.spawn(async move {
            let read = order.into_iter().map(|image| {
                let reader = reader.clone();
                async move {
                    let bytes = reader.read(&image).await;
                    (image.name, bytes)
                }
            });
            let mut read = futures::stream::iter(read).buffered(AT_ONCE);
            while let Some(image) = read.next().await {
                if sender.send(image).await.is_err() {
                    return;
                }
            }
        });
        Self { images }
    }

    /// The next image where it is this one; `None` where another was read ahead.
    pub fn next(&mut self, runtime: &Handle, image: &DatasetImage) -> Option<io::Result<Bytes>> {
        let (name, bytes) = runtime.block_on(self.images.recv())?;
        (name == image.name).then_some(bytes)
    }
}
