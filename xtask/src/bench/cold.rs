//! `cargo xtask bench --cold`: how large the components are, and what a cold start costs.

use super::process::mib;
use crate::toolchain::cargo_command;
use crate::{build, sh};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the components and measures them; prints a table.
pub fn bench() -> Result<()> {
    build::components()?;
    let components: Vec<_> = build::functions()?
        .iter()
        .map(|function| build::component_path(&function.name))
        .collect();
    let mut example = cargo_command()?;
    example.args(["run", "--release", "--locked", "--example", "cold", "--"]);
    let lines = sh::output(example.args(&components))?;
    println!("| component | MiB | gzip MiB | compile | link | first answer | each answer |");
    println!("|---|---|---|---|---|---|---|");
    for (path, line) in components.iter().zip(lines.lines()) {
        let facts: Value = serde_json::from_str(line).context("the example printed no JSON")?;
        let number = |key: &str| facts[key].as_u64().unwrap_or_default();
        println!(
            "| {} | {:.1} | {:.1} | {} ms | {} ms | {:.2} ms | {:.2} ms |",
            facts["component"].as_str().unwrap_or("?"),
            mib(std::fs::metadata(path)?.len()),
            mib(gzip(path)?),
            number("compile_ms"),
            number("link_ms"),
            number("first_us") as f64 / 1000.0,
            number("median_us") as f64 / 1000.0,
        );
    }
    Ok(())
}

/// Bytes of a file when it is compressed, as registries keep it.
fn gzip(path: &Path) -> Result<u64> {
    let mut gzip = Command::new("gzip");
    let output = gzip.args(["-9", "-c"]).arg(path).stderr(Stdio::inherit());
    let output = output
        .output()
        .context("gzip is missing: apt-get install gzip")?;
    anyhow::ensure!(output.status.success(), "gzip failed: {}", path.display());
    Ok(output.stdout.len() as u64)
}
