//! `framemill sweep`: queues videos that no message came for, or whose message was lost.

use super::bucket_options::BucketOptions;
use super::options::Named;
use super::progress::spinner;
use crate::app::builder::AppBuilder;
use crate::app::sweep::{Sweep, Swept};

/// Flags of `framemill sweep`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill sweep --config framemill.toml              queue each video that has neither a manifest
                                                       nor a failure record
  framemill sweep --store gs://bucket --source pubsub://projects/p/subscriptions/uploads --sweep-age 0s

With labeling configured, manifests without a receipt are queued too. `framemill up` does the
same at its start and every --sweep-every. What is queued twice is done once.")]
pub struct SweepArgs {
    /// Print the counts as JSON
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions<SweepCommand>,
}

/// `framemill sweep`.
#[derive(Clone, Debug, Default)]
pub struct SweepCommand;

impl Named for SweepCommand {
    const NAME: &'static str = "sweep";
}

/// Sweeps once.
///
/// # Errors
/// Where the bucket or the source does not answer.
pub async fn run_sweep(args: SweepArgs) -> anyhow::Result<bool> {
    let mut app = AppBuilder::new(args.bucket.settings()?);
    let rules = app.sweep_rules().await?;
    let settings = app.settings.clone();
    let sweep = Sweep {
        store: app.store(&settings.store)?,
        bucket: settings.store.bucket().to_owned(),
        rules,
        skip: settings.skipped(),
        age: settings.sweep_age,
    };
    let bar = spinner(args.json)?;
    let swept = sweep.run(&|swept| bar.set_message(words(swept))).await;
    bar.finish_and_clear();
    for rule in &sweep.rules {
        rule.source.close().await;
    }
    let swept = swept?;
    if args.json {
        println!("{}", serde_json::to_string(&swept)?);
    } else {
        for swept in &swept {
            println!("{}", words(swept));
        }
    }
    Ok(true)
}

fn words(swept: &Swept) -> String {
    let Swept {
        function,
        objects,
        done,
        failed,
        young,
        queued,
    } = swept;
    format!(
        "{function}: {objects} objects: {done} done, {failed} failed, {young} too young, {queued} queued"
    )
}
