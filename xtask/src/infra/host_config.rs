//! `framemill.toml` as Terraform writes it, judged by the host itself.

use super::files::Files;
use crate::{build, sh};
use anyhow::{Context as _, Result, bail, ensure};
use hcl::Template;
use hcl::eval::{Context, Evaluate, FuncDef, ParamType};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;

const TEMPLATE: &str = "infra/framemill.toml.tftpl";
/// Refuses every connection.
const NOWHERE: &str = "127.0.0.1:9";

/// Whether host.tf gives the template the values that are known here: `local.settings`.
pub fn values_differ(files: &Files) -> Option<String> {
    let settings = files.locals().find(|(name, _)| *name == "settings");
    let given: Vec<&String> = settings
        .and_then(|(_, value)| value.as_object())
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    let known = settings_of(true);
    let known: Vec<&String> = known.keys().collect();
    (known != given)
        .then(|| format!("local.settings has {given:?}, and this check knows {known:?}"))
}

/// Renders the template for each way to set infra/ up, and has `framemill check` read it.
pub fn check() -> Result<()> {
    let host = build::host_path();
    ensure!(
        host.is_file(),
        "no framemill: run `cargo xtask build` first"
    );
    let template = sh::read(&sh::root().join(TEMPLATE))?;
    let with_labels = render(&template, &settings_of(true))?;
    let cases = [
        ("videos", render(&template, &settings_of(false))?),
        ("labels", with_labels.clone()),
        ("unknown key", format!("no_such_key = 1\n{with_labels}")),
    ];
    // At once: each waits for a server that is not there.
    let wrong = std::thread::scope(|scope| {
        let checks = cases.map(|(name, text)| {
            let host = &host;
            (name, scope.spawn(move || host_check(host, name, &text)))
        });
        checks.map(|(name, check)| (name, check.join()))
    });
    for (name, wrong) in wrong {
        let wrong = wrong.map_err(|_| anyhow::anyhow!("a check of {TEMPLATE} panicked"))?;
        let wrong = wrong.with_context(|| format!("{TEMPLATE}, {name}"))?;
        // Else the check might find nothing, whatever the file says.
        if name == "unknown key" {
            let found = wrong.iter().any(|fact| fact.contains("no_such_key"));
            ensure!(found, "framemill check takes a key that it does not know");
        } else if !wrong.is_empty() {
            bail!("{TEMPLATE}, {name}:\n- {}", wrong.join("\n- "));
        }
    }
    eprintln!("{TEMPLATE}: the host knows and takes every key");
    Ok(())
}

fn settings_of(labels: bool) -> Map<String, Value> {
    let subscription = |queue: &str| format!("projects/my-project/subscriptions/framemill-{queue}");
    let labeling = json!({
        "target": "label-studio",
        "target_url": format!("http://{NOWHERE}"),
        "project": "1",
        "instruction": "a \"quote\", a \\ and <b>",
    });
    let settings = json!({
        "bucket": "my-project-framemill-dataset",
        "video_path": "videos",
        "image_path": "images",
        "manifest_path": "manifests",
        "record_path": "records",
        "max_attempts": 5,
        "dead_letters": "projects/my-project/topics/framemill-dead-letters",
        "subscription": subscription("videos"),
        "manifests_subscription": if labels { subscription("manifests") } else { String::new() },
        "labeling_settings": if labels { labeling } else { json!({}) },
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// As Terraform's `templatefile`.
fn render(template: &str, values: &Map<String, Value>) -> Result<String> {
    let mut context = Context::new();
    for (name, value) in values {
        context.declare_var(name.as_str(), hcl::to_value(value)?);
    }
    let jsonencode = FuncDef::builder().param(ParamType::Any).build(|arguments| {
        let mut text = serde_json::to_string(&arguments[0]).map_err(|error| error.to_string())?;
        // Terraform writes three characters as escapes.
        for (plain, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
            text = text.replace(plain, escape);
        }
        Ok(hcl::Value::from(text))
    });
    context.declare_func("jsonencode", jsonencode);
    let parsed =
        Template::from_str(template).with_context(|| format!("cannot parse {TEMPLATE}"))?;
    parsed
        .evaluate(&context)
        .with_context(|| format!("cannot render {TEMPLATE}"))
}

/// What `framemill check` finds wrong with this configuration; that no server answers is as it
/// should be.
fn host_check(host: &Path, name: &str, text: &str) -> Result<Vec<String>> {
    let folder = sh::root().join("target/infra-check");
    // Its components are not what is looked at: compiling them takes long.
    let components = folder.join("no-components");
    fs::create_dir_all(&components)?;
    let config = folder.join(format!("{name}.toml"));
    fs::write(&config, text)?;
    let mut check = sh::command(host);
    check.args(["check", "--json", "--config"]).arg(&config);
    check.arg("--components").arg(components);
    // No settings of ours, and nothing that reaches a cloud.
    check.env_clear();
    check.env("FRAMEMILL_LABELING_TOKEN", "none");
    for emulator in ["PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"] {
        check.env(emulator, NOWHERE);
    }
    let output = check.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {}", host.display()))?;
    configuration_errors(&output.stdout)
}

fn configuration_errors(findings: &[u8]) -> Result<Vec<String>> {
    let findings: Vec<Value> =
        serde_json::from_slice(findings).context("framemill check printed no findings")?;
    // Pipelines are made of the configuration: an address that is none shows there.
    let read: Vec<&Value> = findings
        .iter()
        .filter(|finding| {
            finding["subject"] == "configuration" || finding["subject"] == "pipelines"
        })
        .collect();
    ensure!(
        !read.is_empty(),
        "framemill check says nothing of the configuration"
    );
    let wrong = read.iter().filter(|finding| finding["severity"] == "error");
    Ok(wrong
        .map(|finding| finding["fact"].as_str().unwrap_or_default().to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_rendered_as_toml_and_only_with_all_its_values() {
        let template = sh::read(&sh::root().join(TEMPLATE)).unwrap();
        let values = settings_of(true);
        let text = render(&template, &values).unwrap();
        let instruction = r#"instruction = "a \"quote\", a \\ and \u003cb\u003e""#;
        assert!(text.lines().any(|line| line == instruction), "{text}");
        let without = render(&template, &settings_of(false)).unwrap();
        assert!(!without.contains("[labeling]"), "{without}");
        for name in values.keys() {
            let mut fewer = values.clone();
            fewer.remove(name);
            assert!(render(&template, &fewer).is_err(), "{name}");
        }
    }

    #[test]
    fn settings_of_host_tf_are_those_that_are_known_here() {
        let mut files = Files::default();
        files.add("locals { settings = { bucket = 1 } }").unwrap();
        assert!(values_differ(&files).unwrap().contains("\"bucket\"]"));
        let files = Files::read(&sh::root().join("infra")).unwrap();
        assert_eq!(values_differ(&files), None);
    }

    #[test]
    fn only_errors_of_the_configuration_count() {
        let findings = json!([
            { "subject": "configuration", "severity": "good", "fact": "g" },
            { "subject": "pipelines", "severity": "error", "fact": "p" },
            { "subject": "bucket b", "severity": "error", "fact": "b" },
        ]);
        let errors = configuration_errors(findings.to_string().as_bytes());
        assert_eq!(errors.unwrap(), ["p"]);
        assert!(configuration_errors(b"[]").is_err());
        assert!(configuration_errors(b"").is_err());
    }
}
