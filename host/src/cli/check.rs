//! `framemill check`: all that is wrong with a set-up, in one run.

use super::bucket_options::BucketOptions;
use super::options::Named;
use crate::app::Components;
use crate::app::builder::AppBuilder;
use crate::app::function_runtime::{allowed_hosts, written};
use crate::config::{
    FunctionSettings, SHORTAGE_REMEDY, SettingError, Settings, SourceAddress, StoreAddress, memory,
    sandboxes,
};
use crate::listener;
use framemill_function_spec::{AllowedUrl, ByteSize, Function};
use framemill_objects::{Access, Notification, Store};
use framemill_runtime::{OutboundClient, server_of};
use framemill_sources::QueueError;
use framemill_support::finding::{Finding, Severity};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::Duration;

/// Longest look at one thing.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Flags of `framemill check`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill check --config framemill.toml
  framemill check --store gs://bucket --source pubsub://projects/p/subscriptions/uploads

Looks at: the configuration, components, bucket and permissions, upload notifications, the source
and its dead letters, the listener's address, credentials, the servers that functions reach.
Below each write prefix an object is created and deleted where permissions cannot be asked for. Exit status 1 where something is wrong.")]
pub struct CheckArgs {
    /// Folder of the components [default: components, beside the executable or one folder up]
    #[arg(long, value_name = "DIR", env = "FRAMEMILL_COMPONENTS")]
    pub components: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions<Check>,
}

/// `framemill check`.
#[derive(Clone, Debug, Default)]
pub struct Check;

impl Named for Check {
    const NAME: &'static str = "check";
}

/// Looks at everything. Says whether all is well enough to run.
///
/// # Errors
/// Never for what it looks at: that is what it reports.
pub async fn run_check(args: CheckArgs) -> anyhow::Result<bool> {
    let findings = findings(&args).await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            println!("{finding}");
        }
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(worst.is_none_or(|worst| worst < Severity::Error))
}

async fn findings(args: &CheckArgs) -> Vec<Finding> {
    let options = &args.bucket;
    let (settings, errors) = Settings::load_all(&options.keys.layer, options.config.as_deref());
    let wrong =
        |error: &SettingError| Finding::error("configuration", error.to_string(), "fix this key");
    let mut findings: Vec<Finding> = errors.iter().map(wrong).collect();
    if errors.is_empty() {
        findings.push(Finding::good(
            "configuration",
            "every key is known and valid",
        ));
    }
    let unknown = settings.iter().flat_map(|it| &it.unknown_variables);
    findings.extend(unknown.map(|variable| {
        Finding::warning("environment", variable.to_string(), "correct or remove it")
    }));
    let where_it_is = ["store", "source", "data"];
    let lost = errors
        .iter()
        .any(|error| where_it_is.contains(&error.key.as_str()));
    let Some(settings) = settings.filter(|_| !lost) else {
        findings.push(Finding::warning(
            "everything else",
            "not looked at: bucket, source or what runs are not known",
            "fix the keys above first",
        ));
        return findings;
    };
    let mut app = AppBuilder::new(settings);
    let functions = app.functions();
    findings.push(sandbox_memory(&app.settings, memory()));
    findings.extend(components(args, &functions).await);
    findings.extend(stores(&mut app, &functions).await);
    findings.extend(sources(&mut app, &functions).await);
    if let Some(address) = app.settings.listen {
        let pushes_only = app.settings.source == SourceAddress::None;
        findings.extend(listener::check(address, &app.settings.push, pushes_only).await);
    }
    for function in &functions {
        findings.extend(hosts(function).await);
    }
    findings
}

/// How many sandboxes there may be at once, and whether this machine has the memory for them.
fn sandbox_memory(settings: &Settings, machine: Option<u64>) -> Finding {
    let subject = "memory";
    let limit = ByteSize(settings.limits.memory);
    let Some(budget) = settings.sandbox_memory() else {
        let fact = format!(
            "sandboxes of memory_limit {limit} are not counted: memory_budget is not set, and the memory of this machine is not known"
        );
        return Finding::warning(subject, fact, "set memory_budget");
    };
    let fact = sandboxes(&budget, settings.limits.memory);
    match settings.memory_shortage(machine) {
        Some(shortage) => Finding::warning(subject, shortage, SHORTAGE_REMEDY),
        None => Finding::good(subject, fact),
    }
}

