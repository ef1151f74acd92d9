//! What one step of a segment costs in the sandbox: sends extract-frames requests that a
//! coordinator would send, but for what is left out of them, and prints one line of JSON.
//! `cargo xtask bench` runs it and takes the differences.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use framemill::app::function_runtime::function_runtime;
use framemill::cli::read_index;
use framemill::config::{LOCAL_BUCKET, Layer, Settings};
use framemill_contract::{
    Config, Event, EventKind, GopWork, Job, ObjectRef, SegmentReply, SegmentRequest, SegmentResult,
    Wanted,
};
use framemill_objects::{FileLayout, LocalStore, Store, generation};
use framemill_runtime::{Component, Engine, Runtime};
use framemill_video::{Sample, VideoIndex};
use http::Request;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The last access units of a video, of which no frame is asked for: what a decoder holds back at
/// the end would become images. 16 pictures wait for reordering at most, by each codec's rules.
const HELD_BACK: usize = 32;
/// A sharpness that no picture has.
const NEVER_SHARP: &str = "1000000000";

/// How much of the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// The bytes are fetched, and nothing is decoded
    Read,
    /// All of it is decoded, and no frame is looked at
    Decode,
    /// Each frame is scored too, and dropped
    Score,
    /// Each frame becomes an image
    Images,
}

/// Sends one segment of a video to extract-frames, some times.
#[derive(Parser)]
struct Args {
    /// The component
    #[arg(long)]
    component: PathBuf,
    /// How much of the work is done
    #[arg(long)]
    work: Work,
    /// Sync samples alone instead of all access units
    #[arg(long)]
    key_frames: bool,
    /// Access units at most
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    most: usize,
    /// Runs; the one that took the least processor time counts
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Code that cannot be interrupted
    #[arg(long)]
    uninterrupted: bool,
    /// Keeps compiled code here
    #[arg(long)]
    cache: Option<PathBuf>,
    /// The video
    video: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let engine = match args.uninterrupted {
        false => Engine::new(args.cache.as_deref()),
        true => Engine::uninterrupted(args.cache.as_deref()),
    }?;
    let component = Component::load(&engine, &args.component)?;
    let (index, _) = read_index(&args.video)?;
    let samples = gop(&args, &index.samples).samples.len();
    let mut best: Option<(Duration, SegmentResult)> = None;
    for _ in 0..args.runs.max(1) {
        let run = run(&engine, &component, &args, &index).await?;
        if best.as_ref().is_none_or(|(cpu, _)| run.0 < *cpu) {
            best = Some(run);
        }
    }
    let (cpu, result) = best.context("no run")?;
    let line = serde_json::json!({
        "codec": index.config.codec,
        "cpu_ms": cpu.as_secs_f64() * 1000.0,
        "samples": samples,
        "access_units": result.access_units_decoded,
        "images": result.frames.len(),
        "image_bytes": result.frames.iter().map(|frame| frame.bytes).sum::<u64>(),
        "dropped": result.dropped.len(),
    });
    println!("{line}");
    Ok(())
}

/// One request to a new bucket; processor time of the whole process until its answer.
async fn run(
    engine: &Engine,
    component: &Component,
    args: &Args,
    index: &VideoIndex,
) -> Result<(Duration, SegmentResult)> {
    let bucket = tempfile::tempdir()?;
    let settings = settings(args, bucket.path())?;
    let video = video(&args.video)?;
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout {
        files: [(video.name.clone(), args.video.clone())].into(),
        ..FileLayout::folder(bucket.path())
    }));
    let runtime = function_runtime(
        engine,
        component.clone(),
        &settings,
        settings.extraction()?,
        &store,
        None,
        Arc::new(|_, _| {}),
    )?;
    let request = segment(&settings.config, &video, args, index)?;
    let before = processor_time();
    let reply = send(&runtime, &request).await?;
    let took = processor_time().saturating_sub(before);
    let result = match reply {
        SegmentReply::Done(result) => result,
        other => bail!("segment failed: {other:?}"),
    };
    check(args.work, &request, &result)?;
    Ok((took, result))
}

