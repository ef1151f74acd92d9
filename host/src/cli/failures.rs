//! `framemill failures`: what could not be processed, and another try.

use super::bucket_options::BucketOptions;
use super::options::Named;
use crate::app::builder::AppBuilder;
use crate::app::records::{self, StoredFailure};
use crate::config::FunctionSettings;
use crate::service::take;
use anyhow::{Context as _, bail, ensure};
use framemill_contract::{Event, EventKind, Layout};
use framemill_objects::{Precondition, Store, StoreError};
use framemill_sources::{DeadLetter, Source};
use framemill_support::text::Printable;
use serde::Serialize;
use std::sync::Arc;

/// Dead letters that are looked at, at most.
const MOST_DEAD: usize = 1000;

/// Flags of `framemill failures`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill failures list --data bucket
  framemill failures show videos/cam1/x.mp4 --store gs://bucket --source pubsub://projects/p/subscriptions/s
  framemill failures retry --all --config framemill.toml

Failure records lie in the bucket (records/failures/); dead letters are messages that were given up.")]
pub struct FailuresArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with failures.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Action {
    /// List failed videos and dead letters
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Where.
        #[command(flatten)]
        bucket: BucketOptions<FailuresCommand>,
    },
    /// Show all that is known of one failure
    Show {
        /// Video, failure record or dead letter, as `list` names it
        name: String,
        /// Where.
        #[command(flatten)]
        bucket: BucketOptions<FailuresCommand>,
    },
    /// Have failed videos and dead letters processed again
    Retry {
        /// Videos, failure records or dead letters, as `list` names them
        #[arg(required_unless_present = "all")]
        names: Vec<String>,
        /// All there are
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Where.
        #[command(flatten)]
        bucket: BucketOptions<FailuresCommand>,
    },
}

/// `framemill failures`.
#[derive(Clone, Debug, Default)]
pub struct FailuresCommand;

impl Named for FailuresCommand {
    const NAME: &'static str = "failures";
}

/// Everything that failed.
#[derive(Serialize)]
struct Failures {
    records: Vec<StoredFailure>,
    dead_letters: Vec<DeadLetter>,
    /// Why the dead letters are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters_unknown: Option<String>,
}

/// The bucket and its sources, which may be out of reach: the embedded queue of a service that
/// runs is its own.
struct Place {
    store: Arc<dyn Store>,
    layout: Layout,
    sources: anyhow::Result<Sources>,
}

/// Each source once, with the functions that it feeds.
type Sources = Vec<(Arc<dyn Source>, Vec<FunctionSettings>)>;

/// Lists, shows or retries. Says whether there is nothing that failed, or all was found.
///
/// # Errors
/// Where the bucket or the source does not answer.
pub async fn run_failures(args: FailuresArgs) -> anyhow::Result<bool> {
    let (Action::List { bucket, .. } | Action::Show { bucket, .. } | Action::Retry { bucket, .. }) =
        &args.action;
    let place = Place::open(bucket).await?;
    let ended = match args.action {
        Action::List { json, .. } => list(&place, json).await,
        Action::Show { name, .. } => show(&place, &name).await,
        Action::Retry { names, all, .. } => retry(&place, (!all).then_some(names)).await,
    };
    place.close().await;
    ended
}

impl Place {
    async fn open(options: &BucketOptions<FailuresCommand>) -> anyhow::Result<Self> {
        let mut app = AppBuilder::new(options.settings()?);
        let settings = app.settings.clone();
        Ok(Self {
            store: app.store(&settings.store)?,
            layout: settings.config.layout.clone(),
            sources: Self::sources(&mut app).await,
        })
    }

    async fn sources(app: &mut AppBuilder) -> anyhow::Result<Sources> {
        let mut sources = Sources::new();
        for function in app.functions() {
            let source = app.source(&function.source).await?;
            match sources
                .iter_mut()
                .find(|(there, _)| Arc::ptr_eq(there, &source))
            {
                Some((_, functions)) => functions.push(function),
                None => sources.push((source, vec![function])),
            }
        }
        Ok(sources)
    }

