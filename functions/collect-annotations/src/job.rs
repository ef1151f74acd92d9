//! From an event to the webhook that it is about, and the names of what follows from it.

use framemill_contract::{
    Event, EventKind, FULL_SYNC_WEBHOOK, Ignored, LabelConfig, Layout, ObjectRef, SYNC_WEBHOOK,
    VideoName,
};

/// What is asked for that no webhook came for. Whenever it comes there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// All that changed since the last time.
    Changed,
    /// That, and what was deleted.
    Full,
}

/// A webhook whose tasks are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CollectJob {
    /// Its body.
    pub webhook: ObjectRef,
    /// Id of the target.
    pub target: String,
    key: String,
    layout: Layout,
}

impl CollectJob {
    /// What `event` asks for.
    ///
    /// # Errors
    /// [`Ignored`] where it asks for nothing.
    pub fn from_event(event: &Event, config: &LabelConfig) -> Result<Self, Ignored> {
        let target = config.target_id().ok_or(Ignored::LabelingOff)?;
        if let EventKind::Other(kind) = &event.kind {
            return Err(Ignored::EventType(kind.clone()));
        }
        let webhook = &event.object;
        let other_bucket = |bucket: &String| *bucket != webhook.bucket;
        if config.bucket.as_ref().is_some_and(other_bucket) {
            return Err(Ignored::Bucket(webhook.bucket.clone()));
        }
        let layout = config.layout.clone();
        let names = layout.webhook_names(&target);
        let key = names.key(&webhook.name).filter(|key| !key.contains('/'));
        Ok(Self {
            webhook: webhook.clone(),
            key: key
                .ok_or_else(|| Ignored::NotAWebhook(names.prefix.clone()))?
                .to_owned(),
            target,
            layout,
        })
    }

    /// The sync that it is, if it is one.
    pub fn sync(&self) -> Option<Sync> {
        match self.key.as_str() {
            SYNC_WEBHOOK => Some(Sync::Changed),
            FULL_SYNC_WEBHOOK => Some(Sync::Full),
            _ => None,
        }
    }

    /// Prefix of all webhooks.
    pub fn webhooks(&self) -> String {
        self.layout.webhook_names(&self.target).prefix
    }

    /// Says that it is done: the commit.
    pub fn done(&self) -> String {
        self.layout.collected_names(&self.target).name(&self.key)
    }

    /// Says that it cannot be done.
    pub fn failure(&self) -> String {
        self.layout
            .collect_failure_names(&self.target)
            .name(&self.key)
    }

    /// Until when all was read.
    pub fn synced(&self) -> String {
        self.layout.synced(&self.target)
    }

    /// Prefix of what is known about all frames.
    pub fn annotations(&self) -> String {
        self.layout.annotations(&self.target)
    }

    /// Prefix of what is known about a frame.
    pub fn folder(&self, video: &VideoName, index: u64) -> String {
        self.layout.annotations_of(&self.target, video, index)
    }
}