fn settings(args: &Args, bucket: &Path) -> Result<Settings> {
    let bucket = bucket.to_str().context("folder has no name in UTF-8")?;
    let mut layer = Layer::from([("data".to_owned(), bucket.to_owned())]);
    if args.work == Work::Score {
        layer.insert("min_sharpness".to_owned(), NEVER_SHARP.to_owned());
    }
    Settings::new(&layer, |_| None, None).map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn video(path: &Path) -> Result<ObjectRef> {
    let metadata = std::fs::metadata(path).context("video cannot be read")?;
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(ObjectRef {
        bucket: LOCAL_BUCKET.to_owned(),
        name: format!("videos/{}", name.context("video has no name in UTF-8")?),
        generation: Some(generation(&metadata)),
    })
}

fn segment(
    config: &Config,
    video: &ObjectRef,
    args: &Args,
    index: &VideoIndex,
) -> Result<SegmentRequest> {
    let upload = Event {
        kind: EventKind::Finalized,
        object: video.clone(),
    };
    let job = Job::from_event(&upload, config)?;
    let generation = video.generation.context("video has no generation")?;
    let (layout, work) = (&config.layout, config.work());
    let [image_prefix, ..] = layout.prefixes_of_images(&job.name, generation, config.naming, &work);
    let first_pts = index.samples.iter().map(|sample| sample.pts).min();
    Ok(SegmentRequest {
        video: video.clone(),
        image_prefix,
        config: index.config.clone(),
        other_configs: index.other_configs.clone(),
        unwrap: index.unwrap.clone(),
        timescale: index.timescale,
        first_pts: first_pts.unwrap_or_default(),
        rotation: index.rotation,
        images: config.images,
        filters: config.filters,
        naming: config.naming,
        careful: false,
        gops: vec![gop(args, &index.samples)],
    })
}

/// The whole video as one group of pictures, which may be as long as it is.
fn gop(args: &Args, samples: &[Sample]) -> GopWork {
    let chosen = samples.iter().filter(|it| it.sync || !args.key_frames);
    let mut samples: Vec<Sample> = chosen.take(args.most).copied().collect();
    let mut by_time: Vec<_> = samples.iter().map(|sample| sample.pts).collect();
    by_time.sort_unstable();
    let wanted = |sample: &Sample| Wanted {
        index: by_time.partition_point(|pts| *pts < sample.pts) as u64,
        pts: sample.pts,
    };
    // What is wanted is decoded even where nothing refers to it.
    let wanted: Vec<Wanted> = match args.work {
        Work::Read => Vec::new(),
        Work::Decode => {
            let decoded = samples.len().saturating_sub(HELD_BACK);
            samples.iter().take(decoded).map(wanted).collect()
        }
        Work::Score | Work::Images => samples.iter().map(wanted).collect(),
    };
    for sample in &mut samples {
        match args.work {
            // Nothing is decoded before the first sync sample.
            Work::Read => sample.sync = false,
            // Decoded frames that are not shown are let go.
            Work::Decode => sample.shown = false,
            Work::Score | Work::Images => {}
        }
    }
    GopWork { samples, wanted }
}

async fn send(runtime: &Runtime, request: &SegmentRequest) -> Result<SegmentReply> {
    let body = Bytes::from(serde_json::to_vec(request)?);
    let uri = "http://extract-frames.spin.internal/segments";
    let post = Request::post(uri).body(body)?;
    // Its label says which video's names it may write.
    let answer = runtime.call(&request.video.name, post).await?.response;
    let body = answer.body();
    serde_json::from_slice(body).with_context(|| {
        let said = String::from_utf8_lossy(body);
        format!("segment answered {}: {said}", answer.status())
    })
}

/// A segment that did other work than it was measured for would be a wrong figure.
fn check(work: Work, request: &SegmentRequest, result: &SegmentResult) -> Result<()> {
    let samples = request.gops.iter().flat_map(|gop| &gop.samples).count();
    let wanted = request.gops.iter().flat_map(|gop| &gop.wanted).count();
    let decoded = usize::try_from(result.access_units_decoded)?;
    let (most, images, dropped) = match work {
        Work::Read => (0, 0, 0),
        Work::Decode => (samples, 0, 0),
        Work::Score => (samples, 0, wanted),
        Work::Images => (samples, wanted, 0),
    };
    let mut warnings = result.warnings.iter();
    // Frames that are not shown count as lost.
    let wrong = warnings.find(|it| !(work == Work::Decode && it.code == "frames_lost"));
    if let Some(wrong) = wrong {
        bail!("{}: {}", wrong.code, wrong.message);
    }
    let few = decoded.saturating_add(HELD_BACK) < most || decoded > most;
    ensure!(!few, "decoded {decoded} of {samples} access units");
    let made = (result.frames.len(), result.dropped.len());
    ensure!(
        made == (images, dropped),
        "made {} images and dropped {}, expected {images} and {dropped}",
        made.0,
        made.1
    );
    Ok(())
}

/// Of all threads of this process.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
