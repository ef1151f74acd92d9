//! From what a configuration says to a bucket.

use super::{GcsStore, Layout, LocalStore, OpenGcsError, S3Options, S3Store, Store};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Name of the bucket that a local folder is.
pub const LOCAL_BUCKET: &str = "local";

/// Why a bucket cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL has no bucket, or more than one.
    #[error(
        "store is `scheme://bucket` without a path; prefixes are video_path and image_path: {0}"
    )]
    Url(String),
    /// The scheme is unknown.
    #[error("unknown kind of store (gs://bucket, s3://bucket, or a folder): {0}")]
    Scheme(String),
    /// Google's cannot be opened.
    #[error("{source}: gs://{bucket}")]
    Gcs {
        /// The bucket.
        bucket: String,
        /// Why.
        source: OpenGcsError,
    },
    /// S3's cannot be opened.
    #[error("{source}: s3://{bucket}")]
    S3 {
        /// The bucket.
        bucket: String,
        /// Why.
        source: object_store::Error,
    },
    /// There is no such folder.
    #[error("no such folder, create it: {0}")]
    Folder(String),
}

/// Opens `gs://bucket`, `s3://bucket` or a folder; gives the name by which components know the
/// bucket. Nothing is asked over the network yet. Call it inside tokio's runtime.
///
/// # Errors
/// Where it cannot be a store, or has no credentials.
pub fn open(store: &str, s3: &S3Options) -> Result<(String, Arc<dyn Store>), OpenError> {
    let Some((scheme, rest)) = store.split_once("://") else {
        if !Path::new(store).is_dir() {
            return Err(OpenError::Folder(store.to_owned()));
        }
        let local = LocalStore::new(Layout::folder(store));
        return Ok((LOCAL_BUCKET.to_owned(), Arc::new(local)));
    };
    let bucket = rest.trim_end_matches('/').to_owned();
    if bucket.is_empty() || bucket.contains('/') {
        return Err(OpenError::Url(store.to_owned()));
    }
    let opened: Arc<dyn Store> = match scheme {
        "gs" => match GcsStore::open(&bucket) {
            Ok(store) => Arc::new(store),
            Err(source) => return Err(OpenError::Gcs { bucket, source }),
        },
        "s3" => match S3Store::open(&bucket, s3) {
            Ok(store) => Arc::new(store),
            Err(source) => return Err(OpenError::S3 { bucket, source }),
        },
        _ => return Err(OpenError::Scheme(store.to_owned())),
    };
    Ok((bucket, opened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_store_is_refused() {
        for store in [
            "gs://",
            "gs://bucket/videos",
            "ftp://bucket",
            "/no/such/folder",
        ] {
            assert!(open(store, &S3Options::default()).is_err(), "{store}");
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let (name, _) = open(folder, &S3Options::default()).unwrap();
        assert_eq!(name, LOCAL_BUCKET);
        let (name, _) = open("s3://bucket/", &S3Options::default()).unwrap();
        assert_eq!(name, "bucket");
    }
}
