//! A prefix of the bucket.

use super::place::{Place, checked};
use crate::error::DatasetError;
use crate::objects::{content_type, created};
use bytes::Bytes;
use framemill_dataset::export::SinkFile;
use framemill_objects::{NewObject, Precondition, Store, StoreError};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Bytes of a piece of what is written.
const PIECE: usize = 1 << 20;

/// A prefix of the bucket. What is there already with the same bytes is as good as written.
pub(crate) struct BucketPlace {
    store: Arc<dyn Store>,
    prefix: String,
}

impl BucketPlace {
    /// Below this prefix.
    pub fn new(store: Arc<dyn Store>, prefix: String) -> Self {
        Self { store, prefix }
    }
}

impl Place for BucketPlace {
    fn file(&self, path: &str) -> io::Result<Box<dyn SinkFile>> {
        Ok(Box::new(Upload {
            store: Arc::clone(&self.store),
            name: format!("{}{}", self.prefix, checked(path)?),
            prefix: self.prefix.clone(),
            file: tempfile::tempfile()?,
            crc32c: 0,
            sha256: Sha256::new(),
        }))
    }
}

/// A file that is written here first: an object is written in one go, with its checksum.
struct Upload {
    store: Arc<dyn Store>,
    name: String,
    prefix: String,
    file: File,
    crc32c: u32,
    sha256: Sha256,
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let bytes = bytes.get(..written).unwrap_or_default();
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.sha256.update(bytes);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SinkFile for Upload {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self {
            store,
            name,
            prefix,
            mut file,
            crc32c,
            sha256,
        } = *self;
        file.rewind()?;
        let object = NewObject {
            content_type: Some(content_type(&name).to_owned()),
            crc32c: Some(crc32c),
            ..NewObject::default()
        };
        // Pieces of a local file, read on this thread, which may wait.
        let pieces = std::iter::from_fn(move || next_piece(&mut file).transpose());
        let stream = futures::stream::iter(pieces).boxed();
        let expected = hex::encode(sha256.finalize());
        Handle::current().block_on(async {
            let written = store.write(&name, Precondition::Generation(0), object, stream);
            let written = written.await;
            let created = created(store.as_ref(), &name, written, &expected).await;
            let created = created.map_err(|error| match error {
                DatasetError::Changed(name) => DatasetError::ExportDiffers { name, prefix },
                error => error,
            });
            created.map_err(io::Error::other)
        })
    }
}

fn next_piece(file: &mut File) -> Result<Option<Bytes>, StoreError> {
    let mut piece = vec![0; PIECE];
    let mut read = 0;
    while let Some(rest) = piece.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => read = read.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                let name = "a temporary file".to_owned();
                return Err(StoreError::Io {
                    what: "reading",
                    name,
                    source,
                });
            }
        }
    }
    piece.truncate(read);
    Ok((!piece.is_empty()).then(|| piece.into()))
}
