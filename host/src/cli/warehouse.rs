//! `framemill warehouse`: tables of what is in the bucket, once.

use super::bucket_options::BucketOptions;
use super::options::Named;
use super::progress::drawn;
use crate::app::builder::AppBuilder;
use crate::app::warehouse::{Delivered, Delivery};
use framemill_support::text::Printable;
use framemill_warehouse_host::Progress;
use indicatif::ProgressBar;

/// Problems that are printed, at most.
const MOST_PROBLEMS: usize = 20;

/// Flags of `framemill warehouse`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill warehouse refresh --data bucket                   tables below bucket/warehouse/, read
                                                              only where videos changed
  framemill warehouse rebuild --config framemill.toml --json  all of them anew
  framemill warehouse refresh --store gs://bucket --source none
  duckdb -c \"select camera, count(*) from 'bucket/warehouse/frames/*.parquet' group by all\"

With warehouse.bigquery configured the tables are loaded into BigQuery too. `framemill up` does the
same every warehouse.refresh_every. Exit status 1 where an object could not be read: it is named.")]
pub struct WarehouseArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: WarehouseAction,
}

/// How tables are made.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum WarehouseAction {
    /// Bring the tables up to date with what changed
    Refresh(TableOptions),
    /// Make all tables anew
    Rebuild(TableOptions),
}

/// Flags of both.
#[derive(Clone, Debug, clap::Args)]
pub struct TableOptions {
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions<WarehouseCommand>,
}

/// `framemill warehouse`.
#[derive(Clone, Debug, Default)]
pub struct WarehouseCommand;

impl Named for WarehouseCommand {
    const NAME: &'static str = "warehouse";
}

/// Makes the tables. Says whether every object has its rows.
///
/// # Errors
/// Where the bucket or BigQuery does not answer, or refuses.
pub async fn run_warehouse(args: WarehouseArgs) -> anyhow::Result<bool> {
    let (anew, options) = match args.action {
        WarehouseAction::Refresh(options) => (false, options),
        WarehouseAction::Rebuild(options) => (true, options),
    };
    let mut app = AppBuilder::new(options.bucket.settings()?);
    let delivery = Delivery::open(&mut app)?;
    let bar = drawn(
        options.json,
        "{spinner} {elapsed} {wide_bar} {pos}/{len} {msg}",
    )?;
    let delivered = delivery.run(anew, &|progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    let delivered = delivered?;
    if options.json {
        println!("{}", serde_json::to_string(&delivered)?);
    } else {
        print(&delivered);
    }
    Ok(delivered.refreshed.problems.is_empty())
}

fn show(bar: &ProgressBar, progress: Progress) {
    let Progress {
        listed,
        read,
        done,
        of,
    } = progress;
    bar.set_length(of as u64);
    bar.set_position(done as u64);
    bar.set_message(format!("shards: {listed} objects listed, {read} read"));
}

fn print(delivered: &Delivered) {
    let Delivered { refreshed, loaded } = delivered;
    println!(
        "{} of {} shards written, {} removed, {} objects read",
        refreshed.written, refreshed.shards, refreshed.removed, refreshed.read
    );
    for table in &refreshed.tables {
        println!(
            "{}: {} rows, {} bytes",
            table.table, table.rows, table.bytes
        );
    }
    for table in loaded {
        let how = if table.unchanged {
            "unchanged"
        } else {
            "loaded"
        };
        println!("bigquery {}: {how}, job {}", table.table, table.job);
    }
    for problem in refreshed.problems.iter().take(MOST_PROBLEMS) {
        println!(
            "no rows of {}: {}",
            Printable(&problem.name),
            Printable(&problem.reason)
        );
    }
    let more = refreshed.problems.len().saturating_sub(MOST_PROBLEMS);
    if more > 0 {
        println!("no rows of {more} more objects: --json names them all");
    }
}
