//! Flags of `framemill dataset`.

use crate::cli::bucket_options::BucketOptions;
use crate::cli::options::Named;
use std::path::PathBuf;

/// Flags of `framemill dataset`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill dataset build cars --data bucket                          all that is labeled, split 80/10/10 by video
  framemill dataset build cars --group '^([^/]+)/' --split train=0.9,val=0.1
                                                                      a camera, the first folder, is never divided
  framemill dataset build cars --labels car,truck --where 'video=cam1/*' --where 'sharpness>=20'
  framemill dataset list
  framemill dataset diff cars@3f2a cars                               what changed since that snapshot
  framemill dataset export cars --format coco -o cars-coco
  framemill dataset verify cars                                       every checksum, images included

A snapshot lies in the bucket below datasets/NAME/HASH/ and never changes; its hash is that of its content.
NAME alone means the newest one, NAME@ and the first digits of a hash that one.")]
pub struct DatasetArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: DatasetAction,
}

/// `framemill dataset`.
#[derive(Clone, Debug, Default)]
pub struct DatasetCommand;

impl Named for DatasetCommand {
    const NAME: &'static str = "dataset";
}

/// Where, and how it is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions<DatasetCommand>,
}

/// What to do with datasets.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DatasetAction {
    /// Make a snapshot of the frames and annotations that are in the bucket now
    Build(Box<BuildArgs>),
    /// List all snapshots
    List {
        /// Only those of this dataset
        name: Option<String>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Show frames, splits and labels of a snapshot
    Show {
        /// NAME or NAME@HASH
        snapshot: String,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Say what changed from one snapshot to another: frames, labels, splits, shapes
    Diff {
        /// NAME@HASH, the earlier one
        from: String,
        /// NAME or NAME@HASH, the later one
        to: String,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Compare every checksum of a snapshot, those of its images too
    Verify {
        /// NAME or NAME@HASH
        snapshot: String,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Write a snapshot in the format of a trainer
    Export(ExportArgs),
    /// Rename a label: its id stays, the old name goes on to mean it
    RenameLabel {
        /// The dataset
        name: String,
        /// What it is called
        old: String,
        /// What it shall be called
        new: String,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
}

/// Flags of `framemill dataset build`.
#[derive(Clone, Debug, clap::Args)]
pub struct BuildArgs {
    /// Name of the dataset
    pub name: String,
    /// Only frames for which this holds, such as `video=cam1/*`, `label=car` or `sharpness>=20`; all of several
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// The splits and their shares
    #[arg(
        long,
        value_name = "NAME=SHARE,…",
        default_value = "train=0.8,val=0.1,test=0.1"
    )]
    pub split: String,
    /// What is never divided among splits: `video`, or a regular expression over the path below videos/,
    /// whose first group (or whole match) is the name of the group
    #[arg(long, value_name = "video|REGEX", default_value = "video")]
    pub group: String,
    /// Changes which groups go where [default: the dataset's name]
    #[arg(long, value_name = "TEXT")]
    pub salt: Option<String>,
    /// Only shapes of these labels; frames without one stay, as negatives
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    pub labels: Option<Vec<String>>,
    /// Which frames: those with an answer (labeled, or seen to be empty), with those that all skipped, or all
    #[arg(long, value_enum, default_value = "labeled")]
    pub min_state: MinStateOption,
    /// Where.
    #[command(flatten)]
    pub common: Common,
}

/// How much must be known of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MinStateOption {
    /// Someone looked, and marked something or found nothing.
    Labeled,
    /// Also where all who looked passed it on.
    Skipped,
    /// All frames.
    Unlabeled,
}

/// Flags of `framemill dataset export`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportArgs {
    /// NAME or NAME@HASH
    pub snapshot: String,
    /// The format
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub format: String,
    /// Folder, which must not be there yet; without it the export goes into the bucket, below
    /// datasets/NAME/HASH/exports/FORMAT/
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub common: Common,
}

fn formats() -> clap::builder::PossibleValuesParser {
    let all = framemill_dataset::export::EXPORTS.iter();
    all.map(|export| clap::builder::PossibleValue::new(export.id()).help(export.about()))
        .collect::<Vec<_>>()
        .into()
}