/// What a look finds, if it ends in time: a service would wait an outage out, a person would not.
async fn within(subject: &str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(LONGEST_LOOK, look)
        .await
        .unwrap_or_else(|_| {
            let fact = format!("no answer within {} s", LONGEST_LOOK.as_secs());
            let remedy = "is the name right, and the server reachable from here?";
            vec![Finding::error(subject, fact, remedy)]
        })
}

/// Whether each component is there and one that the host can run.
async fn components(args: &CheckArgs, functions: &[FunctionSettings]) -> Vec<Finding> {
    let components = Components {
        folder: args.components.clone(),
        cache: true,
    };
    let mut findings = Vec::new();
    let engine = match components.engine() {
        Ok(engine) => engine,
        Err(error) => return vec![Finding::error("wasm engine", format!("{error:#}"), "")],
    };
    let mut seen = HashSet::new();
    for plan in functions.iter().filter(|plan| seen.insert(&plan.component)) {
        let subject = format!("component {}", plan.component);
        findings.push(match components.load(&engine, &plan.component).await {
            Ok(component) => {
                let hash: String = component.sha256.chars().take(12).collect();
                Finding::good(subject, format!("compiles, sha256 {hash}…"))
            }
            Err(error) => Finding::error(
                subject,
                format!("{error:#}"),
                "cargo xtask build --components, or name its folder with --components",
            ),
        });
    }
    findings
}

/// Each bucket with the prefixes of all its pipelines.
async fn stores(app: &mut AppBuilder, functions: &[FunctionSettings]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashSet<&StoreAddress> = HashSet::new();
    for plan in functions.iter().filter(|plan| seen.insert(&plan.store)) {
        let subject = format!("bucket {}", plan.store.bucket());
        let store = match app.store(&plan.store) {
            Ok(store) => store,
            Err(error) => {
                findings.push(Finding::error(subject, format!("{error:#}"), ""));
                continue;
            }
        };
        let of_store = functions.iter().filter(|other| other.store == plan.store);
        let all: Vec<&Function> = of_store.map(|it| &it.function).collect();
        let read: BTreeSet<_> = all.iter().flat_map(|it| it.read.clone()).collect();
        let write: BTreeSet<_> = all.iter().flat_map(|it| written(it)).collect();
        let access = Access {
            read: read.difference(&write).cloned().collect(),
            write: write.into_iter().collect(),
        };
        findings.extend(within(&subject, store.check(&access)).await);
    }
    findings
}

/// Each source, and whether uploads reach it.
async fn sources(app: &mut AppBuilder, functions: &[FunctionSettings]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for plan in functions.iter().filter(|plan| seen.insert(&plan.source)) {
        let source = match app.source(&plan.source).await {
            Ok(source) => source,
            Err(error) => {
                let subject = format!("source of {}", plan.function.name);
                findings.push(match error.downcast_ref() {
                    Some(QueueError::Locked(_)) => Finding::good(
                        subject,
                        "the embedded queue, in use by a framemill that runs",
                    ),
                    _ => Finding::error(subject, format!("{error:#}"), ""),
                });
                continue;
            }
        };
        let subject = source.name();
        let found = within(&subject, source.check()).await;
        let works = found
            .iter()
            .all(|finding| finding.severity < Severity::Error);
        findings.extend(found);
        // What does not work has no topic to ask for.
        if works
            && let Ok(store) = app.store(&plan.store)
            && let Some(topic) = source.listens_to().await
        {
            let fed = functions
                .iter()
                .filter(|other| other.source == plan.source && other.store == plan.store);
            let told = notifications(store.as_ref(), &plan.store, &topic, fed);
            findings.extend(within(&subject, told).await);
        }
        let _ = tokio::time::timeout(LONGEST_LOOK, source.close()).await;
    }
    findings
}

