//! What must be true of infra/, whatever a provider's schema allows.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Everything in infra/*.tf.
#[derive(Default)]
pub struct Config {
    /// Resources and data sources.
    pub blocks: Vec<Block>,
    /// All files' other blocks, by kind and name: variables, outputs.
    named: Vec<(String, String, Value)>,
    locals: BTreeSet<String>,
    /// Every `type.name.attribute`, `var.name` and `local.name` in an expression.
    pub references: BTreeSet<Vec<String>>,
    /// Every string.
    strings: Vec<String>,
    provider: String,
}

/// A resource, or a data source.
pub struct Block {
    /// Whether it is a data source.
    pub data: bool,
    /// `google_storage_bucket`
    pub kind: String,
    /// Its name in the files.
    pub name: String,
    /// Its arguments.
    pub body: Value,
}

impl Block {
    fn address(&self) -> String {
        let data = if self.data { "data." } else { "" };
        format!("{data}{}.{}", self.kind, self.name)
    }
}

impl Config {
    /// From the files as hcl2json gives them.
    pub fn new(files: &[Value]) -> Self {
        let mut config = Self::default();
        for file in files {
            config.take_strings(file);
            for (section, data) in [("resource", false), ("data", true)] {
                for (kind, name, body) in two_levels(&file[section]) {
                    config.blocks.push(Block {
                        data,
                        kind,
                        name,
                        body,
                    });
                }
            }
            for section in ["variable", "output"] {
                for (name, bodies) in entries(&file[section]) {
                    config
                        .named
                        .push((section.to_owned(), name.clone(), bodies[0].clone()));
                }
            }
            for locals in file["locals"].as_array().into_iter().flatten() {
                config
                    .locals
                    .extend(entries(locals).map(|(name, _)| name.clone()));
            }
            let google = &file["terraform"][0]["required_providers"][0]["google"];
            if let Some(version) = google["version"].as_str() {
                config.provider = version.to_owned();
            }
        }
        config
    }

    /// The constraint on the Google provider's version.
    pub fn provider_version(&self) -> &str {
        &self.provider
    }

