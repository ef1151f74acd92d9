//! Where webhooks come in where no host takes them: `POST /annotations/TARGET` keeps one as it came, and
//! the event of that object starts the work. `POST /annotations/TARGET/sync` asks for a sync; with the
//! body `{"full": true}` for a full one.

use framemill_annotations::{is_authentic, may_request_sync};
use framemill_component_sdk::store::{JSON, ObjectError, Objects};
use framemill_contract::{
    CollectConfig, ConfigError, FULL_SYNC_WEBHOOK, JobError, SYNC_WEBHOOK, Secret, TargetKind,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Most bytes of a webhook: its task is read again, so more is of no use.
pub const LARGEST_WEBHOOK: u64 = 10 << 20;

const PATH: &str = "/annotations";
/// How often a request for a sync is tried to be written while others do the same.
const TRIES: u32 = 5;

/// Why a webhook is not taken.
#[derive(Debug, Error)]
pub enum Refused {
    /// Nobody is asked here.
    #[error("no annotations are collected of `{0}`")]
    NoSuchTarget(String),
    /// It is no `POST`.
    #[error("only POST is understood")]
    Method,
    /// Its sender does not know the secret.
    #[error("the request does not prove that it comes from {0}: see annotations_webhook_secret")]
    Forged(String),
    /// It is too large.
    #[error("webhook of {0} bytes, limit {LARGEST_WEBHOOK}")]
    TooLarge(usize),
    /// It asks for a sync in words that are not understood.
    #[error("not a request for a sync ({0}): send nothing, or {{\"full\": true}}")]
    NotASync(String),
    /// It cannot be kept now.
    #[error("the webhook cannot be kept, send it again: {0}")]
    Unkept(#[from] JobError),
}

impl Refused {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotASync(_) => 400,
            Self::Forged(_) => 401,
            Self::NoSuchTarget(_) => 404,
            Self::Method => 405,
            Self::TooLarge(_) => 413,
            Self::Unkept(_) => 503,
        }
    }
}

/// The door of the target that is configured.
pub struct Door<'c> {
    config: &'c CollectConfig,
    /// Kind of the target.
    target: &'c str,
    /// Its id.
    id: String,
    /// Whether it is that for syncs.
    sync: bool,
}

/// A request for a sync.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncRequest {
    #[serde(default)]
    full: bool,
}

/// Whether a request for this path is for a door.
pub fn is_at(path: &str) -> bool {
    let below = path.strip_prefix(PATH);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

impl<'c> Door<'c> {
    /// The door at this path.
    ///
    /// # Errors
    /// Where there is none, or nobody may come in this way.
    pub fn at(config: &'c CollectConfig, is_post: bool, path: &str) -> Result<Self, Refused> {
        let asked = path.strip_prefix(PATH).unwrap_or_default();
        let asked = asked.trim_matches('/');
        let (name, sync) = match asked.strip_suffix("/sync") {
            Some(name) => (name, true),
            None => (asked, false),
        };
        let nobody = || Refused::NoSuchTarget(name.chars().take(100).collect());
        let labeling = &config.labeling;
        let target = labeling.target.as_ref().filter(|target| target.is_read());
        let target = target.map(TargetKind::name);
        let target = target.filter(|target| *target == name);
        let (Some(target), Some(id)) = (target, labeling.target_id()) else {
            return Err(nobody());
        };
        if !is_post {
            return Err(Refused::Method);
        }
        Ok(Self {
            config,
            target,
            id,
            sync,
        })
    }

    /// Keeps a webhook, or asks for a sync, if the sender knows the secret.
    ///
    /// # Errors
    /// [`Refused`]: nothing is kept then, or it may be.
    pub async fn take<'h, O: Objects>(
        &self,
        objects: &O,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<(), Refused> {
        if body.len() as u64 > LARGEST_WEBHOOK {
            return Err(Refused::TooLarge(body.len()));
        }
        let secret = self.config.webhook_secret.as_ref();
        let secret = secret.map_or("", Secret::reveal);
        let authentic = match self.sync {
            true => may_request_sync(header, secret),
            false => is_authentic(self.target, header, body, secret),
        };
        if !authentic {
            return Err(Refused::Forged(self.target.to_owned()));
        }
        let bucket = self.config.labeling.bucket.as_deref().ok_or_else(|| {
            let error = ConfigError::new("bucket", "is not set: where are webhooks kept?");
            JobError::Config(error)
        })?;
        let kept = match self.sync {
            true => self.request_sync(objects, bucket, full(body)?).await,
            false => self.keep(objects, bucket, body).await,
        };
        kept.map_err(|error| match error {
            ObjectError::Failed(error) => Refused::Unkept(error),
            ObjectError::Gone => Refused::Unkept(JobError::Config(ConfigError::new(
                "bucket",
                "is not in the object store: create it, or correct bucket or objects_url",
            ))),
        })
    }

    fn name(&self, key: &str) -> String {
        let layout = &self.config.labeling.layout;
        layout.webhook_names(&self.id).name(&key)
    }

    /// The same again is kept already.
    async fn keep<O: Objects>(
        &self,
        objects: &O,
        bucket: &str,
        body: &[u8],
    ) -> Result<(), ObjectError> {
        let name = self.name(&hex::encode(Sha256::digest(body)));
        objects.create(bucket, &name, JSON, body).await.map(drop)
    }

    /// Each request is an event, whatever was asked for before.
    async fn request_sync<O: Objects>(
        &self,
        objects: &O,
        bucket: &str,
        full: bool,
    ) -> Result<(), ObjectError> {
        let name = self.name(match full {
            true => FULL_SYNC_WEBHOOK,
            false => SYNC_WEBHOOK,
        });
        for _ in 0..TRIES {
            let generation = match objects.metadata(bucket, &name).await {
                Ok(meta) => meta.generation,
                Err(ObjectError::Gone) => 0,
                Err(error) => return Err(error),
            };
            let written = objects.replace(bucket, &name, generation, JSON, b"{}\n");
            if written.await?.is_some() {
                break;
            }
            // Another asked for the same this moment; its event may have been worked on already.
        }
        Ok(())
    }
}

fn full(body: &[u8]) -> Result<bool, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(false);
    }
    let request: Result<SyncRequest, _> = serde_json::from_slice(body);
    request
        .map(|request| request.full)
        .map_err(|error| Refused::NotASync(error.to_string()))
}