    async fn failures(&self) -> anyhow::Result<Failures> {
        let records = records::failures(self.store.as_ref(), &self.layout).await?;
        let (dead_letters, unknown) = match self.dead_letters().await {
            Ok(dead) => (dead, None),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        Ok(Failures {
            records,
            dead_letters,
            dead_letters_unknown: unknown,
        })
    }

    async fn dead_letters(&self) -> anyhow::Result<Vec<DeadLetter>> {
        let sources = self.sources.as_ref();
        let mut dead = Vec::new();
        for (source, _) in sources.map_err(|error| anyhow::anyhow!("{error:#}"))? {
            dead.extend(source.dead_letters(MOST_DEAD).await?);
        }
        Ok(dead)
    }

    async fn close(&self) {
        for (source, _) in self.sources.iter().flatten() {
            source.close().await;
        }
    }
}

fn is_called(stored: &StoredFailure, name: &str) -> bool {
    stored.name == name || stored.record.source.name == name
}

fn is_about(dead: &DeadLetter, name: &str) -> bool {
    dead.id == name
        || dead
            .object
            .as_ref()
            .is_some_and(|object| object.name == name)
}

fn object_name(dead: &DeadLetter) -> &str {
    dead.object
        .as_ref()
        .map_or("(no object)", |object| &object.name)
}

async fn list(place: &Place, json: bool) -> anyhow::Result<bool> {
    let failures = place.failures().await?;
    let none = failures.records.is_empty() && failures.dead_letters.is_empty();
    if json {
        println!("{}", serde_json::to_string_pretty(&failures)?);
        return Ok(none);
    }
    for StoredFailure { record, .. } in &failures.records {
        println!(
            "{}\n  {}: {}",
            Printable(&record.source.name),
            Printable(&record.code),
            Printable(&record.message)
        );
        println!("  → {}", Printable(&record.remedy));
    }
    for dead in &failures.dead_letters {
        let attempts = dead.attempts;
        let (name, id) = (Printable(object_name(dead)), Printable(&dead.id));
        println!("{name}\n  dead letter {id}");
        println!(
            "  {attempts} attempts, the last: {}",
            Printable(&dead.reason)
        );
    }
    if let Some(reason) = &failures.dead_letters_unknown {
        eprintln!("dead letters are not known: {}", Printable(reason));
    }
    if none {
        println!("no failures");
    }
    Ok(none)
}

async fn show(place: &Place, name: &str) -> anyhow::Result<bool> {
    let failures = place.failures().await?;
    let record = failures.records.iter().find(|there| is_called(there, name));
    let dead = failures
        .dead_letters
        .iter()
        .find(|dead| is_about(dead, name));
    match (record, dead) {
        (Some(record), _) => println!("{}", serde_json::to_string_pretty(record)?),
        (None, Some(dead)) => println!("{}", serde_json::to_string_pretty(dead)?),
        (None, None) => bail!("no such failure (`framemill failures list` names them): {name}"),
    }
    Ok(true)
}

async fn retry(place: &Place, names: Option<Vec<String>>) -> anyhow::Result<bool> {
    let failures = place.failures().await?;
    if let Some(reason) = failures.dead_letters_unknown {
        bail!("dead letters are not known: {reason}");
    }
    let wanted = |fits: &dyn Fn(&str) -> bool| {
        let named = names.as_ref();
        named.is_none_or(|names| names.iter().any(|name| fits(name)))
    };
    for name in names.iter().flatten() {
        let known = failures.records.iter().any(|there| is_called(there, name))
            || failures
                .dead_letters
                .iter()
                .any(|dead| is_about(dead, name));
        ensure!(
            known,
            "no such failure (`framemill failures list` names them): {name}"
        );
    }
    let letters = failures.dead_letters.iter();
    let letters: Vec<&DeadLetter> = letters
        .filter(|dead| wanted(&|name| is_about(dead, name)))
        .collect();
    let records = failures.records.iter();
    let records: Vec<&StoredFailure> = records
        .filter(|there| wanted(&|name| is_called(there, name)))
        .collect();
    // The records first: a worker may be faster than us, and what it then writes must stay.
    // Without record and message the next sweep finds the object.
    for recorded in &records {
        remove(place, recorded).await?;
    }
    let redriven = redrive(place, &letters).await?;
    let mut queued = 0_u64;
    for recorded in &records {
        let object = &recorded.record.source;
        let has_letter = |dead: &&DeadLetter| {
            dead.object
                .as_ref()
                .is_some_and(|it| it.name == object.name)
        };
        if !letters.iter().any(has_letter) {
            queue_again(place, recorded).await?;
            queued = queued.saturating_add(1);
        }
    }
    println!("{queued} failed objects and {redriven} dead letters queued again");
    Ok(true)
}

async fn remove(place: &Place, recorded: &StoredFailure) -> anyhow::Result<()> {
    let precondition = Precondition::Generation(recorded.generation);
    match place.store.delete(&recorded.name, precondition).await {
        // Someone was faster.
        Ok(()) | Err(StoreError::NotFound { .. } | StoreError::PreconditionFailed { .. }) => Ok(()),
        Err(error) => Err(error).context("failure record cannot be removed"),
    }
}

async fn redrive(place: &Place, letters: &[&DeadLetter]) -> anyhow::Result<usize> {
    let ids: Vec<String> = letters.iter().map(|dead| dead.id.clone()).collect();
    let mut redriven = 0_usize;
    for (source, _) in place.sources.iter().flatten() {
        if redriven < ids.len() {
            redriven = redriven.saturating_add(source.redrive(Some(&ids)).await?);
        }
    }
    Ok(redriven)
}

/// Queues the object of a failure record where its pipeline takes messages.
async fn queue_again(place: &Place, recorded: &StoredFailure) -> anyhow::Result<()> {
    let event = Event {
        kind: EventKind::Finalized,
        object: recorded.record.source.clone(),
    };
    let takes = |functions: &[FunctionSettings]| {
        let mut functions = functions.iter();
        functions.any(|it| take(&it.function, it.store.bucket(), &event).is_ok())
    };
    let mut sources = place.sources.iter().flatten();
    let (source, _) = sources
        .find(|(_, functions)| takes(functions))
        .with_context(|| format!("no pipeline takes it any more: {}", event.object.name))?;
    let published = source.publish(&event).await;
    published.context("not queued, `framemill sweep` finds it")
}
