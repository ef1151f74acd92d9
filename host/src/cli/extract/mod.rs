//! `framemill extract`: frames of some videos, once.

mod inputs;
mod output;
mod progress;
mod report;

pub use report::VideoReport;

use super::options::{KeyOptions, Named, SharedOptions};
use crate::app::function_runtime::function_runtime;
use crate::config::{LOCAL_BUCKET, Layer, Settings, cores};
use crate::service::run_to_end;
use anyhow::{Context as _, ensure};
use framemill_contract::{Event, EventKind, ObjectRef, Outcome};
use framemill_objects::generation;
use framemill_runtime::{Component, Observer, Runtime};
use framemill_sources::Message;
use futures::StreamExt;
use inputs::Input;
use output::Output;
use progress::Progress;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio_util::sync::CancellationToken;

/// Where everything is in the bucket that the output folder is.
const PREFIXES: [(&str, &str); 4] = [
    ("video_path", inputs::VIDEOS),
    ("image_path", "images/"),
    ("manifest_path", "manifests/"),
    ("record_path", "records/"),
];

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
    /// Write /tmp/perf-PID.map, by which Linux perf names the component's functions (`cargo xtask
    /// bench --profile`)
    #[arg(long, hide = true)]
    pub perf_map: bool,
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
        let place = [("store", "."), ("source", "queue")];
        for (key, value) in PREFIXES.into_iter().chain(place) {
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
    let output = Output::open(&args.output, &settings.config, &inputs)?;
    let draw = !args.json && std::io::stderr().is_terminal();
    let progress = Arc::new(Progress::new(inputs.len(), draw));
    let watcher = Arc::clone(&progress);
    let observer: Observer = Arc::new(move |label, event| watcher.see(label, event));
    let engine = args.shared.components().engine()?;
    let function = settings.extraction()?;
    let components = args.shared.components();
    let component = components.load(&engine, &function.component).await?;
    if args.perf_map {
        write_perf_map(&component)?;
    }
    let store = output.store();
    let memory = settings.sandbox_memory();
    let runtime = function_runtime(
        &engine, component, &settings, function, &store, memory, observer,
    )?;
    let jobs = args.jobs.unwrap_or_else(cores).max(1);
    let work = inputs.iter().map(|input| {
        let (runtime, progress) = (runtime.clone(), Arc::clone(&progress));
        let (input, output) = (input.clone(), &output);
        async move {
            progress.start(&input.object());
            let report = extract_one(&runtime, &input, output).await;
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
    output.close();
    Ok(reports)
}

/// Where perf looks for it. What is there already is another's, or a link to somewhere else.
fn write_perf_map(component: &Component) -> anyhow::Result<()> {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let mut file = File::create_new(&path)
        .with_context(|| format!("perf map cannot be written, remove what is there: {path}"))?;
    file.write_all(component.perf_map()?.as_bytes())
        .with_context(|| format!("perf map cannot be written: {path}"))
}

async fn extract_one(runtime: &Runtime, input: &Input, output: &Output) -> VideoReport {
    let started = Instant::now();
    let mut report = VideoReport::new(&input.path);
    match deliver(runtime, input, output).await {
        Ok(outcome) => report.take(outcome, output),
        Err(error) => report.fail(&format!("{error:#}")),
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

/// Sends the video to the component as an upload event.
async fn deliver(runtime: &Runtime, input: &Input, output: &Output) -> anyhow::Result<Outcome> {
    let metadata = std::fs::metadata(&input.path).context("file cannot be read")?;
    ensure!(metadata.is_file(), "not a file");
    let (name, generation) = (input.object(), generation(&metadata));
    let restored = output.restore_claims(input, generation).await;
    restored.context("output folder cannot be read")?;
    let event = Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: LOCAL_BUCKET.to_owned(),
            name: name.clone(),
            generation: Some(generation),
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
