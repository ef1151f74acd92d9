//! `framemill annotations`: what the labeling system answered, read now; and where its webhooks go.

use super::options::{KeyOptions, Named, SharedOptions};
use crate::app::builder::AppBuilder;
use crate::app::collecting::Collecting;
use crate::app::connecting::{Connected, connect};
use crate::config::Settings;
use crate::service::run_to_end;
use anyhow::{Context as _, ensure};
use framemill_contract::{Event, EventKind, Outcome};
use framemill_sources::Message;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Flags of `framemill annotations`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill annotations sync --config framemill.toml
                       read all that changed since the last time, as `framemill up` does every sync_every
  framemill annotations sync --full
                       and find the tasks that were deleted
  framemill annotations connect https://framemill.example.com/annotations/label-studio
                       have Label Studio or CVAT send webhooks there, with the secret of
                       FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET

Both read [labeling] and [annotations] of the configuration.")]
pub struct AnnotationsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: AnnotationsAction,
}

/// What to do with annotations.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum AnnotationsAction {
    /// Read what the target answered since the last time, here and now
    Sync {
        /// Find the tasks that were deleted too: a record of each frame is read, and all tasks are listed
        #[arg(long)]
        full: bool,
        /// Print the outcome as JSON
        #[arg(long)]
        json: bool,
        /// Flags of all commands that run a component.
        #[command(flatten)]
        shared: SharedOptions,
        /// Keys that have flags.
        #[command(flatten)]
        keys: KeyOptions<AnnotationsCommand>,
    },
    /// Tell the target where its webhooks go, and what they prove themselves with
    Connect {
        /// Where `framemill up --listen` can be reached: https://HOST/annotations/TARGET
        url: String,
        /// Flags of all commands that run a component.
        #[command(flatten)]
        shared: SharedOptions,
        /// Keys that have flags.
        #[command(flatten)]
        keys: KeyOptions<AnnotationsCommand>,
    },
}

/// `framemill annotations`.
#[derive(Clone, Debug, Default)]
pub struct AnnotationsCommand;

impl Named for AnnotationsCommand {
    const NAME: &'static str = "annotations";
}

/// Syncs or connects. Says whether all went well.
///
/// # Errors
/// Where the configuration, the bucket or the target does not allow it.
pub async fn run_annotations(args: AnnotationsArgs) -> anyhow::Result<bool> {
    match args.action {
        AnnotationsAction::Sync {
            full,
            json,
            shared,
            keys,
        } => {
            let settings = Settings::load(&keys.layer, shared.config.as_deref())?;
            sync(settings, &shared, full, json).await
        }
        AnnotationsAction::Connect { url, shared, keys } => {
            let settings = Settings::load(&keys.layer, shared.config.as_deref())?;
            match connect(&settings, &url).await? {
                Connected::Registered => println!("registered: {url}"),
                Connected::Updated => println!("was registered, has this secret now: {url}"),
            }
            Ok(true)
        }
    }
}

/// Runs the component on a sync of its own, without any queue: a service that runs is not in the way.
async fn sync(
    settings: Settings,
    shared: &SharedOptions,
    full: bool,
    json: bool,
) -> anyhow::Result<bool> {
    let mut app = AppBuilder::new(settings);
    let (inbox, pipeline) = Collecting::once(&mut app, &shared.components()).await?;
    let object = inbox.request_sync(full).await?;
    let name = object.name.clone();
    let kind = EventKind::Finalized;
    let message = Message::of_event(&Event { kind, object }, "1", SystemTime::now(), "sync");
    let never = CancellationToken::new();
    let answer = run_to_end(&pipeline.runtime, &name, &message, &never).await?;
    let (status, body) = (answer.response.status(), answer.response.body());
    let outcome: Outcome = serde_json::from_slice(body)
        .with_context(|| format!("component answered {status} without an outcome"))?;
    ensure!(status.is_success(), "{}", words(&outcome));
    match json {
        true => println!("{}", serde_json::to_string(&outcome)?),
        false => println!("{}", words(&outcome)),
    }
    Ok(matches!(outcome, Outcome::Collected { .. }))
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Collected {
            target,
            tasks,
            frames,
            unchanged,
            unknown,
        } => format!(
            "{target}: {tasks} tasks read: {frames} frames with something new, {unchanged} unchanged, {unknown} of no manifest"
        ),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
