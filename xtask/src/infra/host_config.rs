//! `framemill.toml` as Terraform writes it, and the environment that it sets, judged by the host itself.

use super::files::Files;
use crate::{build, sh};
use anyhow::{Context as _, Result, bail, ensure};
use hcl::Template;
use hcl::eval::{Context, Evaluate, FuncDef, ParamType};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;

const TEMPLATE: &str = "infra/framemill.toml.tftpl";
/// Refuses every connection.
const NOWHERE: &str = "127.0.0.1:9";
const BUCKET: &str = "my-project-framemill-dataset";
/// The local with the environment of the service that takes webhooks.
const WEBHOOKS: &str = "webhooks_environment";

/// Whether host.tf gives the template the values that are known here: `local.settings`.
pub fn values_differ(files: &Files) -> Option<String> {
    let settings = files.locals().find(|(name, _)| *name == "settings");
    let given: Vec<&String> = settings
        .and_then(|(_, value)| value.as_object())
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    let known = settings_of(SetUp::Annotations);
    let known: Vec<&String> = known.keys().collect();
    (known != given)
        .then(|| format!("local.settings has {given:?}, and this check knows {known:?}"))
}

/// What is switched on; each has what those before it have.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum SetUp {
    Videos,
    Labels,
    /// With both databases.
    Annotations,
}

/// One configuration for the host to judge.
struct Case {
    name: &'static str,
    /// `framemill.toml`
    text: String,
    environment: BTreeMap<String, String>,
    /// What must be found wrong: else the check might find nothing, whatever is there.
    wrong: Option<&'static str>,
}

/// Renders the template for each way to set infra/ up, and has `framemill check` read it; likewise the
/// environment of the service that takes webhooks.
pub fn check(files: &Files) -> Result<()> {
    let host = build::host_path();
    ensure!(
        host.is_file(),
        "no framemill: run `cargo xtask build` first"
    );
    // At once: each waits for a server that is not there.
    let wrong = std::thread::scope(|scope| {
        let checks = cases(files)?.map(|case| {
            let host = &host;
            scope.spawn(move || host_check(host, &case).map(|wrong| (case, wrong)))
        });
        Ok::<_, anyhow::Error>(checks.map(std::thread::ScopedJoinHandle::join))
    })?;
    for checked in wrong {
        let checked = checked.map_err(|_| anyhow::anyhow!("a check of {TEMPLATE} panicked"))?;
        let (Case { name, wrong, .. }, found) = checked?;
        if let Some(wrong) = wrong {
            let found = found.iter().any(|fact| fact.contains(wrong));
            ensure!(
                found,
                "framemill check takes {wrong}, which it does not know"
            );
        } else if !found.is_empty() {
            bail!("configuration of {name}:\n- {}", found.join("\n- "));
        }
    }
    eprintln!("{TEMPLATE} and local.{WEBHOOKS}: the host knows and takes every key");
    Ok(())
}

fn cases(files: &Files) -> Result<[Case; 6]> {
    let template = sh::read(&sh::root().join(TEMPLATE))?;
    let token = ("FRAMEMILL_LABELING_TOKEN".to_owned(), "none".to_owned());
    let file = |name, text, wrong| Case {
        name,
        text,
        environment: BTreeMap::from([token.clone()]),
        wrong,
    };
    let toml = |set_up| render(&template, &settings_of(set_up));
    let unknown = format!("no_such_key = 1\n{}", toml(SetUp::Labels)?);
    let webhooks = |wrong: Option<&'static str>| -> Result<Case> {
        let mut environment = webhooks_environment(files)?;
        environment.extend(wrong.map(|name| (name.to_owned(), "1".to_owned())));
        Ok(Case {
            name: wrong.unwrap_or("webhooks"),
            text: String::new(),
            environment,
            wrong,
        })
    };
    Ok([
        file("videos", toml(SetUp::Videos)?, None),
        file("labels", toml(SetUp::Labels)?, None),
        file("annotations", toml(SetUp::Annotations)?, None),
        file("unknown key", unknown, Some("no_such_key")),
        webhooks(None)?,
        webhooks(Some("FRAMEMILL_NO_SUCH_KEY"))?,
    ])
}

