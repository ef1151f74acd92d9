//! `framemill up`: the service.

use super::bucket_options::{PlaceOptions, given};
use super::options::SharedOptions;
use crate::app::{self, App};
use crate::config::{Layer, Settings};
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
    /// Bucket and source.
    #[command(flatten)]
    pub place: PlaceOptions,
    /// Messages that may wait in flight beside those that are worked on [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub prefetch: Option<String>,
    /// How often the bucket is searched for videos whose message was lost, or off [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub sweep_every: Option<String>,
    /// A sweep leaves videos alone that are younger [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub sweep_age: Option<String>,
    /// Listen for pushed messages, probes and metrics, and serve images, on this address
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Videos that are worked on at the same time [default: number of cores]
    #[arg(long, value_name = "NUMBER")]
    pub workers: Option<String>,
    /// Time that running work has to finish after a signal to stop [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub drain: Option<String>,
    /// A file is taken once it has not changed for this long [default: 1s]
    #[arg(long, value_name = "TIME")]
    pub stable_for: Option<String>,
    /// Failed deliveries after which a message is given up [default: 5]
    #[arg(long, value_name = "NUMBER")]
    pub max_attempts: Option<String>,
    /// Queue all messages again that were given up
    #[arg(long)]
    pub redrive_dead_letters: bool,
    /// End once everything that is there has been worked on
    #[arg(long)]
    pub until_idle: bool,
    /// Flags of all commands that run the component.
    #[command(flatten)]
    pub shared: SharedOptions,
}

impl UpArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut layer: Layer = self.shared.layer();
        layer.extend(self.place.layer());
        layer.extend(given([
            ("prefetch", &self.prefetch),
            ("sweep_every", &self.sweep_every),
            ("sweep_age", &self.sweep_age),
            ("listen", &self.listen),
            ("workers", &self.workers),
            ("drain", &self.drain),
            ("stable_for", &self.stable_for),
            ("max_attempts", &self.max_attempts),
        ]));
        Settings::load(&layer, self.shared.config.as_deref())
    }
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
        settings: args.settings()?,
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
fn listen_for_signals(stop: CancellationToken, kill: CancellationToken) -> anyhow::Result<()> {
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
