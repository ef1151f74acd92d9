//! `framemill extract`: frames of some videos, once.

mod inputs;
mod progress;
mod report;

pub use report::VideoReport;

use super::options::{KeyOptions, Named, SharedOptions};
use crate::app::function_runtime::function_runtime;
use crate::config::{LOCAL_BUCKET, Layer, Settings, cores};
use crate::service::run_to_end;
use anyhow::{Context as _, ensure};
use framemill_contract::{Event, EventKind, Manifest, ObjectRef, Outcome};
use framemill_objects::{Layout, LocalStore, PRIVATE_FOLDER, Store, generation};
use framemill_runtime::{Observer, Runtime};
use framemill_sources::Message;
use futures::StreamExt;
use inputs::Input;
use progress::Progress;
use std::fs::File;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio_util::sync::CancellationToken;

const VIDEOS: &str = "videos/";
const IMAGES: &str = "images/";
const RECORDS: &str = "records/";

/// Flags of `framemill extract`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  framemill extract clip.mp4 -o frames                 one image per second: frames/clip.mp4/000000.jpg, …
  framemill extract footage/ -o frames --every 500ms   all videos below footage/, two images per second
  framemill extract clip.mp4 -o frames --at 0s,1.5s,1m --format png
  framemill extract clip.mp4 -o frames --keyframes --dedupe on --max-side 640

Beside the images lies manifest.json. A video whose manifest is there already is left unchanged.")]
pub struct ExtractArgs {
    /// Video files, or folders with videos in them
    #[arg(required = true, value_name = "VIDEO")]
    pub videos: Vec<PathBuf>,
    /// Folder for the images; each video gets a folder in it
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Videos that are worked on at the same time [default: number of cores]
    #[arg(short, long, value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// Print a JSON report instead of a table
    #[arg(long)]
    pub json: bool,
    /// Flags of all commands that run a component.
    #[command(flatten)]
    pub shared: SharedOptions,
    /// Keys that have flags.
    #[command(flatten)]
    pub keys: KeyOptions<Extract>,
}

/// `framemill extract`.
#[derive(Clone, Debug, Default)]
pub struct Extract;

impl Named for Extract {
    const NAME: &'static str = "extract";
}

impl ExtractArgs {
    /// What is given, and what is fixed: videos and images have their own places here, and the
    /// bucket is the output folder, whatever the service's is.
    fn layer(&self) -> Layer {
        let mut layer = self.keys.layer.clone();
        let fixed = [
            ("video_path", VIDEOS),
            ("image_path", IMAGES),
            ("record_path", RECORDS),
            ("store", "."),
            ("source", "queue"),
        ];
        for (key, value) in fixed {
            layer.insert(key.to_owned(), value.to_owned());
        }
        layer
    }

    /// The configuration. A file that is named is a video whatever its ending.
    fn settings(&self) -> anyhow::Result<(Settings, Vec<Input>)> {
        let mut layer = self.layer();
        let settings = Settings::load(&layer, self.shared.config.as_deref())?;
        let mut endings = settings.config.video_extensions;
        let inputs = inputs::find(&self.videos, &endings)?;
        endings.extend(inputs.iter().filter_map(Input::ending));
        layer.insert("video_extensions".to_owned(), endings.join(","));
        let settings = Settings::load(&layer, self.shared.config.as_deref())?;
        Ok((settings, inputs))
    }
}

/// Extracts; says whether all videos went well.
///
/// # Errors
/// Where it cannot start.
pub async fn run_extract(args: ExtractArgs) -> anyhow::Result<bool> {
    let reports = extract(&args).await?;
    if args.json {
        println!("{}", report::json(&reports)?);
    } else {
        print!("{}", report::table(&reports));
    }
    Ok(reports.iter().all(|report| report.error.is_none()))
}

