//! Reads infra/*.tf, and runs terraform or tofu on them where there is one.

use super::facts::{self, Config};
use super::schema::Schema;
use crate::sh;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Reads HCL; no binary to install.
const HCL2JSON: &str = "@cdktf/hcl2json@0.21.0";
/// Types of every resource of version 6.50.0 of the Google provider.
const PROVIDER: &str = "@cdktf/provider-google@16.12.1";
const TO_JSON: &str = r#"
const { parse } = require("@cdktf/hcl2json"), fs = require("fs");
Promise.all(process.argv.slice(1).map((f) => parse(f, fs.readFileSync(f, "utf8"))))
  .then((files) => console.log(JSON.stringify(files)), (e) => { console.error(e); process.exit(1); });
"#;

/// Parses the files and gives all that is wrong with what they say.
pub fn check() -> Result<Vec<String>> {
    let modules = npm_packages()?;
    let files = sources("tf")?;
    let mut node = sh::command("node");
    // Else node looks for modules from the current folder upwards.
    node.env("NODE_PATH", &modules)
        .args(["-e", TO_JSON])
        .args(&files);
    let parsed: Vec<Value> = serde_json::from_str(&sh::output(&mut node)?)?;
    if files.is_empty() || parsed.len() != files.len() {
        bail!(
            "{} of {} files in infra/ were parsed",
            parsed.len(),
            files.len()
        );
    }
    let config = Config::new(&parsed);
    let mut findings = facts::check(&config);
    let schema = Schema::open(&modules.join("@cdktf/provider-google"))?;
    findings.extend(schema.check(&config)?);
    findings.extend(super::config::values_differ(&parsed));
    Ok(findings)
}

/// The program that runs Terraform files, where there is one.
pub(super) fn binary() -> Option<&'static str> {
    ["terraform", "tofu"]
        .into_iter()
        .find(|name| sh::on_path(name))
}

/// `fmt`, `init` and `validate` where a binary is on PATH; says what was not run.
pub fn run_binary() -> Result<()> {
    let Some(binary) = binary() else {
        eprintln!("NOT RUN: terraform fmt and validate, for there is no terraform or tofu on PATH");
        return Ok(());
    };
    sh::run(sh::command(binary).args(["fmt", "-check", "-diff", "-recursive", "infra"]))?;
    eprintln!("{binary} fmt: in order");
    // A copy: init leaves a lock file and a folder behind.
    let copy = sh::root().join("target/infra-check");
    std::fs::create_dir_all(&copy)?;
    for file in std::fs::read_dir(&copy)?.flatten().map(|file| file.path()) {
        if file.is_file() {
            std::fs::remove_file(&file)?;
        }
    }
    for file in sources("tf")?.into_iter().chain(sources("tftpl")?) {
        std::fs::copy(&file, copy.join(file.file_name().unwrap_or_default()))?;
    }
    let mut init = sh::command(binary);
    init.args(["init", "-backend=false", "-input=false", "-no-color"]);
    let output = init.current_dir(&copy).output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        if !unreachable(&told) {
            bail!("{binary} init failed:\n{told}");
        }
        eprintln!("NOT RUN: {binary} validate, for the provider's registry cannot be reached");
        return Ok(());
    }
    sh::run(
        sh::command(binary)
            .args(["validate", "-no-color"])
            .current_dir(&copy),
    )
}

/// Whether `init` failed for want of a network and not for what the files say.
fn unreachable(told: &str) -> bool {
    let network = [
        "no such host",
        "connection refused",
        "i/o timeout",
        "request canceled",
    ];
    told.contains("could not connect to registry") || network.iter().any(|sign| told.contains(sign))
}

fn sources(extension: &str) -> Result<Vec<PathBuf>> {
    let folder = sh::root().join("infra");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .collect();
    files.sort();
    Ok(files)
}

fn npm_packages() -> Result<PathBuf> {
    let folder = sh::root().join("target/npm");
    let installed = folder.join("installed");
    let wanted = [HCL2JSON, PROVIDER].join("\n");
    let modules = folder.join("node_modules");
    if std::fs::read_to_string(&installed).is_ok_and(|packages| packages == wanted) {
        return Ok(modules);
    }
    sh::apt_install(&["nodejs", "npm"], || {
        sh::on_path("node") && sh::on_path("npm")
    })?;
    eprintln!("installing {HCL2JSON}, {PROVIDER} (npm packages)");
    std::fs::create_dir_all(&folder)?;
    let mut npm = sh::command("npm");
    npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ]);
    // The provider's types are read, not run: without what they would run on.
    npm.args(["--legacy-peer-deps", "--prefix"]).arg(&folder);
    sh::run(npm.args([HCL2JSON, PROVIDER]))?;
    std::fs::write(&installed, wanted)?;
    Ok(modules)
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
