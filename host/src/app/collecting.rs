//! Annotations while the service runs: where webhooks go, and a sync every so often.

use super::Components;
use super::builder::AppBuilder;
use super::records::pattern;
use crate::config::{FunctionSettings, SourceAddress};
use crate::inbox::Inbox;
use crate::service::Pipeline;
use anyhow::{Context as _, anyhow};
use framemill_contract::Interval;
use framemill_sources::Source;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What collects annotations.
const COLLECT: &str = "collect-annotations";
/// A sync that could not be asked for is tried again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Of so many syncs one is full: it reads a record of each frame, and a listing of all tasks.
const FULL_SYNC_EVERY: u32 = 24;

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
        let Some(settings) = settings(app) else {
            return Ok(None);
        };
        let every = settings.variables.get("sync_every");
        let every = every.map_or("", String::as_str).parse::<Interval>();
        let every =
            every.map_err(|reason| anyhow!("configuration `annotations.sync_every`: {reason}"))?;
        let source = match &settings.source {
            SourceAddress::None => None,
            address => Some(app.source(address).await?),
        };
        Ok(Some(Self {
            inbox: Arc::new(inbox(app, &settings, source)?),
            every: Duration::from_micros(every.micros()),
        }))
    }

    /// For one sync by a command: nothing is queued, the component is called.
    ///
    /// # Errors
    /// Where annotations are not collected, or the bucket or the component cannot be opened.
    pub async fn once(
        app: &mut AppBuilder,
        components: &Components,
    ) -> anyhow::Result<(Inbox, Pipeline)> {
        let settings = settings(app).context(
            "no annotations are collected: set annotations.sync_every and labeling.target",
        )?;
        let inbox = inbox(app, &settings, None)?;
        Ok((inbox, app.pipeline_of(components, settings).await?))
    }

    /// Asks for a sync at once, and then every so often; now and then for a full one.
    pub(super) fn start_syncs(&self, background: &mut JoinSet<anyhow::Result<()>>) {
        let (inbox, every) = (Arc::clone(&self.inbox), self.every);
        background.spawn(async move {
            loop {
                let full = inbox
                    .full_sync_is_due(every.saturating_mul(FULL_SYNC_EVERY))
                    .await;
                let wait = match inbox.request_sync(full).await {
                    Ok(_) => every,
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

/// What collects annotations, where it is switched on.
fn settings(app: &AppBuilder) -> Option<FunctionSettings> {
    let mut functions = app.functions().into_iter();
    functions.find(|it| it.function.name == COLLECT)
}

fn inbox(
    app: &mut AppBuilder,
    settings: &FunctionSettings,
    source: Option<Arc<dyn Source>>,
) -> anyhow::Result<Inbox> {
    Ok(Inbox {
        target: settings
            .variables
            .get("target")
            .cloned()
            .unwrap_or_default(),
        prefix: settings.function.trigger.prefix.clone(),
        done: settings
            .function
            .records
            .as_ref()
            .map(|it| pattern(&it.done)),
        bucket: settings.store.bucket().to_owned(),
        store: app.store(&settings.store)?,
        source,
        secret: settings.webhook_secret()?,
    })
}
