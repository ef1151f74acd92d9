//! The application: the configuration as parts that run together until they are stopped.

pub mod builder;
pub mod collecting;
mod components;
pub mod connecting;
pub mod console;
mod folder;
pub mod function_runtime;
mod idle;
mod listening;
mod problems;
pub mod records;
pub mod sweep;
pub mod sweep_rules;
mod sweeping;
pub mod warehouse;

use crate::config::{SHORTAGE_REMEDY, Settings, SourceAddress, StoreAddress, memory};
use crate::service::{Pipeline, Pushes, RunSummary, Service};
pub use components::Components;
pub use problems::Problems;

use anyhow::Context as _;
use builder::AppBuilder;
use collecting::Collecting;
use folder::prepare_folder;
use framemill_sources::{FolderSource, FolderState, FolderWatch, Source};
use idle::Idle;
use listening::Listening;
use std::sync::Arc;
use sweeping::start_sweeps;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use warehouse::start_refreshes;

/// What is run, and until when.
pub struct App {
    /// The configuration.
    pub settings: Settings,
    /// Where components are.
    pub components: Components,
    /// Whether all dead letters are queued again at the start.
    pub redrive_dead_letters: bool,
    /// Whether it ends once everything that is there has been worked on.
    pub until_idle: bool,
}

/// Runs until `stop`, then lets running work finish; `kill` cuts that short.
///
/// # Errors
/// Where it cannot start, or its queue breaks.
pub async fn run(
    args: App,
    stop: &CancellationToken,
    kill: CancellationToken,
) -> anyhow::Result<RunSummary> {
    let mut app = AppBuilder::new(args.settings);
    let folder = prepare_folder(&mut app)?;
    // First, so that probes are answered while components are compiled.
    let listening = Listening::start(&mut app, stop).await?;
    let Some(built) = stop.run_until_cancelled(app.build(&args.components)).await else {
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
            follow_links: settings.follow_links,
            data: settings.data_folder().to_owned(),
            bucket: settings.store.bucket().to_owned(),
            trigger: settings.extraction()?.function.trigger.clone(),
            stable_for: settings.stable_for,
        };
        let source = FolderSource::new(watch, queue);
        background.spawn(async move { Ok(source.run(looks).await?) });
    }
    let (services, running) = services(&app, built);
    let collecting = Collecting::open(&mut app).await?;
    if let Some(collecting) = &collecting {
        collecting.start_syncs(&mut background);
    }
    start_refreshes(&mut app, &mut background)?;
    let swept = start_sweeps(&mut app, &running, &mut background).await?;
    if let Some(listening) = &listening {
        let inbox = collecting.map(|it| it.inbox);
        listening.ready(&mut app, &services, inbox)?;
    }
    announce(&app.settings);
    if args.until_idle {
        let idle = Idle {
            looked: (app.settings.source == SourceAddress::Folder).then_some(looked),
            swept,
            queue: app.embedded(),
            all_embedded: app.functions().iter().all(|it| it.source.is_embedded()),
            running,
        };
        background.spawn(idle.wait(stop.clone()));
    }
    let ended = run_all(services, background, stop, &kill).await;
    // Last: until here it answers probes, and the pushes that were worked on.
    if let Some(listening) = listening {
        listening.close(&kill).await;
    }
    ended
}

/// One service for each source, and what tells how much it works on.
fn services(
    app: &AppBuilder,
    built: Vec<(Arc<dyn Source>, Vec<Pipeline>)>,
) -> (Vec<Arc<Service>>, Vec<watch::Receiver<usize>>) {
    let settings = &app.settings;
    let service = |(source, pipelines)| {
        let (running, receiver) = watch::channel(0);
        let service = Service {
            source,
            pipelines,
            workers: settings.workers,
            drain: settings.drain,
            max_attempts: settings.max_attempts,
            running,
            pushes: Pushes::default(),
            metrics: Arc::clone(&app.metrics),
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
    kill: &CancellationToken,
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

fn announce(settings: &Settings) {
    if let Some(shortage) = settings.memory_shortage(memory()) {
        tracing::warn!("{shortage}: {SHORTAGE_REMEDY}");
    }
    let videos = &settings.config.video_path;
    let workers = settings.workers;
    if settings.source == SourceAddress::None {
        tracing::info!(workers, "ready: waiting for pushed messages");
        return;
    }
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