/// Extracts; what became of each video, in the order given.
async fn extract(args: &ExtractArgs) -> anyhow::Result<Vec<VideoReport>> {
    let (settings, inputs) = args.settings()?;
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("folder cannot be made: {}", args.output.display()))?;
    let files = inputs
        .iter()
        .map(|input| (input.object(), input.path.clone()));
    let store = LocalStore::new(Layout {
        folders: vec![
            (IMAGES.to_owned(), args.output.clone()),
            // Beside the lock: gone when the last run is.
            (
                RECORDS.to_owned(),
                args.output.join(PRIVATE_FOLDER).join("checkpoints"),
            ),
        ],
        files: files.collect(),
    });
    let lock = lock_output(&args.output, &store)?;
    let draw = !args.json && std::io::stderr().is_terminal();
    let progress = Arc::new(Progress::new(inputs.len(), draw));
    let watcher = Arc::clone(&progress);
    let observer: Observer = Arc::new(move |label, event| watcher.see(label, event));
    let store: Arc<dyn Store> = Arc::new(store);
    let engine = args.shared.components().engine()?;
    let function = settings.extraction()?;
    let components = args.shared.components();
    let component = components.load(&engine, &function.component).await?;
    let runtime = function_runtime(&engine, component, &settings, function, &store, observer)?;
    let jobs = args.jobs.unwrap_or_else(cores).max(1);
    let work = inputs.iter().map(|input| {
        let (runtime, progress) = (runtime.clone(), Arc::clone(&progress));
        let (input, output) = (input.clone(), args.output.clone());
        async move {
            progress.start(&input.object());
            let report = extract_one(&runtime, &input, &output).await;
            progress.end(&input.object(), &report);
            report
        }
    });
    // Unordered: behind a long first video the others must not wait.
    let numbered = work
        .enumerate()
        .map(|(number, work)| async move { (number, work.await) });
    let mut reports: Vec<(usize, VideoReport)> = futures::stream::iter(numbered)
        .buffer_unordered(jobs)
        .collect()
        .await;
    reports.sort_by_key(|(number, _)| *number);
    let reports = reports.into_iter().map(|(_, report)| report).collect();
    progress.close();
    drop(lock);
    remove_private_folder(&args.output);
    Ok(reports)
}

/// Holds the output folder. What a crashed run has left is removed where no other run is at
/// work in it; several may be.
fn lock_output(output: &Path, store: &LocalStore) -> anyhow::Result<File> {
    let shown = || format!("output folder cannot be written: {}", output.display());
    let folder = output.join(PRIVATE_FOLDER);
    // Cleaning up here would take the service's queue and unfinished files away.
    anyhow::ensure!(
        !folder.join("queue.redb").exists(),
        "output folder is the data folder of `framemill up`, whose files are not for us: choose another, for example {}",
        output.join("extracted").display()
    );
    std::fs::create_dir_all(&folder).with_context(shown)?;
    let lock = File::create(folder.join("lock")).with_context(shown)?;
    if lock.try_lock().is_ok() {
        store.remove_leftovers().with_context(shown)?;
        lock.unlock().with_context(shown)?;
    }
    lock.lock_shared().with_context(shown)?;
    Ok(lock)
}

/// Leaves nothing but images behind, unless another run is still at work.
fn remove_private_folder(output: &Path) {
    let folder = output.join(PRIVATE_FOLDER);
    if let Ok(lock) = File::create(folder.join("lock"))
        && lock.try_lock().is_ok()
    {
        let _ = std::fs::remove_dir_all(folder);
    }
}

async fn extract_one(runtime: &Runtime, input: &Input, output: &Path) -> VideoReport {
    let started = Instant::now();
    let mut report = VideoReport::new(&input.path);
    match deliver(runtime, input).await {
        Ok(outcome) => report.take(outcome, output),
        Err(error) => report.fail(&format!("{error:#}")),
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

/// Sends the video to the component as an upload event.
async fn deliver(runtime: &Runtime, input: &Input) -> anyhow::Result<Outcome> {
    let metadata = std::fs::metadata(&input.path).context("file cannot be read")?;
    ensure!(metadata.is_file(), "not a file");
    let name = input.object();
    let event = Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: LOCAL_BUCKET.to_owned(),
            name: name.clone(),
            generation: Some(generation(&metadata)),
        },
    };
    let message = Message::of_event(&event, "1", SystemTime::now(), "extract");
    let never = CancellationToken::new();
    let answer = run_to_end(runtime, &name, &message, &never).await?;
    serde_json::from_slice(answer.response.body()).with_context(|| {
        let status = answer.response.status();
        format!("component answered {status} without an outcome")
    })
}

/// A manifest that the component wrote, by its object name.
fn read_manifest(output: &Path, object: &str) -> anyhow::Result<Manifest> {
    let path = output.join(object.strip_prefix(IMAGES).unwrap_or(object));
    let bytes = std::fs::read(&path)
        .with_context(|| format!("manifest cannot be read: {}", path.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}
