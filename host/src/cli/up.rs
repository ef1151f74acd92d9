//! `framemill up`: the service.

use super::options::{KeyOptions, Named, SharedOptions};
use crate::app::{self, App};
use crate::config::Settings;
use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

/// Flags of `framemill up`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  framemill up --data bucket            drop videos into bucket/videos/, find images below bucket/images/
  framemill up --data bucket --every 5s --max-side 1280
  framemill up --store gs://bucket --source pubsub://projects/p/subscriptions/uploads
  framemill up --store s3://bucket --source amqp:uploads         MinIO's events from RabbitMQ
  framemill up --config framemill.toml --log json

Any number of these may share one subscription or AMQP queue; nothing else is shared.
Each key of framemill.toml is an environment variable too: FRAMEMILL_DATA, FRAMEMILL_EVERY, …
SIGINT or SIGTERM stops gracefully; a second one stops at once. Nothing is lost either way.")]
pub struct UpArgs {
    /// Queue all messages again that were given up
    #[arg(long)]
    pub redrive_dead_letters: bool,
    /// End once everything that is there has been worked on
    #[arg(long)]
    pub until_idle: bool,
    /// Flags of all commands that run a component.
    #[command(flatten)]
    pub shared: SharedOptions,
    /// Keys that have flags.
    #[command(flatten)]
    pub keys: KeyOptions<Up>,
}

/// `framemill up`.
#[derive(Clone, Debug, Default)]
pub struct Up;

impl Named for Up {
    const NAME: &'static str = "up";
}

/// Runs the service. Says whether all went well: with `--until-idle` false where a video failed.
///
/// # Errors
/// Where it cannot start, or its queue breaks.
pub async fn run_up(args: UpArgs) -> anyhow::Result<bool> {
    let stop = CancellationToken::new();
    let kill = CancellationToken::new();
    listen_for_signals(stop.clone(), kill.clone())?;
    let app = App {
        settings: Settings::load(&args.keys.layer, args.shared.config.as_deref())?,
        components: args.shared.components(),
        redrive_dead_letters: args.redrive_dead_letters,
        until_idle: args.until_idle,
    };
    let summary = app::run(app, &stop, kill).await?;
    tracing::info!(
        done = summary.done,
        rejected = summary.rejected,
        dead_lettered = summary.dead_lettered,
        released = summary.released,
        "stopped"
    );
    Ok(!(args.until_idle && (summary.failed() || summary.released > 0)))
}

/// The first signal stops gracefully, the second at once.
pub(super) fn listen_for_signals(
    stop: CancellationToken,
    kill: CancellationToken,
) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    tokio::spawn(async move {
        for token in [stop, kill] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(())
}
