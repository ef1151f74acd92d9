//! Where labeling systems send their webhooks: a folder of the bucket, and a message about each.

use anyhow::Context as _;
use bytes::Bytes;
use framemill_annotations::{is_authentic, may_be_authentic};
use framemill_contract::{
    Event, EventKind, FULL_SYNC_WEBHOOK, NamePattern, ObjectRef, SYNC_WEBHOOK, Secret,
};
use framemill_objects::{Precondition, Store, StoreError, write_whole};
use framemill_sources::Source;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Keeps what a labeling system sends, and has it worked on.
pub struct Inbox {
    /// Kind of the target.
    pub target: String,
    /// How the names of webhooks start.
    pub prefix: String,
    /// The names of what says that a webhook's tasks were read.
    pub done: Option<NamePattern>,
    /// Name of the bucket.
    pub bucket: String,
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Where a message is added; `None` where the bucket's own notifications are the only messages.
    pub source: Option<Arc<dyn Source>>,
    /// What webhooks prove themselves with.
    pub secret: Option<Secret>,
}

impl Inbox {
    /// Whether a webhook with these headers may be one whose sender knows the secret: before its body is
    /// read.
    pub fn may_admit<'h>(&self, header: impl Fn(&str) -> Option<&'h str>) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|secret| may_be_authentic(&self.target, header, secret.reveal()))
    }

    /// Whether a webhook's sender knows the secret. Without a secret nobody does.
    pub fn admits<'h>(&self, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|secret| is_authentic(&self.target, header, body, secret.reveal()))
    }

    /// Keeps a webhook as it came, under its hash, and has it worked on.
    ///
    /// # Errors
    /// Where the bucket or the queue fails; what is kept then is found by the next sweep.
    pub async fn take(&self, body: Bytes) -> anyhow::Result<()> {
        let key = hex::encode(Sha256::digest(&body));
        let put = self.put(&key, Precondition::Generation(0), body).await;
        put.map(drop)
    }

    /// Has all read that changed since the last time; a full sync finds what was deleted too. Gives the object
    /// that says so.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn request_sync(&self, full: bool) -> anyhow::Result<ObjectRef> {
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let body = format!("{{\"requested_at\": \"{now}\"}}\n");
        let key = match full {
            true => FULL_SYNC_WEBHOOK,
            false => SYNC_WEBHOOK,
        };
        self.put(key, Precondition::None, body.into()).await
    }

    /// Whether no full sync has ended for so long, whoever asked for it. Where the bucket does not say,
    /// it is not: the next time it may.
    pub async fn full_sync_is_due(&self, after: Duration) -> bool {
        let Some(done) = &self.done else {
            return false;
        };
        match self.store.head(&done.name(&FULL_SYNC_WEBHOOK)).await {
            Ok(meta) => {
                let micros = u64::try_from(meta.updated_micros).unwrap_or(0);
                let ended = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
                let age = ended.and_then(|ended| SystemTime::now().duration_since(ended).ok());
                age.is_some_and(|age| age >= after)
            }
            Err(StoreError::NotFound { .. }) => true,
            Err(_) => false,
        }
    }

    async fn put(
        &self,
        key: &str,
        precondition: Precondition,
        body: Bytes,
    ) -> anyhow::Result<ObjectRef> {
        let name = format!("{}{key}.json", self.prefix);
        let store = self.store.as_ref();
        let written = write_whole(store, &name, precondition, "application/json", body);
        let meta = match written.await {
            // The same again: its message may have been lost.
            Err(StoreError::PreconditionFailed { .. }) => store.head(&name).await,
            written => written,
        };
        let meta = meta.with_context(|| format!("keeping {name}"))?;
        let object = ObjectRef {
            bucket: self.bucket.clone(),
            name,
            generation: Some(meta.generation),
        };
        if let Some(source) = &self.source {
            let (kind, object) = (EventKind::Finalized, object.clone());
            source.publish(&Event { kind, object }).await?;
        }
        Ok(object)
    }
}
