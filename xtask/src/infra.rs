//! `cargo xtask check-infra`: what can be known of infra/ and the Dockerfile without a cloud and
//! without a Docker engine.

mod access;
mod dockerfile;
mod files;
mod host_config;
mod rules;
mod terraform;

use crate::{servers, sh};
use anyhow::{Result, bail};

/// Findings of checkov that stand, and why.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "CKV_GCP_62",
        "Cloud Audit Logs record data access; usage logs would need a third bucket",
    ),
    (
        "CKV_GCP_78",
        "the temp bucket's objects are worth nothing: versions of them would only cost",
    ),
    (
        "CKV_GCP_81",
        "Google's own keys encrypt; a key ring cannot be destroyed, so destroy would leave it behind",
    ),
    ("CKV_GCP_83", "as CKV_GCP_81"),
    ("CKV_GCP_84", "as CKV_GCP_81"),
    (
        "CKV_DOCKER_2",
        "Cloud Run and Kubernetes ignore HEALTHCHECK, and the image has no shell to run one",
    ),
];

/// Runs every check, and fails with all that the first failing one found.
pub fn check() -> Result<()> {
    let files = files::Files::read(&sh::root().join("infra"))?;
    let mut findings = rules::check(&files);
    findings.extend(access::check(&files));
    findings.extend(host_config::values_differ(&files));
    report("infra/*.tf", findings)?;
    checkov(&["--directory", "infra", "--framework", "terraform"])?;
    checkov(&["--file", "Dockerfile", "--framework", "dockerfile"])?;
    terraform::run()?;
    host_config::check(&files)?;
    report("Dockerfile", dockerfile::check()?)?;
    dockerfile::run_image()
}

fn report(what: &str, findings: Vec<String>) -> Result<()> {
    if findings.is_empty() {
        eprintln!("{what}: in order");
        return Ok(());
    }
    bail!("{what}:\n- {}", findings.join("\n- "));
}

fn checkov(what: &[&str]) -> Result<()> {
    let accepted: Vec<&str> = ACCEPTED.iter().map(|(id, _)| *id).collect();
    let mut checkov = sh::command(servers::checkov()?);
    checkov
        .args(what)
        .args(["--skip-download", "--compact", "--quiet"]);
    checkov.args(["--output", "json", "--skip-check", &accepted.join(",")]);
    let output = checkov.output()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let (passed, failed) = (&told["summary"]["passed"], &told["summary"]["failed"]);
    // Files that it could not read are no findings to it.
    let unread = &told["summary"]["parsing_errors"];
    if !output.status.success() || failed != 0 || unread != 0 || passed.as_u64().unwrap_or(0) == 0 {
        bail!(
            "checkov {}: {}",
            what.join(" "),
            String::from_utf8_lossy(&output.stdout)
        );
    }
    eprintln!("checkov {}: {passed} checks passed", what.join(" "));
    Ok(())
}
