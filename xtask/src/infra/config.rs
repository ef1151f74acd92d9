//! `framemill.toml` as Terraform writes it, judged by the host itself.

use super::terraform::{binary, read};
use crate::{build, sh};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const TEMPLATE: &str = "infra/framemill.toml.tftpl";
/// `framemill check` gives up on servers that do not answer well before.
const PATIENCE: Duration = Duration::from_secs(120);
/// Refuses every connection.
const NOWHERE: &str = "127.0.0.1:9";

/// Whether host.tf gives the template the values that are known here: `local.settings`.
pub fn values_differ(files: &[Value]) -> Option<String> {
    let locals = files
        .iter()
        .flat_map(|file| file["locals"].as_array().into_iter().flatten());
    let given: Vec<&String> = locals
        .filter_map(|locals| locals["settings"].as_object())
        .flat_map(Map::keys)
        .collect();
    let known = settings(true);
    (!known.keys().eq(given.iter().copied())).then(|| {
        let known: Vec<&String> = known.keys().collect();
        format!("local.settings has {given:?}, and this check knows {known:?}")
    })
}

/// Renders the template for each way to set infra/ up, and has `framemill check` read it.
pub fn check() -> Result<()> {
    let host = build::host_path();
    ensure!(
        host.is_file(),
        "no framemill: run `cargo xtask build` first"
    );
    let template = read(&sh::root().join(TEMPLATE))?;
    let folder = sh::root().join("target/infra-check/config");
    // Its components are not what is looked at: compiling them takes long.
    fs::create_dir_all(folder.join("no-components"))?;
    let with_labels = rendered(&template, &settings(true))?;
    let cases = [
        ("videos", rendered(&template, &settings(false))?),
        ("labels", with_labels.clone()),
        ("unknown key", format!("no_such_key = 1\n{with_labels}")),
    ];
    let mut running = Vec::new();
    for (name, text) in &cases {
        running.push((*name, HostCheck::start(&host, &folder, name, text)?));
    }
    for (name, check) in running {
        let wrong = check.end().with_context(|| format!("{TEMPLATE}, {name}"))?;
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

fn settings(labels: bool) -> Map<String, Value> {
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

/// The template with its values: by ourselves, and where there is a terraform it must agree.
fn rendered(template: &str, settings: &Map<String, Value>) -> Result<String> {
    let lines: Vec<&str> = template.lines().collect();
    let ours = render(&lines, settings)?;
    if let Some(binary) = binary() {
        let theirs = terraform_renders(binary, settings)?;
        ensure!(
            ours == theirs,
            "{binary} renders {TEMPLATE} otherwise than this check:\n{theirs}\nnot\n{ours}"
        );
    }
    Ok(ours)
}

fn terraform_renders(binary: &str, settings: &Map<String, Value>) -> Result<String> {
    let folder = sh::root().join("target/infra-check/console");
    fs::create_dir_all(&folder)?;
    let (values, question) = (folder.join("values.json"), folder.join("question"));
    fs::write(&values, serde_json::to_vec(settings)?)?;
    let template = sh::root().join(TEMPLATE);
    // Its answer is an expression: encoded once more, JSON is inside it.
    let expression = format!(
        "jsonencode(templatefile({}, jsondecode(file({}))))\n",
        Value::from(template.to_string_lossy()),
        Value::from(values.to_string_lossy())
    );
    fs::write(&question, expression)?;
    let mut console = sh::command(binary);
    console.arg("console").current_dir(&folder);
    let answer = sh::output(console.stdin(File::open(&question)?))?;
    let json: String = serde_json::from_str(&answer)?;
    Ok(serde_json::from_str(&json)?)
}

/// As much of Terraform's template language as the template uses; anything else is an error.
fn render(lines: &[&str], values: &Map<String, Value>) -> Result<String> {
    let mut text = String::new();
    let mut rest = lines;
    while let [line, after @ ..] = rest {
        rest = after;
        let Some(directive) = directive(line) else {
            text.push_str(&substituted(line, values)?);
            text.push('\n');
            continue;
        };
        let (inside, after) = split_at_end(after, directive)?;
        rest = after;
        match directive.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["if", name, "!=", "\"\""] => {
                if value(name, values)? != "" {
                    text.push_str(&render(inside, values)?);
                }
            }
            ["for", key, item, "in", name] => {
                let entries = value(name, values)?.as_object();
                for (name, of) in entries.with_context(|| format!("{name} is no map"))? {
                    let mut values = values.clone();
                    values.insert(key.trim_end_matches(',').to_owned(), name.as_str().into());
                    values.insert((*item).to_owned(), of.clone());
                    text.push_str(&render(inside, &values)?);
                }
            }
            _ => bail!("{TEMPLATE}: this check cannot render %{{ {directive} }}: teach it"),
        }
    }
    Ok(text)
}

/// What a line `%{ … ~}` says.
fn directive(line: &str) -> Option<&str> {
    let inside = line.strip_prefix("%{")?.strip_suffix("~}")?;
    Some(inside.trim())
}

/// The lines inside a directive that begins before the first, and those after its end.
fn split_at_end<'a, 'b>(
    lines: &'a [&'b str],
    begun: &str,
) -> Result<(&'a [&'b str], &'a [&'b str])> {
    let mut depth = 1_usize;
    for (number, line) in lines.iter().enumerate() {
        match directive(line) {
            Some("endif" | "endfor") => depth = depth.saturating_sub(1),
            Some(_) => depth = depth.saturating_add(1),
            None => {}
        }
        if depth == 0 {
            let (inside, rest) = lines.split_at(number);
            return Ok((inside, rest.get(1..).unwrap_or_default()));
        }
    }
    bail!("{TEMPLATE}: %{{ {begun} }} has no end")
}

