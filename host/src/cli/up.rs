//! `framemill up`: the service.

use super::assemble::AppBuilder;
use super::bucket_options::{PlaceOptions, given};
use super::options::SharedOptions;
use crate::config::{Layer, Settings, SourceAddress, StoreAddress};
use crate::images::Images;
use crate::objects::{Layout, LocalStore};
use crate::pipeline::Pipeline;
use crate::service::{RunSummary, Service};
use crate::sources::{FolderSource, FolderState, FolderWatch, Queue, Source};
use crate::sweep::Sweep;
use anyhow::Context as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A source of other machines counts as empty once nothing came for so long.
const QUIET: Duration = Duration::from_secs(10);
/// A sweep that broke off is tried again after this time.
const SWEEP_AGAIN: Duration = Duration::from_secs(60);
/// A sweep waits this many times its interval for a calm moment.
const BUSY_SWEEPS: u32 = 24;

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
    /// Serve images on this address, for labeling tools that cannot read the bucket
    #[arg(long, value_name = "ADDRESS")]
    pub serve_images: Option<String>,
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
            ("serve_images", &self.serve_images),
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
    let summary = run_until(&args, &stop, kill).await?;
    tracing::info!(
        done = summary.done,
        rejected = summary.rejected,
        dead_lettered = summary.dead_lettered,
        released = summary.released,
        "stopped"
    );
    Ok(!(args.until_idle && (summary.failed() || summary.released > 0)))
}

async fn run_until(
    args: &UpArgs,
    stop: &CancellationToken,
    kill: CancellationToken,
) -> anyhow::Result<RunSummary> {
    let mut app = AppBuilder::new(args.settings()?);
    let folder = prepare_folder(&mut app)?;
    let Some(built) = stop.run_until_cancelled(app.build(&args.shared)).await else {
        return Ok(RunSummary::default());
    };
    let built = built?;
    if args.redrive_dead_letters {
        for (source, _) in &built {
            let count = source.redrive(None).await?;
            tracing::info!("{count} messages queued again: {}", source.name());
        }
    }
    let mut background = JoinSet::new();
    let (looks, looked) = watch::channel(FolderState::default());
    if let Some(queue) = folder {
        let settings = &app.settings;
        let watch = FolderWatch {
            data: settings.data_folder().to_owned(),
            bucket: settings.store.bucket().to_owned(),
            config: settings.config.clone(),
            stable_for: settings.stable_for,
        };
        let source = FolderSource::new(watch, queue);
        background.spawn(async move { Ok(source.run(looks).await?) });
    }
    let (services, running) = services(&app.settings, built);
    let swept = start_sweeps(&mut app, &running, &mut background).await?;
    if let Some(address) = app.settings.serve_images {
        let images = Images {
            store: app.store(&app.settings.store.clone())?,
            bucket: app.settings.store.bucket().to_owned(),
            prefix: app.settings.config.image_path.clone(),
        };
        background.spawn(images.serve(address, stop.clone()));
    }
    announce(&app.settings);
    if args.until_idle {
        let idle = Idle {
            looked: (app.settings.source == SourceAddress::Folder).then_some(looked),
            swept,
            queue: app.embedded(),
            all_embedded: app.planned()?.iter().all(|plan| plan.source.is_embedded()),
            running,
        };
        background.spawn(idle.wait(stop.clone()));
    }
    run_all(services, background, stop, kill).await
}

/// One service for each source, and what tells how much it works on.
fn services(
    settings: &Settings,
    built: Vec<(Arc<dyn Source>, Vec<Pipeline>)>,
) -> (Vec<Arc<Service>>, Vec<watch::Receiver<usize>>) {
    let service = |(source, pipelines)| {
        let (running, receiver) = watch::channel(0);
        let service = Service {
            source,
            pipelines,
            workers: settings.workers,
            drain: settings.drain,
            max_attempts: settings.max_attempts,
            running,
        };
        (Arc::new(service), receiver)
    };
    built.into_iter().map(service).unzip()
}

/// Runs the services until they end; whatever breaks stops all of them, in order.
async fn run_all(
    services: Vec<Arc<Service>>,
    mut background: JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
    kill: CancellationToken,
) -> anyhow::Result<RunSummary> {
    let mut running = JoinSet::new();
    for service in services {
        running.spawn(service.run(stop.clone(), kill.clone()));
    }
    let mut summary = RunSummary::default();
    let mut broken: Option<anyhow::Error> = None;
    while !running.is_empty() {
        let ended = tokio::select! {
            Some(ended) = running.join_next() => {
                ended.context("a service broke off")
                    .and_then(|ended| ended)
                    .map(|part| summary = summary.plus(part))
            }
            Some(ended) = background.join_next() => {
                ended.context("a part of the service broke off").and_then(|ended| ended)
            }
        };
        if let Err(error) = ended {
            stop.cancel();
            broken.get_or_insert(error);
        }
    }
    background.shutdown().await;
    match broken {
        Some(error) => Err(error),
        None => Ok(summary),
    }
}

