//! The crates below crates/ do no I/O: neither what they depend on nor their own code.

use super::source_tree::Crate;
use crate::sh;
use crate::toolchain::cargo_command;
use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use std::collections::BTreeSet;

/// Dependencies that are, or bring, a runtime, a socket, a file, a clock or a host's interface.
/// A name with `-` at its end stands for all that begin with it.
const FORBIDDEN: &[&str] = &[
    "async-std",
    "axum",
    "fs-err",
    "google-cloud-",
    "hyper",
    "lapin",
    "mio",
    "notify",
    "object_store",
    "redb",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "spin-sdk",
    "tempfile",
    "tokio",
    "tonic",
    "ureq",
    "wasi",
    "wasip2",
    "wasip3",
    "wasmtime",
    "wasmtime-",
    "wit-bindgen",
];
/// Parts of the standard library that they do not name.
const FORBIDDEN_STD: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "os"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

/// Everything in crates/ that does I/O.
pub fn check(workspace: &Workspace, crates: &[Crate]) -> Result<Vec<String>> {
    let impure: BTreeSet<&str> = workspace.impure().map(|it| it.name.as_str()).collect();
    let mut findings = Vec::new();
    let mut names = Vec::new();
    for package in workspace.pure() {
        let name = package.name.as_str();
        let found = dependencies(name)?;
        let forbidden = found
            .iter()
            .filter(|name| is_forbidden(name) || impure.contains(name.as_str()));
        findings.extend(forbidden.map(|dependency| {
            format!(
                "{name} depends on {dependency}, and crates/ are free of I/O: move that code to functions/ or host/"
            )
        }));
        for tree in crates.iter().filter(|tree| tree.package == name) {
            findings.extend(std_paths(tree));
        }
        names.push(name);
    }
    ensure!(
        !names.is_empty(),
        "no package in crates/: nothing was checked"
    );
    if findings.is_empty() {
        eprintln!("purity: {} are free of I/O", names.join(", "));
    }
    Ok(findings)
}

/// Everything that a package is built of, on any platform, with all features.
fn dependencies(package: &str) -> Result<BTreeSet<String>> {
    let mut tree = cargo_command()?;
    tree.args(["tree", "--locked", "--edges", "normal", "--all-features"]);
    tree.args(["--target", "all", "--prefix", "none", "--format", "{p}"]);
    let tree = sh::output(tree.args(["--package", package]))?;
    let mut names = tree.lines().filter_map(|line| line.split(' ').next());
    if names.next() != Some(package) {
        bail!("cargo tree did not list {package}: the boundary was not checked");
    }
    Ok(names.map(str::to_owned).collect())
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|forbidden| {
        *forbidden == name || (forbidden.ends_with('-') && name.starts_with(forbidden))
    })
}

fn std_paths(tree: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    for module in &tree.modules {
        for reference in &module.references {
            let words: Vec<&str> = reference.path.iter().map(String::as_str).collect();
            if FORBIDDEN_STD.iter().any(|path| words.starts_with(path)) {
                found.push(format!(
                    "{} uses {}, and crates/ are free of I/O: the caller reads and passes it in",
                    tree.files[module.file].display(),
                    reference.shown()
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_and_families_are_forbidden() {
        for name in ["tokio", "wasmtime", "wasmtime-wasi", "google-cloud-auth"] {
            assert!(is_forbidden(name), "{name}");
        }
        for name in ["tokio-util-of-ours", "wasm", "serde", "google"] {
            assert!(!is_forbidden(name), "{name}");
        }
    }

    /// xtask depends on clap and anyhow, which do no I/O by these rules, and the host on tokio.
    #[test]
    fn dependencies_are_those_of_cargo() {
        assert!(dependencies("framemill").unwrap().contains("tokio"));
        assert!(dependencies("no-such-package").is_err());
    }

    #[test]
    fn io_of_the_standard_library_is_found_in_code_but_not_in_tests() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lib.rs");
        let found = |text: &str| {
            fs::write(&root, text).unwrap();
            std_paths(&Crate::parse("it", &root).unwrap()).len()
        };
        assert_eq!(
            found("use std::{collections::BTreeMap, time::Duration};"),
            0
        );
        assert_eq!(found("use std::{collections::BTreeMap, fs};"), 1);
        assert_eq!(found("fn a() -> bool { std::env::var(\"A\").is_ok() }"), 1);
        assert_eq!(
            found("fn a() { debug!(\"{:?}\", std::time::Instant::now()); }"),
            1
        );
        assert_eq!(found("#[cfg(test)] mod tests { use std::fs; }"), 0);
    }
}
