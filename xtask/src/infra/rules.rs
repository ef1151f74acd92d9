//! What must be true of infra/ and is checked by no tool: neither checkov nor `terraform
//! validate`, which needs the provider, knows what framemill needs.

use super::files::{Block, Files, many};
use serde_json::Value;
use std::collections::BTreeSet;

/// All that is wrong.
pub fn check(files: &Files) -> Vec<String> {
    let rules = [
        storage,
        subscriptions,
        dead_letters,
        keys,
        destruction,
        names,
    ];
    let mut findings: Vec<String> = rules.iter().flat_map(|rule| rule(files)).collect();
    let destroyed = DESTROYED.iter().map(|(kind, ..)| *kind);
    for needed in destroyed.chain(["google_pubsub_subscription", "google_storage_notification"]) {
        if files.of(needed).next().is_none() {
            findings.push(format!("no {needed}: the rules about it hold for nothing"));
        }
    }
    findings
}

fn storage(files: &Files) -> Vec<String> {
    let aborts = |rule: &Value| rule["action"]["type"] == "AbortIncompleteMultipartUpload";
    let buckets = files
        .of("google_storage_bucket")
        .filter(|bucket| !many(&bucket.body["lifecycle_rule"]).iter().any(aborts))
        .map(|bucket| format!("{} keeps unfinished uploads for ever", bucket.address()));
    let notifications = files
        .of("google_storage_notification")
        .filter(|notification| notification.body["object_name_prefix"].is_null())
        .map(|it| format!("{} sends events of the whole bucket", it.address()));
    buckets.chain(notifications).collect()
}

fn subscriptions(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for subscription in files.of("google_pubsub_subscription") {
        let at = subscription.address();
        if subscription.body["expiration_policy"]["ttl"] != "" {
            findings.push(format!("{at} expires when nothing is uploaded for a month"));
        }
        let push = &subscription.body["push_config"];
        if !push.is_null() && push["oidc_token"].is_null() {
            findings.push(format!("{at} pushes without a token"));
        }
    }
    findings
}

/// Every message that is given up goes to a topic, and a topic without a subscription keeps
/// nothing.
fn dead_letters(files: &Files) -> Vec<String> {
    let topic = |block: &Block| block.body["topic"].as_str().unwrap_or_default().to_owned();
    let policy = |block: &Block| {
        let topic = &block.body["dead_letter_policy"]["dead_letter_topic"];
        topic.as_str().map(str::to_owned)
    };
    let all: Vec<Block> = files.of("google_pubsub_subscription").collect();
    let kept: BTreeSet<String> = all.iter().map(topic).collect();
    let dead: BTreeSet<String> = all.iter().filter_map(policy).collect();
    let endless = all
        .iter()
        .filter(|it| policy(it).is_none() && !dead.contains(&topic(it)))
        .map(|it| {
            format!(
                "{} delivers a message without end: no dead_letter_policy",
                it.address()
            )
        });
    let lost = dead
        .difference(&kept)
        .map(|topic| format!("dead letters of {topic} are lost: it has no subscription"));
    endless.chain(lost).collect()
}

fn keys(files: &Files) -> Vec<String> {
    let keys = files.of("google_service_account_key");
    keys.map(|key| format!("{} is a key that can be stolen", key.address()))
        .collect()
}

/// What must say that `terraform destroy` takes it away, and by which values.
const DESTROYED: &[(&str, &str, Holds)] = &[
    ("google_storage_bucket", "force_destroy", is_on),
    (
        "google_bigquery_dataset",
        "delete_contents_on_destroy",
        is_on,
    ),
    ("google_firestore_database", "deletion_policy", |value| {
        value == "DELETE"
    }),
    (
        "google_cloud_run_v2_worker_pool",
        "deletion_protection",
        |value| value == false,
    ),
    (
        "google_cloud_run_v2_service",
        "deletion_protection",
        |value| value == false,
    ),
];

/// Whether a value does what it must.
type Holds = fn(&Value) -> bool;

/// A variable may decide.
fn is_on(value: &Value) -> bool {
    !value.is_null() && value != false
}

/// `terraform destroy` must leave nothing behind.
fn destruction(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (kind, argument, holds) in DESTROYED {
        let kept = files.of(kind).filter(|block| !holds(&block.body[argument]));
        findings.extend(kept.map(|block| {
            let at = block.address();
            format!("{at} outlives terraform destroy: see {argument}")
        }));
    }
    findings
}