/// Whether the bucket tells the source's topic of what the pipelines wait for.
async fn notifications<'a>(
    store: &dyn Store,
    address: &StoreAddress,
    topic: &str,
    functions: impl Iterator<Item = &'a FunctionSettings>,
) -> Vec<Finding> {
    let bucket = address.bucket();
    let subject = format!("notifications of bucket {bucket}");
    let there = match store.notifications().await {
        Ok(Some(there)) => there,
        Ok(None) => {
            let fact = "the store does not say whom it tells of uploads";
            let remedy = "upload a video and see whether it is taken";
            return vec![Finding::warning(subject, fact, remedy)];
        }
        Err(error) => {
            let remedy = format!(
                "gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=… --role=roles/storage.legacyBucketReader"
            );
            return vec![Finding::warning(subject, error.to_string(), remedy)];
        }
    };
    let short = |topic: &str| {
        topic
            .trim_start_matches("//pubsub.googleapis.com/")
            .to_owned()
    };
    let ours: Vec<Notification> = there
        .into_iter()
        .filter(|notification| short(&notification.topic) == topic)
        .collect();
    functions
        .map(|plan| {
            let wanted = plan.function.trigger.prefix.as_str();
            let tells = |notification: &&Notification| {
                let finalize = |kind: &String| kind == "OBJECT_FINALIZE";
                let types = &notification.event_types;
                let all = types.is_empty() || types.iter().any(finalize);
                let starts = notification.prefix.as_str();
                all && wanted.starts_with(starts)
            };
            let subject = format!("{subject}, {}", plan.function.name);
            if ours.iter().any(|notification| tells(&notification)) {
                return Finding::good(subject, format!("{topic} is told of uploads below {wanted}"));
            }
            let fact = if ours.is_empty() {
                format!("{topic} is told of nothing")
            } else {
                format!("{topic} is not told of uploads below `{wanted}`: prefix or event type differ")
            };
            let remedy = format!(
                "gcloud storage buckets notifications create gs://{bucket} --topic={topic} --event-types=OBJECT_FINALIZE --payload-format=json --object-prefix={wanted}"
            );
            Finding::error(subject, fact, remedy)
        })
        .collect()
}

/// Whether each secret of a function is there, and whether the servers that it reaches answer
/// and take it.
async fn hosts(function: &FunctionSettings) -> Vec<Finding> {
    let subject = format!("credentials of {}", function.function.name);
    let mut findings = Vec::new();
    let mut all = Vec::new();
    for own in function.credentials() {
        match own {
            Ok(credential) => all.push(credential),
            Err(error) => findings.push(Finding::error(&*subject, format!("{error:#}"), "")),
        }
    }
    if !findings.is_empty() {
        // Without its credential a server would only be heard to refuse.
        return findings;
    }
    let outbound = match OutboundClient::new(&allowed_hosts(&function.function), &all) {
        Ok(outbound) => outbound,
        Err(wrong) => {
            let finding = |error| Finding::error(&*subject, format!("{error:#}"), "");
            return wrong.into_iter().map(finding).collect();
        }
    };
    for host in &function.function.hosts {
        if let Some(url) = &host.probe {
            findings.push(probe(&outbound, host, url).await);
        }
    }
    findings
}

/// Whether a server answers, and takes the credential.
async fn probe(outbound: &OutboundClient, host: &AllowedUrl, url: &str) -> Finding {
    let subject = format!("server {}", server_of(&host.url));
    match outbound.probe(url).await {
        Err(error) => Finding::error(
            subject,
            format!("{error:#}"),
            "is its URL right, and the server up?",
        ),
        Ok(401 | 403) => Finding::error(
            subject,
            "refuses the credential",
            match host.credential.as_ref().and_then(|it| it.env.as_deref()) {
                Some(env) => format!("set {env} to one that may do what is asked"),
                None => "give the account the role that it needs".to_owned(),
            },
        ),
        Ok(404) if !host.not_found.is_empty() => Finding::error(
            subject,
            format!("does not know what is asked for: {url}"),
            host.not_found.clone(),
        ),
        Ok(status) if status >= 500 => Finding::error(subject, format!("answers {status}"), ""),
        Ok(status) => Finding::good(subject, format!("answers ({status})")),
    }
}
