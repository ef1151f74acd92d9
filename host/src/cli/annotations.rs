//! `framemill annotations`: asks the labeling system now.

use super::bucket_options::BucketOptions;
use super::options::Named;
use crate::app::builder::AppBuilder;
use crate::app::collecting::Collecting;
use anyhow::Context as _;

/// Flags of `framemill annotations`.
#[derive(Clone, Debug, clap::Args)]
pub struct AnnotationsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with annotations.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Action {
    /// Have all read that changed since the last time, by the service that takes the messages
    #[command(after_help = "\
Examples:
  framemill annotations sync --config framemill.toml          what changed
  framemill annotations sync --config framemill.toml --full   what was deleted too

`framemill up` does the same at its start and every annotations.sync_every.")]
    Sync {
        /// Find the tasks that were deleted too: a record of each frame is read, and all tasks are listed
        #[arg(long)]
        full: bool,
        /// Where.
        #[command(flatten)]
        bucket: BucketOptions<AnnotationsCommand>,
    },
}

/// `framemill annotations`.
#[derive(Clone, Debug, Default)]
pub struct AnnotationsCommand;

impl Named for AnnotationsCommand {
    const NAME: &'static str = "annotations";
}

/// Asks for a sync.
///
/// # Errors
/// Where annotations are not collected, or bucket or source do not answer.
pub async fn run_annotations(args: AnnotationsArgs) -> anyhow::Result<bool> {
    let Action::Sync { full, bucket } = args.action;
    let mut app = AppBuilder::new(bucket.settings()?);
    let collecting = Collecting::open(&mut app).await?;
    let collecting = collecting.context(
        "annotations are not collected: set annotations.sync_every, and labeling.target",
    )?;
    let inbox = collecting.inbox;
    let asked = inbox.request_sync(full).await;
    if let Some(source) = &inbox.source {
        source.close().await;
    }
    asked?;
    println!("asked for a {}sync", if full { "full " } else { "" });
    Ok(true)
}