/// Everything that is named exists, and every variable is used.
fn names(files: &Files) -> Vec<String> {
    let blocks = files.blocks();
    let has = |kind: &str, name: &str, data: bool| {
        blocks
            .iter()
            .any(|block| block.kind == kind && block.name == name && block.data == data)
    };
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for reference in &files.references {
        let words: Vec<&str> = reference.iter().map(String::as_str).collect();
        let exists = match words.as_slice() {
            ["var", name, ..] => {
                used.insert(*name);
                files.variables().any(|variable| variable == *name)
            }
            ["local", name, ..] => files.locals().any(|(local, _)| local == *name),
            ["data", kind, name, ..] => has(kind, name, true),
            [kind, name, ..] => has(kind, name, false),
            _ => true,
        };
        if !exists {
            findings.push(format!("{} is not defined", reference.join(".")));
        }
    }
    let unused = files.variables().filter(|name| !used.contains(name));
    findings.extend(unused.map(|name| format!("variable {name} is not used")));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
variable "region" {}
variable "keep" {}
locals { topic = google_pubsub_topic.events["videos"].id }
data "google_project" "this" {}
resource "google_pubsub_topic" "events" {
  labels = { number = "n-${data.google_project.this.number}" }
}
resource "google_pubsub_topic" "dead" {}
resource "google_storage_bucket" "date" {
  location      = var.region
  force_destroy = true
  lifecycle_rule {
    action { type = "Delete" }
  }
  lifecycle_rule {
    action { type = "AbortIncompleteMultipartUpload" }
  }
}
resource "google_storage_notification" "n" {
  object_name_prefix = "videos/"
}
resource "google_pubsub_subscription" "pull" {
  topic = local.topic
  expiration_policy { ttl = "" }
  push_config {
    oidc_token {}
  }
  dead_letter_policy { dead_letter_topic = google_pubsub_topic.dead.id }
}
resource "google_pubsub_subscription" "dead" {
  topic = google_pubsub_topic.dead.id
  expiration_policy { ttl = "" }
}
resource "google_bigquery_dataset" "d" {
  delete_contents_on_destroy = !var.keep
}
resource "google_firestore_database" "d" {
  deletion_policy = "DELETE"
}
resource "google_cloud_run_v2_worker_pool" "host" {
  deletion_protection = false
}
resource "google_cloud_run_v2_service" "scaler" {
  deletion_protection = false
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
            ("AbortIncompleteMultipartUpload", "Delete", "unfinished"),
            ("object_name_prefix", "payload_format", "whole bucket"),
            ("force_destroy = true", "force_destroy = false", "outlives"),
            ("force_destroy = true", "", "outlives"),
            (
                "deletion_protection = false",
                "deletion_protection = true",
                "outlives",
            ),
            ("deletion_protection = false", "", "outlives"),
            ("delete_contents_on_destroy", "labels", "outlives"),
            ("\"DELETE\"", "\"ABANDON\"", "outlives"),
            ("ttl = \"\"", "ttl = \"2678400s\"", "expires"),
            ("expiration_policy { ttl = \"\" }", "", "expires"),
            ("oidc_token {}", "", "without a token"),
            (
                "data \"google_project\" \"this\" {}",
                "",
                "data.google_project.this.number is not defined",
            ),
            ("var.region", "var.regio", "var.regio is not defined"),
            ("var.region", "\"eu\"", "variable region is not used"),
            ("local.topic", "local.topics", "local.topics is not defined"),
            (
                "[\"videos\"].id",
                "[google_pubsub_topic.gone].id",
                "google_pubsub_topic.gone is not defined",
            ),
            (
                "n-${data",
                "${lower(\"x-${local.none}\")}-${data",
                "local.none is not defined",
            ),
            (
                "resource \"google_pubsub_topic\" \"dead\" {}",
                "resource \"google_pubsub_topic\" \"dead\" {}\nresource \"google_service_account_key\" \"k\" {}",
                "key that can be stolen",
            ),
        ] {
            let broken = SOUND.replacen(from, to, 1);
            assert_ne!(broken, SOUND, "{from}");
            let found = found(&broken);
            assert!(
                found.iter().any(|finding| finding.contains(expected)),
                "`{from}` to `{to}`: {found:?}"
            );
        }
    }

    #[test]
    fn dead_letters_must_be_kept() {
        let (before, kept) = SOUND
            .split_once("resource \"google_pubsub_subscription\" \"dead\"")
            .unwrap();
        let (_, after) = kept.split_once("}\n}\n").unwrap();
        let found_without = found(&format!("{before}{after}"));
        assert!(
            found_without.len() == 1 && found_without[0].contains("are lost"),
            "{found_without:?}"
        );
        let policy = "dead_letter_policy { dead_letter_topic = google_pubsub_topic.dead.id }";
        let found = found(&SOUND.replace(policy, ""));
        // Neither subscription has a policy, and so neither is for dead letters.
        assert!(
            found.len() == 2 && found[0].contains("without end"),
            "{found:?}"
        );
    }

    #[test]
    fn rules_about_nothing_do_not_hold() {
        assert_eq!(found("").len(), DESTROYED.len() + 2);
    }
}