    fn take_strings(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                if text.contains("${") {
                    self.references.extend(references(text));
                }
                self.strings.push(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| self.take_strings(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.take_strings(value)),
            _ => {}
        }
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Block> {
        self.blocks
            .iter()
            .filter(move |block| block.kind == kind && !block.data)
    }

    fn has(&self, kind: &str, name: &str, data: bool) -> bool {
        let mut blocks = self.blocks.iter();
        blocks.any(|block| block.kind == kind && block.name == name && block.data == data)
    }
}

/// All that is wrong.
pub fn check(config: &Config) -> Vec<String> {
    let rules = [
        buckets,
        subscriptions,
        identities,
        destruction,
        documentation,
        names,
    ];
    let mut findings: Vec<String> = rules.iter().flat_map(|rule| rule(config)).collect();
    for needed in [
        "google_storage_bucket",
        "google_pubsub_subscription",
        "google_storage_notification",
    ] {
        if config.of(needed).next().is_none() {
            findings.push(format!("no {needed}: the rules about it hold for nothing"));
        }
    }
    findings
}

fn buckets(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    for bucket in config.of("google_storage_bucket") {
        let at = bucket.address();
        if bucket.body["uniform_bucket_level_access"] != true {
            findings.push(format!("{at} lacks uniform bucket-level access"));
        }
        if bucket.body["public_access_prevention"] != "enforced" {
            findings.push(format!("{at} does not prevent public access"));
        }
        let rules = bucket.body["lifecycle_rule"].as_array();
        let aborts = |rule: &Value| rule["action"][0]["type"] == "AbortIncompleteMultipartUpload";
        if !rules.is_some_and(|rules| rules.iter().any(aborts)) {
            findings.push(format!("{at} keeps unfinished uploads for ever"));
        }
    }
    for notification in config.of("google_storage_notification") {
        if notification.body["object_name_prefix"].is_null() {
            findings.push(format!(
                "{} sends events of the whole bucket",
                notification.address()
            ));
        }
    }
    findings
}

fn subscriptions(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    let topic = |block: &Block| block.body["topic"].as_str().unwrap_or_default().to_owned();
    let kept: BTreeSet<String> = config.of("google_pubsub_subscription").map(topic).collect();
    let dead: BTreeSet<&str> = config
        .of("google_pubsub_subscription")
        .filter_map(|block| block.body["dead_letter_policy"][0]["dead_letter_topic"].as_str())
        .collect();
    for subscription in config.of("google_pubsub_subscription") {
        let at = subscription.address();
        if subscription.body["dead_letter_policy"].is_null()
            && !dead.contains(topic(subscription).as_str())
        {
            findings.push(format!(
                "{at} delivers poison for ever: it has no dead_letter_policy"
            ));
        }
        if subscription.body["expiration_policy"][0]["ttl"] != "" {
            findings.push(format!("{at} expires when nothing is uploaded for a month"));
        }
        let push = &subscription.body["push_config"];
        if !push.is_null() && push[0]["oidc_token"].is_null() {
            findings.push(format!("{at} pushes without a token"));
        }
    }
    for topic in dead.into_iter().filter(|topic| !kept.contains(*topic)) {
        findings.push(format!(
            "dead letters of {topic} are lost: it has no subscription"
        ));
    }
    findings
}

fn identities(config: &Config) -> Vec<String> {
    let forbidden = [
        "roles/owner",
        "roles/editor",
        "allUsers",
        "allAuthenticatedUsers",
    ];
    let mut findings: Vec<String> = config
        .of("google_service_account_key")
        .map(|key| format!("{} is a key that can be stolen", key.address()))
        .collect();
    for name in forbidden {
        if config.strings.iter().any(|text| text.contains(name)) {
            findings.push(format!("`{name}` gives far more than is needed"));
        }
    }
    findings
}

/// `terraform destroy` must leave nothing behind.
fn destruction(config: &Config) -> Vec<String> {
    type Rule = (&'static str, &'static str, fn(&Value) -> bool);
    let rules: [Rule; 5] = [
        ("google_storage_bucket", "force_destroy", |value| {
            !value.is_null() && value != false
        }),
        ("google_firestore_database", "deletion_policy", |value| {
            value == "DELETE"
        }),
        (
            "google_bigquery_dataset",
            "delete_contents_on_destroy",
            |value| !value.is_null() && value != false,
        ),
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
    let mut findings = Vec::new();
    for (kind, argument, holds) in rules {
        for block in config
            .of(kind)
            .filter(|block| !holds(&block.body[argument]))
        {
            findings.push(format!(
                "{} outlives terraform destroy: see {argument}",
                block.address()
            ));
        }
    }
    findings
}

fn documentation(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    for (kind, name, body) in &config.named {
        if body["description"].as_str().is_none_or(str::is_empty) {
            findings.push(format!("{kind} {name} has no description"));
        }
        if kind == "variable" && body["type"].is_null() {
            findings.push(format!("variable {name} has no type"));
        }
    }
    findings
}

/// Everything that is named exists, and every variable is used.
fn names(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    let variables = || config.named.iter().filter(|(kind, ..)| kind == "variable");
    for reference in &config.references {
        let words: Vec<&str> = reference.iter().map(String::as_str).collect();
        let exists = match words.as_slice() {
            ["var", name, ..] => variables().any(|(_, variable, _)| variable == name),
            ["local", name, ..] => config.locals.contains(*name),
            ["data", kind, name, ..] => config.has(kind, name, true),
            [kind, name, ..] => config.has(kind, name, false),
            _ => true,
        };
        if !exists {
            findings.push(format!("{} is not defined", reference.join(".")));
        }
    }
    for (_, name, _) in variables() {
        if !config
            .references
            .iter()
            .any(|r| r.starts_with(&["var".to_owned(), name.clone()]))
        {
            findings.push(format!("variable {name} is not used"));
        }
    }
    findings
}

/// What an expression names: `var.x`, `local.x`, `google_t.n.attribute`, `data.google_t.n.attribute`.
fn references(text: &str) -> Vec<Vec<String>> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut found = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        if !word(first) || word(before) || before == '.' {
            before = first;
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let mut words = Vec::new();
        loop {
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
            // An index stands between a resource's name and its attribute.
            let after = match rest
                .strip_prefix('[')
                .and_then(|inside| inside.split_once(']'))
            {
                Some((_, after)) if words.len() > 1 => after,
                _ => rest,
            };
            match after.strip_prefix('.') {
                Some(next) if next.starts_with(word) => rest = next,
                _ => break,
            }
        }
        before = ' ';
        let head = words.first().map_or("", String::as_str);
        if words.len() > 1
            && (["var", "local", "data"].contains(&head) || head.starts_with("google_"))
        {
            found.push(words);
        }
    }
    found
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn two_levels(value: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (kind, named) in entries(value) {
        for (name, bodies) in entries(named) {
            all.push((kind.clone(), name.clone(), bodies[0].clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The smallest configuration with nothing wrong.
    fn sound() -> Value {
        json!({
            "variable": { "region": [{ "description": "Region", "type": "string" }] },
            "output": { "bucket": [{ "description": "Bucket", "value": "${google_storage_bucket.data.name}" }] },
            "locals": [{ "labels": {} }],
            "resource": {
                "google_storage_bucket": { "data": [{
                    "location": "${var.region}",
                    "labels": "${local.labels}",
                    "uniform_bucket_level_access": true,
                    "public_access_prevention": "enforced",
                    "force_destroy": true,
                    "lifecycle_rule": [{ "action": [{ "type": "AbortIncompleteMultipartUpload" }] }],
                }] },
                "google_storage_notification": { "n": [{ "object_name_prefix": "videos/" }] },
                "google_pubsub_topic": { "dead": [{}] },
                "google_pubsub_subscription": {
                    "pull": [{
                        "topic": "t",
                        "expiration_policy": [{ "ttl": "" }],
                        "dead_letter_policy": [{ "dead_letter_topic": "${google_pubsub_topic.dead.id}" }],
                    }],
                    "dead": [{ "topic": "${google_pubsub_topic.dead.id}", "expiration_policy": [{ "ttl": "" }] }],
                },
            },
        })
    }

    #[track_caller]
    fn finds(expected: &str, change: impl FnOnce(&mut Value)) {
        let mut config = sound();
        change(&mut config);
        let findings = check(&Config::new(&[config]));
        assert!(
            findings.len() == 1 && findings[0].contains(expected),
            "{findings:?}"
        );
    }

    #[test]
    fn each_rule_finds_what_it_is_for_and_nothing_else() {
        assert!(check(&Config::new(&[sound()])).is_empty());
        let bucket = |name: &'static str, value: Value| {
            move |config: &mut Value| {
                config["resource"]["google_storage_bucket"]["data"][0][name] = value;
            }
        };
        finds(
            "uniform",
            bucket("uniform_bucket_level_access", json!(false)),
        );
        finds(
            "public access",
            bucket("public_access_prevention", json!("inherited")),
        );
        finds("unfinished uploads", bucket("lifecycle_rule", json!([])));
        finds("outlives", bucket("force_destroy", json!(false)));
        finds("roles/owner", bucket("role", json!("roles/owner")));
        finds(
            "google_storage_bucket.date.name is not defined",
            bucket("a", json!("${google_storage_bucket.date[0].name}")),
        );
        finds(
            "data.google_project.this is not defined",
            bucket("a", json!("${data.google_project.this}")),
        );
        finds("var.x is not", bucket("a", json!("x-${lower(var.x)}")));
        finds("local.x is not", bucket("a", json!("${[local.x]}")));
        finds("region is not used", bucket("location", json!("r")));
        let subscription = |name: &'static str, argument: &'static str, value: Value| {
            move |config: &mut Value| {
                config["resource"]["google_pubsub_subscription"][name][0][argument] = value;
            }
        };
        finds(
            "expires",
            subscription("pull", "expiration_policy", json!(null)),
        );
        finds(
            "without a token",
            subscription("pull", "push_config", json!([{}])),
        );
        finds("whole bucket", |config| {
            config["resource"]["google_storage_notification"]["n"][0] = json!({});
        });
        finds("key that can be stolen", |config| {
            config["resource"]["google_service_account_key"] = json!({ "k": [{}] });
        });
        finds("has no description", |config| {
            config["output"]["bucket"][0]["description"] = json!("");
        });
        finds("has no type", |config| {
            config["variable"]["region"][0]["type"] = json!(null);
        });
    }

    #[test]
    fn dead_letters_must_be_kept() {
        let mut config = sound();
        let subscriptions = &mut config["resource"]["google_pubsub_subscription"];
        subscriptions.as_object_mut().unwrap().remove("dead");
        let findings = check(&Config::new(&[config]));
        assert!(
            findings.len() == 1 && findings[0].contains("are lost"),
            "{findings:?}"
        );
        let mut config = sound();
        config["resource"]["google_pubsub_subscription"]["pull"][0]["dead_letter_policy"] =
            json!(null);
        let findings = check(&Config::new(&[config]));
        // Neither subscription has one, and so neither is for dead letters.
        assert!(
            findings.len() == 2 && findings[0].contains("delivers poison"),
            "{findings:?}"
        );
    }

    #[test]
    fn rules_about_nothing_do_not_hold() {
        assert_eq!(check(&Config::new(&[json!({})])).len(), 3);
    }
}
