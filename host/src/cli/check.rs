//! `framemill check`: all that is wrong with a set-up, in one run.

use super::bucket_options::BucketOptions;
use crate::app::Components;
use crate::app::builder::{AppBuilder, Planned};
use crate::config::{Settings, StoreAddress};
use crate::service::Filter;
use framemill_contract::TargetKind;
use framemill_objects::{Access, Notification, Store};
use framemill_runtime::{AllowedHost, OutboundClient, server_of};
use framemill_sources::QueueError;
use framemill_support::finding::{Finding, Severity};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::Duration;

/// Longest look at one thing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Flags of `framemill check`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  framemill check --config framemill.toml
  framemill check --store gs://bucket --source pubsub://projects/p/subscriptions/uploads

Looks at: the configuration, components, bucket and permissions, upload notifications, the source
and its dead letters, credentials, the labeling target. Below each write prefix an object is
created and deleted where permissions cannot be asked for. Exit status 1 where something is wrong.")]
pub struct CheckArgs {
    /// Folder of the components [default: components, beside the executable or one folder up]
    #[arg(long, value_name = "DIR", env = "FRAMEMILL_COMPONENTS")]
    pub components: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub bucket: BucketOptions,
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
    let mut findings = Vec::new();
    let layer = args.bucket.layer();
    let (settings, errors) = Settings::load_all(&layer, args.bucket.config.as_deref());
    for error in &errors {
        let fact = format!("{error:#}");
        findings.push(Finding::error("configuration", fact, "fix this key"));
    }
    let Some(settings) = settings else {
        return findings;
    };
    if errors.is_empty() {
        findings.push(Finding::good(
            "configuration",
            "every key is known and valid",
        ));
    }
    let where_it_is = ["store", "source", "data", "bucket"];
    let lost = errors.iter().any(|error| {
        let error = format!("{error:#}");
        where_it_is
            .iter()
            .any(|key| error.contains(&format!("configuration `{key}`")))
    });
    if lost {
        let fact = "not looked at: bucket or source are not known";
        findings.push(Finding::warning(
            "everything else",
            fact,
            "fix the keys above first",
        ));
        return findings;
    }
    let mut app = AppBuilder::new(settings);
    let planned = match app.planned() {
        Ok(planned) => planned,
        Err(error) => {
            findings.push(Finding::error(
                "pipelines",
                format!("{error:#}"),
                "fix this key",
            ));
            return findings;
        }
    };
    findings.extend(components(args, &planned).await);
    findings.extend(stores(&mut app, &planned).await);
    findings.extend(sources(&mut app, &planned).await);
    findings.extend(credentials(&app.settings, &planned));
    findings.extend(labeling(&app.settings).await);
    findings
}

/// What a look finds, if it ends in time: a service would wait an outage out, a person would not.
async fn within(subject: &str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(PATIENCE, look)
        .await
        .unwrap_or_else(|_| {
            let fact = format!("no answer within {} s", PATIENCE.as_secs());
            let remedy = "is the name right, and the server reachable from here?";
            vec![Finding::error(subject, fact, remedy)]
        })
}

