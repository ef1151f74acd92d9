//! `framemill up`: the service.

use super::options::{EXTRACT_FRAMES, SharedOptions};
use crate::config::Settings;
use crate::objects::{Layout, LocalStore, PRIVATE_FOLDER, Store};
use crate::service::Service;
use crate::sources::{FolderSource, FolderState, FolderWatch, Queue};
use anyhow::Context as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of the bucket that a local folder is.
pub const LOCAL_BUCKET: &str = "local";

/// Flags of `framemill up`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  framemill up --data bucket            drop videos into bucket/videos/, find images below bucket/images/
  framemill up --data bucket --every 5s --max-side 1280
  framemill up --config framemill.toml --log json

Each key of framemill.toml is an environment variable too: FRAMEMILL_DATA, FRAMEMILL_EVERY, …
SIGINT or SIGTERM stops gracefully; a second one stops at once. Nothing is lost either way.")]
pub struct UpArgs {
    /// Folder that is the bucket [default: framemill-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Videos that are worked on at the same time [default: number of cores]
    #[arg(long, value_name = "NUMBER")]
    pub workers: Option<String>,
    /// Time that running work has to finish after a signal to stop [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub drain: Option<String>,
    /// A file is taken once it has not changed for this long [default: 1s]
    #[arg(long, value_name = "TIME")]
    pub settle: Option<String>,
    /// Failed deliveries after which a message is given up [default: 5]
    #[arg(long, value_name = "NUMBER")]
    pub max_attempts: Option<String>,
    /// Queue all videos again that were given up
    #[arg(long)]
    pub retry_given_up: bool,
    /// End once everything that is there has been worked on
    #[arg(long)]
    pub until_idle: bool,
    /// Flags of all commands that run the component.
    #[command(flatten)]
    pub shared: SharedOptions,
}

impl UpArgs {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut layer = self.shared.layer();
        // The folder is the one bucket there is.
        layer.insert("bucket".to_owned(), LOCAL_BUCKET.to_owned());
        for (name, value) in [
            ("data", &self.data),
            ("workers", &self.workers),
            ("drain", &self.drain),
            ("settle", &self.settle),
            ("max_attempts", &self.max_attempts),
        ] {
            if let Some(value) = value {
                layer.insert(name.to_owned(), value.clone());
            }
        }
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
    run_until(args, stop, kill).await
}

async fn run_until(
    args: UpArgs,
    stop: CancellationToken,
    kill: CancellationToken,
) -> anyhow::Result<bool> {
    let settings = args.settings()?;
    let data = make_folders(&settings)?;
    let queue_file = data.join(PRIVATE_FOLDER).join("queue.redb");
    let queue = Arc::new(Queue::open(&queue_file, settings.max_attempts)?);
    if args.retry_given_up {
        let count = queue.revive()?;
        tracing::info!("{count} videos queued again");
    }
    let store = LocalStore::new(Layout::folder(&data));
    // The queue's lock says that no other process writes here.
    store
        .remove_leftovers()
        .context("unfinished files cannot be removed")?;
    let store: Arc<dyn Store> = Arc::new(store);
    let runtime = args
        .shared
        .runtime(
            EXTRACT_FRAMES,
            &settings,
            LOCAL_BUCKET,
            Arc::clone(&store),
            Arc::new(|_, _| {}),
        )
        .await?;
    let watch = FolderWatch {
        data: data.clone(),
        bucket: LOCAL_BUCKET.to_owned(),
        config: settings.config.clone(),
        settle: settings.settle,
    };
    let service = Arc::new(Service {
        queue: Arc::clone(&queue),
        runtime,
        store,
        workers: settings.workers,
        drain: settings.drain,
    });
    tracing::info!(
        waiting = queue.pending()?,
        workers = settings.workers,
        "ready: drop videos into {}",
        data.join(&settings.config.video_path).display()
    );
    let (state, looks) = watch::channel(FolderState::default());
    let source = FolderSource::new(watch, Arc::clone(&queue)).run(state);
    let idle = idle(args.until_idle, looks, Arc::clone(&queue), stop.clone());
    let watching = stop.clone();
    let (tally, source, idle) = tokio::join!(
        async {
            let tally = service.run(stop.clone(), kill).await;
            stop.cancel();
            tally
        },
        async {
            let ended = watching.run_until_cancelled(source).await;
            watching.cancel();
            ended.unwrap_or(Ok(()))
        },
        idle,
    );
    let tally = tally?;
    source?;
    idle?;
    tracing::info!(
        done = tally.done,
        rejected = tally.rejected,
        given_up = tally.dead,
        given_back = tally.given_back,
        "stopped"
    );
    Ok(!(args.until_idle && (tally.failed() || tally.given_back > 0)))
}

/// Makes the bucket's folders and gives its path.
fn make_folders(settings: &Settings) -> anyhow::Result<PathBuf> {
    for path in ["", &settings.config.video_path, &settings.config.image_path] {
        let folder = settings.data.join(path);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("folder cannot be made: {}", folder.display()))?;
    }
    Ok(settings.data.clone())
}

/// Stops once the folder has been read, no file is growing and the queue is empty.
async fn idle(
    wanted: bool,
    looks: watch::Receiver<FolderState>,
    queue: Arc<Queue>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if !wanted {
        return Ok(());
    }
    while !stop.is_cancelled() {
        // The folder first: what it finds is in the queue before its state says so.
        let state = *looks.borrow();
        if state.looks > 0 && state.unsettled == 0 && queue.pending()? == 0 {
            stop.cancel();
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
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
