//! Who may do what: least privilege, as far as the files tell.

use super::files::{Block, Files};
use serde_json::Value;

/// All that is wrong.
pub fn check(files: &Files) -> Vec<String> {
    let rules = [projects, writers, open_doors];
    rules.iter().flat_map(|rule| rule(files)).collect()
}

/// Roles that may be given on the whole project, as Google has no narrower place for them, and
/// whether a condition must make them narrower.
const ON_PROJECT: &[(&str, bool)] = &[
    ("roles/bigquery.jobUser", false),
    ("roles/datastore.user", true),
    ("roles/monitoring.viewer", false),
    ("roles/parametermanager.parameterViewer", false),
];

/// Nothing is given on the whole project that could be given on a part of it.
fn projects(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for block in files.blocks() {
        let (at, role) = (block.address(), &block.body["role"]);
        match block.kind {
            "google_project_iam_member" => {
                let known = ON_PROJECT.iter().find(|(known, _)| role == known);
                match known {
                    None => findings.push(format!("{at} gives {role} on the whole project")),
                    Some((_, true)) if block.body["condition"].is_null() => {
                        findings.push(format!("{at} gives {role} without a condition"));
                    }
                    Some(_) => {}
                }
            }
            "google_project_iam_binding" | "google_project_iam_policy" if !block.data => {
                findings.push(format!("{at} takes roles of the project from others"));
            }
            _ => {}
        }
    }
    findings
}

/// Roles on a bucket that change no object.
const READING: &[&str] = &[
    "roles/storage.legacyBucketReader",
    "roles/storage.objectViewer",
];

/// Whoever writes to the dataset bucket does so below a prefix: nobody but its owner changes videos.
fn writers(files: &Files) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    files
        .of("google_storage_bucket_iam_member")
        .filter(|it| text(&it.body["bucket"]).contains("google_storage_bucket.dataset."))
        .filter(|it| !READING.contains(&text(&it.body["role"]).as_str()))
        .filter(|it| it.body["condition"].is_null())
        .map(|it| format!("{} may write to the whole dataset bucket", it.address()))
        .collect()
}

/// The one service that anyone may call.
const OPEN: &str = "webhooks";
/// Members that are everyone.
const EVERYONE: [&str; 2] = ["allUsers", "allAuthenticatedUsers"];

/// Only webhooks come in from everyone, and who takes them may do nothing else.
fn open_doors(files: &Files) -> Vec<String> {
    let everyone = |value: &Value| {
        let text = value.to_string();
        EVERYONE.iter().any(|members| text.contains(members))
    };
    let invokes_open = |it: &Block| {
        let service = it.body["name"].as_str().unwrap_or_default();
        it.kind == "google_cloud_run_v2_service_iam_member"
            && it.body["role"] == "roles/run.invoker"
            && service.contains(&format!("google_cloud_run_v2_service.{OPEN}["))
    };
    let blocks = files.blocks();
    let opened = blocks
        .iter()
        .filter(|it| everyone(it.body) && !invokes_open(it))
        .map(|it| format!("{} is for everyone", it.address()));
    let hidden = files
        .locals()
        .filter(|(_, value)| everyone(value))
        .map(|(name, _)| format!("local.{name} is everyone: say so where it is given a role"));
    let services = files
        .of("google_cloud_run_v2_service")
        .flat_map(open_service);
    opened.chain(hidden).chain(services).collect()
}

/// What is wrong with how a service is reached, and with whom it runs as.
fn open_service(service: Block) -> Vec<String> {
    let at = service.address();
    let mut findings = Vec::new();
    if !matches!(
        service.body["invoker_iam_disabled"],
        Value::Null | Value::Bool(false)
    ) {
        findings.push(format!("{at} asks nobody who calls"));
    }
    if service.name != OPEN {
        if service.body["ingress"] != "INGRESS_TRAFFIC_INTERNAL_ONLY" {
            findings.push(format!("{at} is reached from outside"));
        }
        return findings;
    }
    let identity = service.body["template"]["service_account"].as_str();
    let own = format!("google_service_account.{OPEN}[");
    if !identity.is_some_and(|identity| identity.contains(&own)) {
        findings.push(format!("{at} is for everyone, and runs as {identity:?}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
locals {}
resource "google_cloud_run_v2_service" "scaler" {
  ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"
}
resource "google_cloud_run_v2_service" "webhooks" {
  ingress = "INGRESS_TRAFFIC_ALL"
  template { service_account = google_service_account.webhooks[0].email }
}
resource "google_cloud_run_v2_service_iam_member" "anyone" {
  name   = google_cloud_run_v2_service.webhooks[0].name
  role   = "roles/run.invoker"
  member = "allUsers"
}
resource "google_storage_bucket_iam_member" "reads" {
  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectViewer"
}
resource "google_storage_bucket_iam_member" "writes" {
  bucket = google_storage_bucket.dataset.name
  role   = "roles/storage.objectUser"
  condition { expression = "below a prefix" }
}
resource "google_project_iam_member" "loads" {
  role = "roles/bigquery.jobUser"
}
resource "google_project_iam_member" "mirrors" {
  role = "roles/datastore.user"
  condition { expression = "one database" }
}
"#;

    fn found(text: &str) -> Vec<String> {
        let mut files = Files::default();
        files.add(text).unwrap();
        check(&files)
    }

    #[test]
    fn sound_files_pass() {
        assert_eq!(found(SOUND), Vec::<String>::new());
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        for (from, to, expected) in [
            (
                "bigquery.jobUser",
                "bigquery.dataEditor",
                "gives \"roles/bigquery.dataEditor\" on the whole project",
            ),
            (
                "condition { expression = \"one database\" }",
                "",
                "without a condition",
            ),
            (
                "google_project_iam_member\" \"loads",
                "google_project_iam_binding\" \"loads",
                "from others",
            ),
            (
                "condition { expression = \"below a prefix\" }",
                "",
                "writes may write to the whole dataset bucket",
            ),
            ("objectViewer", "objectAdmin", "reads may write"),
            ("roles/run.invoker", "roles/run.admin", "is for everyone"),
            (
                "name   = google_cloud_run_v2_service.webhooks[0]",
                "name   = google_cloud_run_v2_service.scaler[0]",
                "anyone is for everyone",
            ),
            (
                "role   = \"roles/storage.objectViewer\"",
                "role   = \"roles/storage.objectViewer\"\n  member = \"allAuthenticatedUsers\"",
                "reads is for everyone",
            ),
            (
                "locals {}",
                "locals {\n who = [\"allUsers\"]\n}",
                "local.who is everyone",
            ),
            (
                "google_service_account.webhooks[0].email",
                "google_service_account.host.email",
                "and runs as Some(\"${google_service_account.host.email}\")",
            ),
            (
                "INGRESS_TRAFFIC_INTERNAL_ONLY",
                "INGRESS_TRAFFIC_ALL",
                "scaler is reached from outside",
            ),
            (
                "\"INGRESS_TRAFFIC_ALL\"",
                "\"INGRESS_TRAFFIC_ALL\"\n  invoker_iam_disabled = true",
                "asks nobody who calls",
            ),
        ] {
            let broken = SOUND.replacen(from, to, 1);
            assert_ne!(broken, SOUND, "{from}");
            let found = found(&broken);
            assert!(
                found.len() == 1 && found[0].contains(expected),
                "`{from}` to `{to}`: {found:?}"
            );
        }
    }
}