fn substituted(line: &str, values: &Map<String, Value>) -> Result<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("${") {
        let (expression, after) = after
            .split_once('}')
            .with_context(|| format!("{TEMPLATE}: no end of ${{ in: {line}"))?;
        text.push_str(before);
        rest = after;
        let encoded = expression
            .strip_prefix("jsonencode(")
            .and_then(|inside| inside.strip_suffix(')'));
        match (encoded, value(encoded.unwrap_or(expression), values)?) {
            (Some(_), value) => text.push_str(&json_encoded(value)),
            (None, Value::String(value)) => text.push_str(value),
            (None, value @ Value::Number(_)) => text.push_str(&value.to_string()),
            (None, value) => bail!("{TEMPLATE}: ${{{expression}}} is no text: {value}"),
        }
    }
    ensure!(
        !line.contains("%{"),
        "{TEMPLATE}: a directive is alone on its line and ends with ~}}: {line}"
    );
    text.push_str(rest);
    Ok(text)
}

/// As Terraform's jsonencode, which writes three characters as escapes.
fn json_encoded(value: &Value) -> String {
    let mut text = value.to_string();
    for (plain, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
        text = text.replace(plain, escape);
    }
    text
}

fn value<'a>(name: &str, values: &'a Map<String, Value>) -> Result<&'a Value> {
    values.get(name).with_context(|| {
        format!("{TEMPLATE}: this check knows no `{name}`: is it in local.settings, and in xtask?")
    })
}

/// `framemill check` on one configuration.
struct HostCheck {
    child: Child,
    output: PathBuf,
}

impl HostCheck {
    fn start(host: &Path, folder: &Path, name: &str, text: &str) -> Result<Self> {
        let config = folder.join(format!("{name}.toml"));
        fs::write(&config, text)?;
        let output = folder.join(format!("{name}.json"));
        let mut check = sh::command(host);
        check.args(["check", "--json", "--config"]).arg(&config);
        check.arg("--components").arg(folder.join("no-components"));
        // No settings of ours, and nothing that reaches a cloud.
        check.env_clear();
        check.env("FRAMEMILL_LABELING_TOKEN", "none");
        for emulator in ["PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"] {
            check.env(emulator, NOWHERE);
        }
        check.stdin(Stdio::null()).stderr(Stdio::null());
        let child = check.stdout(File::create(&output)?).spawn();
        let child = child.with_context(|| format!("cannot start {}", host.display()))?;
        Ok(Self { child, output })
    }

    /// What is wrong with the configuration; that no server answers is as it should be.
    fn end(mut self) -> Result<Vec<String>> {
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(
                begun.elapsed() < PATIENCE,
                "framemill check did not end within {} s without a server",
                PATIENCE.as_secs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        configuration_errors(&read(&self.output)?)
    }
}

impl Drop for HostCheck {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration_errors(findings: &str) -> Result<Vec<String>> {
    let findings: Vec<Value> =
        serde_json::from_str(findings).context("framemill check printed no findings")?;
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

    fn values() -> Map<String, Value> {
        let values = json!({ "a": "x", "n": 5, "none": "", "m": { "k": "<\"", "l": "2" } });
        values.as_object().cloned().unwrap()
    }

    #[test]
    fn the_template_language_is_rendered() {
        let lines = [
            "a = \"${a}\" # ${n}",
            "%{ if none != \"\" ~}",
            "not here ${unknown}",
            "%{ endif ~}",
            "%{ if a != \"\" ~}",
            "",
            "%{ for key, value in m ~}",
            "${key} = ${jsonencode(value)}",
            "%{ endfor ~}",
            "%{ endif ~}",
            "end",
        ];
        assert_eq!(
            render(&lines, &values()).unwrap(),
            "a = \"x\" # 5\n\nk = \"\\u003c\\\"\"\nl = \"2\"\nend\n"
        );
    }

    #[test]
    fn what_it_does_not_know_is_an_error() {
        for line in [
            "${unknown}",
            "${upper(a)}",
            "${a",
            "${m}",
            "a %{ if a != \"\" }b%{ endif }",
            "%{ if a == \"\" ~}",
            "%{ for x in a ~}",
        ] {
            assert!(render(&[line, "%{ endif ~}"], &values()).is_err(), "{line}");
        }
        assert!(render(&["%{ if a != \"\" ~}", "x"], &values()).is_err());
    }

    #[test]
    fn only_errors_of_the_configuration_count() {
        let findings = json!([
            { "subject": "configuration", "severity": "good", "fact": "g" },
            { "subject": "pipelines", "severity": "error", "fact": "p" },
            { "subject": "bucket b", "severity": "error", "fact": "b" },
        ]);
        assert_eq!(configuration_errors(&findings.to_string()).unwrap(), ["p"]);
        assert!(configuration_errors("[]").is_err());
        assert!(configuration_errors("").is_err());
    }
}
