//! Annotations while the service runs: where webhooks go, and a sync every so often.

use super::builder::AppBuilder;
use crate::config::SourceAddress;
use crate::inbox::Inbox;
use anyhow::anyhow;
use framemill_contract::Interval;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What collects annotations.
const COLLECT: &str = "collect-annotations";
/// A sync that could not be asked for is tried again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Of so many syncs one is full: it reads a record of each frame, and a listing of all tasks.
const FULL_SYNC_EVERY: u64 = 24;

/// How annotations come in.
pub struct Collecting {
    /// Where webhooks and syncs go.
    pub inbox: Arc<Inbox>,
    /// From one sync to the next.
    every: Duration,
}

impl Collecting {
    /// Of the target whose annotations are collected; `None` where none are.
    ///
    /// # Errors
    /// Where its bucket or its source cannot be opened.
    pub async fn open(app: &mut AppBuilder) -> anyhow::Result<Option<Self>> {
        let mut functions = app.functions().into_iter();
        let Some(settings) = functions.find(|it| it.function.name == COLLECT) else {
            return Ok(None);
        };
        let variable = |name: &str| settings.variables.get(name).cloned().unwrap_or_default();
        let every = variable("sync_every").parse::<Interval>();
        let every =
            every.map_err(|reason| anyhow!("configuration `annotations.sync_every`: {reason}"))?;
        let source = match &settings.source {
            SourceAddress::None => None,
            address => Some(app.source(address).await?),
        };
        let inbox = Inbox {
            target: variable("target"),
            prefix: settings.function.trigger.prefix.clone(),
            bucket: settings.store.bucket().to_owned(),
            store: app.store(&settings.store)?,
            source,
            secret: settings.webhook_secret()?,
        };
        Ok(Some(Self {
            inbox: Arc::new(inbox),
            every: Duration::from_micros(every.micros()),
        }))
    }

    /// Asks for a full sync at once, and then for a sync every so often.
    pub(super) fn start_syncs(&self, background: &mut JoinSet<anyhow::Result<()>>) {
        let (inbox, every) = (Arc::clone(&self.inbox), self.every);
        background.spawn(async move {
            let mut syncs = 0_u64;
            loop {
                let full = syncs.is_multiple_of(FULL_SYNC_EVERY);
                let wait = match inbox.request_sync(full).await {
                    Ok(()) => {
                        syncs = syncs.wrapping_add(1);
                        every
                    }
                    Err(error) => {
                        tracing::warn!(
                            "annotations are not synced, and it is tried again: {error:#}"
                        );
                        every.min(AGAIN)
                    }
                };
                tokio::time::sleep(wait).await;
            }
        });
    }
}
