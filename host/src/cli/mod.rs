//! The commands.

mod annotations;
mod bucket_options;
mod check;
mod console;
mod dataset;
mod extract;
mod failures;
mod inspect;
mod options;
mod progress;
mod sweep;
mod up;
mod warehouse;

pub use annotations::{AnnotationsArgs, run_annotations};
pub use check::{CheckArgs, run_check};
pub use console::{ConsoleArgs, run_console};
pub use dataset::{DatasetArgs, run_dataset};
pub use extract::{ExtractArgs, VideoReport, run_extract};
pub use failures::{FailuresArgs, run_failures};
pub use inspect::{InspectArgs, read_index, run_inspect};
pub use options::{KeyOptions, Named, SharedOptions};
pub use sweep::{SweepArgs, run_sweep};
pub use up::{UpArgs, run_up};
pub use warehouse::{WarehouseArgs, run_warehouse};

use crate::app::Problems;
use crate::config::SettingErrors;
use crate::telemetry::{OneLine, Traces};
use clap::{Parser, Subcommand, ValueEnum};
use framemill_support::text::Printable;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// framemill turns uploaded videos into labeled image datasets.
#[derive(Debug, Parser)]
#[command(
    name = "framemill",
    version,
    about = "Turns uploaded videos into image datasets",
    after_help = "\
Examples:
  framemill extract clip.mp4 -o frames               one image per second into frames/clip.mp4/
  framemill extract footage/ -o frames --count 100   100 images of each video below footage/
  framemill up --data bucket                         a service: videos dropped into bucket/videos/
                                                     become images below bucket/images/
  framemill inspect clip.mp4 --every 2s              what is in a video, what an extraction would read
  framemill check --config framemill.toml            everything that is wrong with a set-up, in one run
  framemill sweep; framemill failures list           lost messages; videos that failed
  framemill dataset build cars --data bucket         a versioned dataset of what was annotated
  framemill dataset export cars --format coco -o out and that in the format of a trainer

Exit status: 0 all went well, 1 a video failed, 2 wrong usage or configuration."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "human",
        env = "FRAMEMILL_LOG"
    )]
    pub log: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service: take uploaded videos until stopped
    Up(Box<UpArgs>),
    /// Extract frames of videos, then end
    Extract(ExtractArgs),
    /// Say what is in a video and what an extraction would read, without decoding it
    Inspect(InspectArgs),
    /// Look at everything that the service needs, and say all that is wrong
    Check(CheckArgs),
    /// Queue videos that no message came for, or whose message was lost
    Sweep(SweepArgs),
    /// List, show and retry what could not be processed
    Failures(FailuresArgs),
    /// Read what the labeling system answered; tell it where its webhooks go
    Annotations(AnnotationsArgs),
    /// Build, compare, verify and export versioned datasets of what was annotated
    Dataset(DatasetArgs),
    /// Make tables of what is in the bucket: Parquet files for SQL, and BigQuery
    Warehouse(WarehouseArgs),
    /// Serve pages about a bucket: videos, frames with what was marked in them, datasets
    Console(ConsoleArgs),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Logs to stderr; `RUST_LOG` chooses what, `quiet` is for commands that draw. Spans go to
/// `traces` only: each line of the log says itself what it is about.
fn start_log(format: LogFormat, quiet: bool, traces: Option<&Traces>) {
    let standard = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{standard},framemill={standard}")));
    let spans_of_ours = filter_fn(|it| !(it.is_span() && it.target().starts_with("framemill")));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match format {
        LogFormat::Human => log
            .fmt_fields(OneLine)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry()
        .with(log.with_filter(filter.and(spans_of_ours)))
        .with(traces.map(Traces::layer));
    // A second start, in tests, keeps the first log.
    let _ = started.try_init();
}

/// Runs a command line to its end.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Components keep the cores busy; two more threads see to their objects meanwhile.
        .worker_threads(crate::config::cores().saturating_add(2))
        .enable_all()
        .build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let traces = Traces::from_env(runtime.handle());
        let (traces, untraced) = match traces {
            Ok(traces) => (traces, None),
            Err(error) => (None, Some(error)),
        };
        start_log(
            cli.log,
            !matches!(cli.command, Command::Up(_)),
            traces.as_ref(),
        );
        if let Some(error) = untraced {
            tracing::warn!("no traces are sent: {error:#}");
        }
        let ended = runtime.block_on(async {
            match cli.command {
                Command::Up(args) => run_up(*args).await,
                Command::Extract(args) => run_extract(args).await,
                Command::Inspect(args) => run_inspect(&args),
                Command::Check(args) => run_check(args).await,
                Command::Sweep(args) => run_sweep(args).await,
                Command::Failures(args) => run_failures(args).await,
                Command::Annotations(args) => run_annotations(args).await,
                Command::Dataset(args) => run_dataset(args).await,
                Command::Warehouse(args) => run_warehouse(args).await,
                Command::Console(args) => run_console(args).await,
            }
        });
        if let Some(traces) = traces {
            traces.shutdown();
        }
        // File reads that nobody waits for must not hold the exit up.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&error);
            ExitCode::from(2)
        }
    }
}

/// Each of several errors has a line of its own.
fn say(error: &anyhow::Error) {
    if let Some(SettingErrors(all)) = error.downcast_ref() {
        for error in all {
            eprintln!("error: {}", Printable(error));
        }
    } else if let Some(Problems(all)) = error.downcast_ref() {
        all.iter().for_each(say);
    } else {
        eprintln!("error: {}", Printable(format_args!("{error:#}")));
    }
}
