//! Flags of the commands that look at a bucket and its source, but run no component.

use crate::config::{Layer, Settings};
use std::path::PathBuf;

/// Which bucket, which source.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceOptions {
    /// Folder that is the bucket [default: framemill-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Bucket: gs://BUCKET, s3://BUCKET or a folder [default: the folder --data]
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,
    /// Where upload messages come from: pubsub://projects/P/subscriptions/S, amqp:QUEUE, or queue
    /// [default: the folder is watched]
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,
    /// Pub/Sub topic or AMQP queue for messages that are given up [default: derived]
    #[arg(long, value_name = "NAME")]
    pub dead_letters: Option<String>,
}

impl PlaceOptions {
    /// As one layer of configuration.
    pub fn layer(&self) -> Layer {
        given([
            ("data", &self.data),
            ("store", &self.store),
            ("source", &self.source),
            ("dead_letters", &self.dead_letters),
        ])
    }
}

/// Those of these flags that are given.
pub fn given<'a>(flags: impl IntoIterator<Item = (&'a str, &'a Option<String>)>) -> Layer {
    let given = |(name, value): (&str, &Option<String>)| Some((name.to_owned(), value.clone()?));
    flags.into_iter().filter_map(given).collect()
}

/// A configuration file, bucket and source, and where in the bucket.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BucketOptions {
    /// Configuration file [default: framemill.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "FRAMEMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Bucket and source.
    #[command(flatten)]
    pub place: PlaceOptions,
    /// Prefix of the videos in the bucket [default: videos/]
    #[arg(long, value_name = "PREFIX")]
    pub video_path: Option<String>,
    /// Prefix of the images in the bucket [default: images/]
    #[arg(long, value_name = "PREFIX")]
    pub image_path: Option<String>,
    /// Prefix of the manifests in the bucket [default: manifests/]
    #[arg(long, value_name = "PREFIX")]
    pub manifest_path: Option<String>,
    /// Prefix of all other records in the bucket [default: records/]
    #[arg(long, value_name = "PREFIX")]
    pub record_path: Option<String>,
}

impl BucketOptions {
    /// As one layer of configuration.
    pub fn layer(&self) -> Layer {
        let mut layer = self.place.layer();
        layer.extend(given([
            ("video_path", &self.video_path),
            ("image_path", &self.image_path),
            ("manifest_path", &self.manifest_path),
            ("record_path", &self.record_path),
        ]));
        layer
    }

    /// The configuration with `layer` as its flags.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self, layer: &Layer) -> anyhow::Result<Settings> {
        Settings::load(layer, self.config.as_deref())
    }
}