/// Whether each component is there and one that the host can run.
async fn components(args: &CheckArgs, planned: &[Planned]) -> Vec<Finding> {
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
    for plan in planned.iter().filter(|plan| seen.insert(&plan.component)) {
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
async fn stores(app: &mut AppBuilder, planned: &[Planned]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashSet<&StoreAddress> = HashSet::new();
    for plan in planned.iter().filter(|plan| seen.insert(&plan.store)) {
        let subject = format!("bucket {}", plan.store.bucket());
        let store = match app.store(&plan.store) {
            Ok(store) => store,
            Err(error) => {
                findings.push(Finding::error(subject, format!("{error:#}"), ""));
                continue;
            }
        };
        let of_store = || planned.iter().filter(|other| other.store == plan.store);
        let read: BTreeSet<_> = of_store().flat_map(|it| it.access.read.clone()).collect();
        let write: BTreeSet<_> = of_store().flat_map(|it| it.access.write.clone()).collect();
        let access = Access {
            read: read.difference(&write).cloned().collect(),
            write: write.into_iter().collect(),
        };
        findings.extend(within(&subject, store.check(&access)).await);
    }
    findings
}

/// Each source, and whether uploads reach it.
async fn sources(app: &mut AppBuilder, planned: &[Planned]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for plan in planned.iter().filter(|plan| seen.insert(&plan.source)) {
        let source = match app.source(&plan.source).await {
            Ok(source) => source,
            Err(error) => {
                let subject = format!("source of pipeline {}", plan.name);
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
            let fed = planned
                .iter()
                .filter(|other| other.source == plan.source && other.store == plan.store);
            let told = notifications(store.as_ref(), &plan.store, &topic, fed);
            findings.extend(within(&subject, told).await);
        }
        let _ = tokio::time::timeout(PATIENCE, source.close()).await;
    }
    findings
}

/// How names start that make a pipeline run.
fn prefix(filter: &Filter) -> &str {
    match filter {
        Filter::Videos(config) => &config.video_path,
        Filter::Manifests(config) => &config.layout.manifests,
        Filter::Names { prefix, .. } => prefix,
    }
}

/// Whether the bucket tells the source's topic of what the pipelines wait for.
async fn notifications<'a>(
    store: &dyn Store,
    address: &StoreAddress,
    topic: &str,
    pipelines: impl Iterator<Item = &'a Planned>,
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
    pipelines
        .map(|plan| {
            let wanted = prefix(&plan.filter);
            let tells = |notification: &&Notification| {
                let finalize = |kind: &String| kind == "OBJECT_FINALIZE";
                let types = &notification.event_types;
                let all = types.is_empty() || types.iter().any(finalize);
                let starts = notification.prefix.as_str();
                all && wanted.starts_with(starts)
            };
            let subject = format!("{subject}, pipeline {}", plan.name);
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

/// Whether each secret is there, and used.
fn credentials(settings: &Settings, planned: &[Planned]) -> Vec<Finding> {
    let hosts: Vec<AllowedHost> = planned.iter().flat_map(Planned::hosts).collect();
    settings
        .credentials
        .iter()
        .map(|credential| {
            let subject = format!("credential for {}", credential.host);
            let allowed = AllowedHost {
                host: server_of(&credential.host),
                path: None,
            };
            let alone = credential.resolve();
            match alone.and_then(|alone| OutboundClient::new(&[allowed], &[alone])) {
                Err(error) => Finding::error(subject, format!("{error:#}"), ""),
                Ok(_) if !OutboundClient::is_used(&credential.host, &hosts) => Finding::warning(
                    subject,
                    "no pipeline may reach that host",
                    "name it in `allow` of the pipeline, or in labeling.target_url",
                ),
                Ok(_) => Finding::good(subject, "is there"),
            }
        })
        .collect()
}

/// Whether the labeling target answers, and takes the credential.
async fn labeling(settings: &Settings) -> Vec<Finding> {
    let Some(labeling) = &settings.labeling else {
        return Vec::new();
    };
    let config = &labeling.config;
    let (base, project) = (
        &config.target_url,
        config.project.as_deref().unwrap_or_default(),
    );
    let url = match &config.target {
        Some(TargetKind::LabelStudio) => format!("{base}/api/projects/{project}/"),
        Some(TargetKind::Cvat) => format!("{base}/api/users/self"),
        Some(TargetKind::Scale) => format!("{base}/v1/projects"),
        Some(TargetKind::Pubsub) => {
            format!("{base}/v1/{}", config.topic.as_deref().unwrap_or_default())
        }
        Some(TargetKind::Webhook | TargetKind::Custom(_)) | None => base.clone(),
    };
    let subject = format!("labeling target {base}");
    let resolved = settings.resolved_credentials();
    let outbound = match resolved.and_then(|all| OutboundClient::new(&labeling.hosts(), &all)) {
        Ok(outbound) => outbound,
        // Said of the credential already.
        Err(_) => return Vec::new(),
    };
    let own = matches!(
        config.target,
        Some(TargetKind::Webhook | TargetKind::Custom(_))
    );
    vec![match outbound.probe(&url).await {
        Err(error) => Finding::error(
            subject,
            format!("{error:#}"),
            "is labeling.target_url right, and the server up?",
        ),
        Ok(401 | 403) => Finding::error(
            subject,
            "refuses the credential",
            "set FRAMEMILL_LABELING_TOKEN or labeling.token_file to a token that may write to the project",
        ),
        Ok(404) if !own => Finding::error(
            subject,
            format!("does not know what is asked for: {url}"),
            "fix labeling.project or labeling.topic",
        ),
        Ok(status) if status >= 500 => Finding::error(subject, format!("answers {status}"), ""),
        Ok(status) => Finding::good(subject, format!("answers ({status})")),
    }]
}
