//! Where buckets and messages are, as a person writes it.

use framemill_sources::KINDS;
use std::path::PathBuf;

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoreAddress {
    /// A folder; its bucket is called [`LOCAL_BUCKET`].
    Folder(PathBuf),
    /// Google Cloud Storage.
    Gcs(String),
    /// S3, MinIO and other stores with its API.
    S3(String),
}

/// Name of the bucket that a folder is.
pub const LOCAL_BUCKET: &str = "local";

impl StoreAddress {
    /// From `gs://bucket`, `s3://bucket` or a path.
    ///
    /// # Errors
    /// Where the bucket has no name, or a path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bucket = |name: &str| {
            let name = name.trim_end_matches('/');
            if name.is_empty() || name.contains('/') {
                return Err(format!(
                    "`{text}` is not gs://BUCKET or s3://BUCKET: prefixes are keys of their own, such as video_path"
                ));
            }
            Ok(name.to_owned())
        };
        if let Some(name) = text.strip_prefix("gs://") {
            return bucket(name).map(Self::Gcs);
        }
        if let Some(name) = text.strip_prefix("s3://") {
            return bucket(name).map(Self::S3);
        }
        if text.contains("://") {
            return Err(format!(
                "`{text}` is none that framemill knows: gs://BUCKET, s3://BUCKET or a folder"
            ));
        }
        Ok(Self::Folder(PathBuf::from(text)))
    }

    /// The bucket's name in events and object requests.
    pub fn bucket(&self) -> &str {
        match self {
            Self::Folder(_) => LOCAL_BUCKET,
            Self::Gcs(name) | Self::S3(name) => name,
        }
    }
}

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SourceAddress {
    /// The embedded queue, filled by watching the folder.
    Folder,
    /// The embedded queue, filled by sweeps.
    Queue,
    /// On other machines.
    Remote {
        /// Which of [`KINDS`].
        kind: usize,
        /// Its name there.
        name: String,
    },
    /// None: messages are pushed to the listener.
    None,
}

impl SourceAddress {
    /// Whether it is the embedded queue, whatever fills it.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Folder | Self::Queue)
    }

    /// From `pubsub://projects/P/subscriptions/S`, `amqp:QUEUE`, `queue` or `none`;
    /// without a text the folder that the store is.
    ///
    /// # Errors
    /// Where the text is none of these, or the store is no folder.
    pub fn parse(text: Option<&str>, store: &StoreAddress) -> Result<Self, String> {
        let Some(text) = text else {
            if let StoreAddress::Folder(_) = store {
                return Ok(Self::Folder);
            }
            return Err(format!(
                "is not set, and a bucket cannot be watched like a folder: name where its events go ({}), `queue` to find videos by sweeps alone, or `none` for pushes alone",
                forms()
            ));
        };
        match text {
            "queue" => return Ok(Self::Queue),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let mut kinds = KINDS.iter().enumerate();
        let remote = kinds.find_map(|(kind, it)| Some((kind, it.name(text)?.to_owned())));
        match remote {
            Some((kind, name)) => Ok(Self::Remote { kind, name }),
            None => Err(format!("`{text}` is not {}, queue or none", forms())),
        }
    }
}

/// How the addresses of all kinds are written.
fn forms() -> String {
    let forms: Vec<&str> = KINDS.iter().map(|kind| kind.form()).collect();
    forms.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let gcs = StoreAddress::parse("gs://b/").unwrap();
        assert_eq!(gcs, StoreAddress::Gcs("b".into()));
        let folder = StoreAddress::parse("/srv/b").unwrap();
        assert_eq!(folder.bucket(), LOCAL_BUCKET);
        for text in ["gs://", "gs://b/videos", "ftp://b", "azure://b"] {
            assert!(StoreAddress::parse(text).is_err(), "{text}");
        }
        let subscription = "projects/p/subscriptions/s";
        let remote = |kind, name: &str| SourceAddress::Remote {
            kind,
            name: name.to_owned(),
        };
        for (text, expected) in [
            ("queue", SourceAddress::Queue),
            ("none", SourceAddress::None),
            ("amqp:uploads", remote(1, "uploads")),
            (subscription, remote(0, subscription)),
            (
                "pubsub://projects/p/subscriptions/s",
                remote(0, subscription),
            ),
        ] {
            assert_eq!(SourceAddress::parse(Some(text), &gcs).unwrap(), expected);
        }
        assert_eq!(
            SourceAddress::parse(None, &folder).unwrap(),
            SourceAddress::Folder
        );
        assert!(SourceAddress::parse(None, &gcs).is_err());
        for text in ["amqp:", "projects/p/topics/t", "kafka:x", "pubsub://s"] {
            assert!(SourceAddress::parse(Some(text), &gcs).is_err(), "{text}");
        }
    }
}
