//! Checks of the workspace itself.

use crate::sh;
use crate::toolchain::cargo_command;
use anyhow::{Result, bail};

/// The crates without I/O.
const PURE: &[&str] = &[
    "framemill-contract",
    "framemill-gcs-api",
    "framemill-video",
    "framemill-frames",
];
/// What must not be below them: runtimes, sockets, wasi.
const FORBIDDEN: &[&str] = &[
    "tokio",
    "reqwest",
    "hyper",
    "wasmtime",
    "wit-bindgen",
    "wasi",
    "spin-sdk",
    "object_store",
];

/// Fails when a pure crate depends on something that does I/O.
pub fn boundary() -> Result<()> {
    for package in PURE {
        let mut tree = cargo_command()?;
        tree.args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--all-features",
            "--target",
            "all",
        ]);
        tree.args(["--format", "{p}", "--package", package]);
        let tree = sh::output(&mut tree)?;
        let names: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        if names.first() != Some(package) {
            bail!("cargo tree did not list {package}: the boundary was not checked");
        }
        if let Some(name) = names.iter().find(|name| FORBIDDEN.contains(name)) {
            bail!(
                "{package} depends on {name}: crates/ is free of I/O, move that code to functions/ or host/"
            );
        }
    }
    eprintln!("boundary: {} are free of I/O", PURE.join(", "));
    Ok(())
}
