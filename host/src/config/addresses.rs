//! Where buckets and messages are, as a person writes it.

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
    /// A Pub/Sub subscription, `projects/P/subscriptions/S`.
    PubSub(String),
    /// An AMQP queue.
    Amqp(String),
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
            return Err(
                "is not set, and a bucket cannot be watched like a folder: name its subscription (pubsub://projects/P/subscriptions/S), an AMQP queue (amqp:QUEUE), `queue` to find videos by sweeps alone, or `none` for pushes alone"
                    .to_owned(),
            );
        };
        match text {
            "queue" => return Ok(Self::Queue),
            "none" => return Ok(Self::None),
            _ => {}
        }
        if let Some(queue) = text.strip_prefix("amqp:").filter(|name| !name.is_empty()) {
            return Ok(Self::Amqp(queue.to_owned()));
        }
        let name = text.strip_prefix("pubsub://").unwrap_or(text);
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["projects", project, "subscriptions", subscription]
                if !project.is_empty() && !subscription.is_empty() =>
            {
                Ok(Self::PubSub(name.to_owned()))
            }
            _ => Err(format!(
                "`{text}` is not pubsub://projects/P/subscriptions/S, amqp:QUEUE, queue or none"
            )),
        }
    }
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
        for (text, expected) in [
            ("queue", SourceAddress::Queue),
            ("none", SourceAddress::None),
            ("amqp:uploads", SourceAddress::Amqp("uploads".into())),
            (subscription, SourceAddress::PubSub(subscription.into())),
            (
                "pubsub://projects/p/subscriptions/s",
                SourceAddress::PubSub(subscription.into()),
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