/// Makes a folder ready to be the bucket, and gives its queue where the folder is watched.
fn prepare_folder(app: &mut AppBuilder) -> anyhow::Result<Option<Arc<Queue>>> {
    let watched = app.settings.source == SourceAddress::Folder;
    // The queue's lock says that no other process writes here.
    let queue = watched.then(|| {
        make_folders(&app.settings)?;
        app.queue()
    });
    let queue = queue.transpose()?;
    if queue.is_some() {
        LocalStore::new(Layout::folder(app.settings.data_folder()))
            .remove_leftovers()
            .context("unfinished files cannot be removed")?;
    } else if let StoreAddress::Folder(_) = &app.settings.store {
        make_folders(&app.settings)?;
    }
    Ok(queue)
}

fn make_folders(settings: &Settings) -> anyhow::Result<()> {
    for path in ["", &settings.config.video_path, &settings.config.image_path] {
        let folder = settings.data_folder().join(path);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("folder cannot be made: {}", folder.display()))?;
    }
    Ok(())
}

fn announce(settings: &Settings) {
    let videos = &settings.config.video_path;
    let workers = settings.workers;
    match &settings.store {
        StoreAddress::Folder(folder) => {
            let folder = folder.join(videos);
            tracing::info!(workers, "ready: drop videos into {}", folder.display());
        }
        StoreAddress::Gcs(bucket) => {
            tracing::info!(workers, "ready: upload videos to gs://{bucket}/{videos}");
        }
        StoreAddress::S3(bucket) => {
            tracing::info!(workers, "ready: upload videos to s3://{bucket}/{videos}");
        }
    }
}

/// Starts the sweeps of the common bucket. The receiver says how many there were.
async fn start_sweeps(
    app: &mut AppBuilder,
    running: &[watch::Receiver<usize>],
    background: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<watch::Receiver<u64>> {
    let (count, receiver) = watch::channel(0);
    let settings = app.settings.clone();
    let Some(every) = settings.sweep_every else {
        count.send_replace(1);
        return Ok(receiver);
    };
    let embedded = settings.source.is_embedded();
    let sweep = Sweep {
        store: app.store(&settings.store)?,
        bucket: settings.store.bucket().to_owned(),
        pipelines: app.swept().await?,
        skip: settings.skipped(),
        // An embedded queue knows what it holds: nothing can be queued twice.
        age: if embedded {
            settings.stable_for
        } else {
            settings.sweep_age
        },
    };
    let running = running.to_vec();
    background.spawn(async move {
        loop {
            if !embedded {
                calm(&running, every).await;
            }
            match sweep.run(&|_| {}).await {
                Ok(swept) => {
                    tracing::info!(
                        videos = swept.videos,
                        queued = swept.queued,
                        failed = swept.failed,
                        "swept"
                    );
                    count.send_modify(|count| *count = count.saturating_add(1));
                    tokio::time::sleep(every).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "sweep broke off, and is tried again");
                    tokio::time::sleep(every.min(SWEEP_AGAIN)).await;
                }
            }
        }
    });
    Ok(receiver)
}

/// Waits until no message is being worked on for a while: as long as messages come, what has no
/// manifest waits for its turn and is not lost. But not for ever: there may always be some.
async fn calm(running: &[watch::Receiver<usize>], every: Duration) {
    let start = Instant::now();
    let mut since = Instant::now();
    while since.elapsed() < QUIET && start.elapsed() < every.saturating_mul(BUSY_SWEEPS) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if running.iter().any(|running| *running.borrow() > 0) {
            since = Instant::now();
        }
    }
}

/// For `--until-idle`: when there is nothing more to do.
struct Idle {
    /// How far the folder's watcher is, where there is one.
    looked: Option<watch::Receiver<FolderState>>,
    swept: watch::Receiver<u64>,
    queue: Option<Arc<Queue>>,
    /// Whether there is no other source.
    all_embedded: bool,
    running: Vec<watch::Receiver<usize>>,
}

impl Idle {
    /// Stops once the folder has been read, no file is growing and the queue is empty; where
    /// the queue is somewhere else, once nothing came for a while.
    async fn wait(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut quiet_since = Instant::now();
        while !stop.is_cancelled() {
            // The folder first: what it finds is in the queue before its state says so.
            let looked = self.looked.as_ref().is_none_or(|looked| {
                let state = *looked.borrow();
                state.looks > 0 && state.unstable == 0
            });
            let waiting = self
                .queue
                .as_ref()
                .map(|queue| queue.pending())
                .transpose()?;
            let busy = self.running.iter().any(|running| *running.borrow() > 0);
            let found_all = looked && *self.swept.borrow() > 0;
            if !found_all || busy || waiting.is_some_and(|waiting| waiting > 0) {
                quiet_since = Instant::now();
            } else if self.all_embedded || quiet_since.elapsed() >= QUIET {
                stop.cancel();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
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
