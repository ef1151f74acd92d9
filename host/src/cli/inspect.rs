//! `framemill inspect`: what is known of a video without decoding it.

use super::options::{KeyOptions, Named};
use crate::config::Settings;
use anyhow::{Context as _, bail};
use framemill_contract::Selection;
use framemill_frames::{gop_structure, plan};
use framemill_support::text::Printable;
use framemill_video::{IndexReader, Progress, VideoIndex};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes that one step of reading an index may ask for.
const MOST_ASKED: u64 = 1 << 30;

/// Flags of `framemill inspect`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  framemill inspect clip.mp4
  framemill inspect clip.mp4 --every 2s --snap keyframe   what that selection would read and decode
  framemill inspect clip.mp4 --json")]
pub struct InspectArgs {
    /// Video file
    #[arg(value_name = "VIDEO")]
    pub video: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Configuration file [default: framemill.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "FRAMEMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// The selection to plan for.
    #[command(flatten)]
    pub keys: KeyOptions<Inspect>,
}

/// `framemill inspect`.
#[derive(Clone, Debug, Default)]
pub struct Inspect;

impl Named for Inspect {
    const NAME: &'static str = "inspect";
}

/// Prints what is in a video; false where it is none that can be read.
///
/// # Errors
/// Where the file cannot be read or the configuration is wrong.
pub fn run_inspect(args: &InspectArgs) -> anyhow::Result<bool> {
    let settings = Settings::load(&args.keys.layer, args.config.as_deref())?;
    let facts = match inspect(&args.video, &settings.config.selection) {
        Ok(facts) => facts,
        Err(error) => {
            if args.json {
                let error = json!({ "video": args.video, "error": format!("{error:#}") });
                println!("{error:#}");
            } else {
                let said = format_args!("{error:#}: {}", args.video.display());
                eprintln!("error: {}", Printable(said));
            }
            return Ok(false);
        }
    };
    if args.json {
        println!("{facts:#}");
    } else {
        print!("{}", text(&facts));
    }
    Ok(true)
}

/// The index of a video file, and how many bytes were read for it.
///
/// # Errors
/// Where the file cannot be read, or is no video that we know.
pub fn read_index(path: &Path) -> anyhow::Result<(VideoIndex, u64)> {
    let mut file = File::open(path).context("file cannot be read")?;
    let size = file.metadata().context("file cannot be read")?.len();
    let mut reader = IndexReader::new(size);
    let mut bytes_read = 0_u64;
    loop {
        match reader.advance()? {
            Progress::Done(index) => return Ok((*index, bytes_read)),
            Progress::Need(range) => {
                if range.len() > MOST_ASKED {
                    bail!(
                        "index needs {} bytes at once, limit {MOST_ASKED}",
                        range.len()
                    );
                }
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(range.start))?;
                (&mut file).take(range.len()).read_to_end(&mut bytes)?;
                bytes_read = bytes_read.saturating_add(bytes.len() as u64);
                reader.supply(range.start, &bytes);
            }
        }
    }
}

/// All facts, as JSON.
fn inspect(path: &Path, selection: &Selection) -> anyhow::Result<Value> {
    let (index, index_bytes) = read_index(path)?;
    let size = std::fs::metadata(path)?.len();
    let gops = gop_structure(&index);
    let seconds = index.timescale.seconds(index.duration);
    let fps = if seconds > 0.0 {
        gops.frames as f64 / seconds
    } else {
        0.0
    };
    let rotation: u16 = index.rotation.into();
    let config = &index.config;
    Ok(json!({
        "video": path,
        "size": size,
        "container": index.container,
        "codec": config.codec,
        "profile": config.profile,
        "width": config.width,
        "height": config.height,
        "pixel_aspect": [index.pixel_aspect.h, index.pixel_aspect.v],
        "rotation": rotation,
        "color": config.color,
        "timescale": index.timescale,
        "seconds": seconds,
        "frames": gops.frames,
        "fps": fps,
        "access_units": index.samples.len(),
        "disposable": gops.disposable,
        "gops": {
            "count": gops.gops,
            "open": gops.open,
            "access_units": [gops.samples.min, gops.samples.median, gops.samples.max],
            "seconds": [gops.seconds.min, gops.seconds.median, gops.seconds.max],
        },
        "warnings": index.warnings,
        "index_bytes": index_bytes,
        "plan": plan_facts(&index, selection),
    }))
}

/// What the selection would fetch and decode.
fn plan_facts(index: &VideoIndex, selection: &Selection) -> Value {
    let plan = match plan(index, selection) {
        Ok(plan) => plan,
        Err(error) => return json!({ "selection": selection, "error": error.to_string() }),
    };
    let bytes: u64 = plan
        .gops()
        .flat_map(|gop| gop.samples)
        .map(|sample| u64::from(sample.size))
        .sum();
    json!({
        "selection": selection,
        "rule": selection.select.to_string(),
        "images": plan.wanted,
        "gops": plan.gop_count(),
        "access_units": plan.access_units,
        "bytes": bytes,
        "warnings": plan.warnings,
    })
}

/// The facts for a person.
fn text(facts: &Value) -> String {
    let word = |pointer: &str| match facts.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let number = |pointer: &str| {
        facts
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    };
    let bytes = |pointer: &str| {
        HumanBytes(facts.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)).to_string()
    };
    let share = |part: &str, whole: &str| 100.0 * number(part) / number(whole).max(1.0);
    let mut lines = vec![
        format!("file        {} ({})", word("/video"), bytes("/size")),
        format!(
            "video       {} in {}, {}, {} x {}, rotation {}°",
            word("/codec"),
            word("/container"),
            word("/profile"),
            word("/width"),
            word("/height"),
            word("/rotation")
        ),
        format!("color       {}", colour(facts)),
        format!(
            "frames      {} in {:.3} s, {:.3} per second on average",
            word("/frames"),
            number("/seconds"),
            number("/fps")
        ),
        format!(
            "GOPs        {} ({} open), access units {}/{}/{}, seconds {:.2}/{:.2}/{:.2} (least/middle/most)",
            word("/gops/count"),
            word("/gops/open"),
            word("/gops/access_units/0"),
            word("/gops/access_units/1"),
            word("/gops/access_units/2"),
            number("/gops/seconds/0"),
            number("/gops/seconds/1"),
            number("/gops/seconds/2")
        ),
        format!(
            "index       {} read, {} access units, {} disposable by the container",
            bytes("/index_bytes"),
            word("/access_units"),
            word("/disposable")
        ),
    ];
    lines.push(match facts.pointer("/plan/error") {
        Some(error) => format!("plan        none: {}", error.as_str().unwrap_or_default()),
        None => format!(
            "plan        {}: {} images; decodes {} access units ({:.1} %) in {} GOPs, reads {} ({:.1} %)",
            word("/plan/rule"), word("/plan/images"), word("/plan/access_units"),
            share("/plan/access_units", "/access_units"), word("/plan/gops"),
            bytes("/plan/bytes"), share("/plan/bytes", "/size")
        ),
    });
    for pointer in ["/warnings", "/plan/warnings"] {
        for warning in facts
            .pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let message = warning
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default();
            lines.push(format!("warning     {message}"));
        }
    }
    lines.join("\n") + "\n"
}

/// `matrix bt709, range limited, …`: what the video says of its colour.
fn colour(facts: &Value) -> String {
    let said = facts.get("color").and_then(Value::as_object);
    let said = said
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null());
    let said: Vec<String> = said
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key} {text}"),
            None => format!("{key} {value}"),
        })
        .collect();
    if said.is_empty() {
        "not said".to_owned()
    } else {
        said.join(", ")
    }
}