fn settings_of(set_up: SetUp) -> Map<String, Value> {
    let subscription = |queue: &str| format!("projects/my-project/subscriptions/framemill-{queue}");
    let annotations = json!({
        "source": format!("pubsub://{}", subscription("webhooks")),
        "sync_every": "10m",
        "firestore": "projects/my-project/databases/framemill",
        "firestore_collection": "frames",
    });
    let warehouse = json!({
        "refresh_every": "1h",
        "bigquery": "my-project.framemill",
        "bigquery_location": "europe-west1",
    });
    let from = |least: SetUp, value: Value, without: Value| {
        if set_up >= least { value } else { without }
    };
    let settings = json!({
        "bucket": BUCKET,
        "video_path": "videos",
        "image_path": "images",
        "manifest_path": "manifests",
        "record_path": "records",
        "max_attempts": 5,
        "dead_letters": "projects/my-project/topics/framemill-dead-letters",
        "subscription": subscription("videos"),
        "manifests_subscription": from(SetUp::Labels, subscription("manifests").into(), "".into()),
        "labeling_settings": from(SetUp::Labels, labeling_settings(), json!({})),
        "annotations_settings": from(SetUp::Annotations, annotations, json!({})),
        "warehouse_settings": from(SetUp::Annotations, warehouse, json!({})),
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// `var.labeling_settings`
fn labeling_settings() -> Value {
    json!({
        "target": "label-studio",
        "target_url": format!("http://{NOWHERE}"),
        "project": "1",
        "instruction": "a \"quote\", a \\ and <b>",
    })
}

/// What webhooks.tf sets in the environment of the service that takes webhooks: `local.webhooks_environment`.
fn webhooks_environment(files: &Files) -> Result<BTreeMap<String, String>> {
    let local = files.locals().find(|(name, _)| *name == WEBHOOKS);
    let expression = local
        .and_then(|(_, value)| value.as_str()?.strip_prefix("${")?.strip_suffix('}'))
        .with_context(|| format!("no expression local.{WEBHOOKS}"))?;
    let mut variables = settings_of(SetUp::Labels);
    variables.retain(|name, _| files.variables().any(|variable| variable == name));
    let mut context = Context::new();
    context.declare_var("var", hcl::to_value(variables)?);
    context.declare_var("local", hcl::to_value(json!({ "bucket": BUCKET }))?);
    declare_functions(&mut context);
    let body = hcl::parse(&format!("it = {expression}"))?;
    let attribute = body.into_attributes().next().context("no attribute")?;
    let value = attribute
        .expr
        .evaluate(&context)
        .with_context(|| format!("cannot evaluate local.{WEBHOOKS}"))?;
    let mut environment: BTreeMap<String, String> = hcl::from_value(value)?;
    // Any address would do, and this one is nobody else's and not reached from outside.
    let listen = environment.get_mut("FRAMEMILL_LISTEN");
    "127.0.0.1:0".clone_into(listen.context("nothing listens")?);
    Ok(environment)
}

/// As Terraform's `templatefile`.
fn render(template: &str, values: &Map<String, Value>) -> Result<String> {
    let mut context = Context::new();
    for (name, value) in values {
        context.declare_var(name.as_str(), hcl::to_value(value)?);
    }
    declare_functions(&mut context);
    let parsed =
        Template::from_str(template).with_context(|| format!("cannot parse {TEMPLATE}"))?;
    parsed
        .evaluate(&context)
        .with_context(|| format!("cannot render {TEMPLATE}"))
}

/// Those of Terraform's functions that are used.
fn declare_functions(context: &mut Context) {
    let jsonencode = FuncDef::builder().param(ParamType::Any).build(|arguments| {
        let mut text = serde_json::to_string(&arguments[0]).map_err(|error| error.to_string())?;
        // Terraform writes three characters as escapes.
        for (plain, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
            text = text.replace(plain, escape);
        }
        Ok(hcl::Value::from(text))
    });
    let length = FuncDef::builder().param(ParamType::Any).build(|arguments| {
        let entries = arguments[0].as_object().map(hcl::Map::len);
        entries
            .map(hcl::Value::from)
            .ok_or_else(|| "length of no map".to_owned())
    });
    let upper = FuncDef::builder()
        .param(ParamType::String)
        .build(|arguments| {
            let text = arguments[0].as_str().unwrap_or_default();
            Ok(hcl::Value::from(text.to_uppercase()))
        });
    let merge = FuncDef::builder()
        .variadic_param(ParamType::Any)
        .build(|arguments| {
            let maps = arguments.iter().filter_map(hcl::Value::as_object);
            let entries = maps
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone()));
            Ok(hcl::Value::Object(entries.collect()))
        });
    context.declare_func("jsonencode", jsonencode);
    context.declare_func("length", length);
    context.declare_func("upper", upper);
    context.declare_func("merge", merge);
}

/// What `framemill check` finds wrong with this configuration; that no server answers is as it
/// should be.
fn host_check(host: &Path, case: &Case) -> Result<Vec<String>> {
    let folder = sh::root().join("target/infra-check");
    // Its components are not what is looked at: compiling them takes long.
    let components = folder.join("no-components");
    fs::create_dir_all(&components)?;
    let config = folder.join(format!("{}.toml", case.name));
    fs::write(&config, &case.text)?;
    let mut check = sh::command(host);
    check.args(["check", "--json", "--config"]).arg(&config);
    check.arg("--components").arg(components);
    // No settings of ours, and nothing that reaches a cloud.
    check.env_clear();
    check.envs(&case.environment);
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
    let of_nobody = findings
        .iter()
        .filter(|finding| finding["subject"] == "environment");
    let wrong = read.iter().filter(|finding| finding["severity"] == "error");
    Ok(wrong
        .copied()
        .chain(of_nobody)
        .map(|finding| finding["fact"].as_str().unwrap_or_default().to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_rendered_as_toml_and_only_with_all_its_values() {
        let template = sh::read(&sh::root().join(TEMPLATE)).unwrap();
        let values = settings_of(SetUp::Annotations);
        let text = render(&template, &values).unwrap();
        let instruction = r#"instruction = "a \"quote\", a \\ and \u003cb\u003e""#;
        assert!(text.lines().any(|line| line == instruction), "{text}");
        for table in ["[labeling]", "[annotations]", "[warehouse]"] {
            assert!(text.lines().any(|line| line == table), "{text}");
        }
        let without = render(&template, &settings_of(SetUp::Videos)).unwrap();
        assert_eq!(without.matches('[').count(), 1, "{without}");
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
            { "subject": "environment", "severity": "warning", "fact": "e" },
        ]);
        let errors = configuration_errors(findings.to_string().as_bytes());
        assert_eq!(errors.unwrap(), ["p", "e"]);
        assert!(configuration_errors(b"[]").is_err());
        assert!(configuration_errors(b"").is_err());
    }

    #[test]
    fn the_environment_of_the_service_for_webhooks_has_the_labeling_settings() {
        let files = Files::read(&sh::root().join("infra")).unwrap();
        let environment = webhooks_environment(&files).unwrap();
        let value = |name: &str| environment.get(name).map(String::as_str);
        assert_eq!(value("FRAMEMILL_LABELING_TARGET"), Some("label-studio"));
        assert_eq!(value("FRAMEMILL_SOURCE"), Some("none"));
        let mut none = Files::default();
        none.add("locals {}").unwrap();
        assert!(webhooks_environment(&none).is_err());
    }
}
