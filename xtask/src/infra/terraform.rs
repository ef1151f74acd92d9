//! terraform or tofu on infra/, where there is one.

use super::files::with_extension;
use crate::sh;
use anyhow::{Result, bail};

/// `fmt`, `init` and `validate` where a binary is on PATH; says what was not run.
pub fn run() -> Result<()> {
    let found = ["terraform", "tofu"].into_iter().find(|it| sh::on_path(it));
    let Some(binary) = found else {
        eprintln!("NOT RUN: terraform fmt and validate, for there is no terraform or tofu on PATH");
        return Ok(());
    };
    sh::run(sh::command(binary).args(["fmt", "-check", "-diff", "-recursive", "infra"]))?;
    eprintln!("{binary} fmt: in order");
    // A copy: init leaves a lock file and a folder behind.
    let (infra, copy) = (sh::root().join("infra"), sh::root().join("target/infra"));
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    std::fs::create_dir_all(&copy)?;
    for extension in ["tf", "tftpl"] {
        for file in with_extension(&infra, extension)? {
            std::fs::copy(&file, copy.join(file.file_name().unwrap_or_default()))?;
        }
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
    let mut validate = sh::command(binary);
    validate.args(["validate", "-no-color"]).current_dir(&copy);
    sh::run(&mut validate)
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
