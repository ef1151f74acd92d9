//! The crates below crates/ do no I/O: neither what they depend on nor their own code.

use super::references::{Kind, Reference};
use super::resolve::Resolver;
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
/// Gives hash maps their seeds (ahash, below Parquet's writer), and nothing that comes out: what it needs to
/// ask a system for them, on any platform, is its own.
const SEEDS: &str = "getrandom";
/// Parts of the standard library that they do not name: what does I/O or reads a clock, and not
/// the plain values that are given to them, such as an address or a time.
const FORBIDDEN_STD: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "io", "stderr"],
    &["std", "io", "stdin"],
    &["std", "io", "stdout"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "ToSocketAddrs"],
    &["std", "net", "UdpSocket"],
    &["std", "os"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime", "elapsed"],
    &["std", "time", "SystemTime", "now"],
];
/// Methods that read a clock, whatever they are called on.
const FORBIDDEN_METHODS: &[&str] = &["elapsed"];

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
    tree.args(["--target", "all", "--prefix", "depth", "--format", " {p}"]);
    let tree = sh::output(tree.args(["--package", package]))?;
    let mut names = without_seeds(&tree);
    if names.next() != Some(package) {
        bail!("cargo tree did not list {package}: the boundary was not checked");
    }
    Ok(names.map(str::to_owned).collect())
}

/// The names in a tree whose lines are a depth and a package, but for what lies below [`SEEDS`].
fn without_seeds(tree: &str) -> impl Iterator<Item = &str> {
    let mut below: Option<usize> = None;
    tree.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        let depth: usize = words.next()?.parse().ok()?;
        let name = words.next()?;
        if below.is_some_and(|seeds| depth > seeds) {
            return None;
        }
        below = (name == SEEDS).then_some(depth);
        Some(name)
    })
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|forbidden| {
        *forbidden == name || (forbidden.ends_with('-') && name.starts_with(forbidden))
    })
}

fn std_paths(tree: &Crate) -> BTreeSet<String> {
    let mut resolver = Resolver::new(tree);
    let mut found = BTreeSet::new();
    for (number, module) in tree.modules.iter().enumerate() {
        for reference in &module.references {
            let named = resolver.outside(number, reference);
            let forbidden = named
                .iter()
                .filter_map(|path| forbidden(path, &reference.kind));
            found.extend(forbidden.chain(method(reference)).map(|what| {
                format!(
                    "{} uses {what}, and crates/ are free of I/O: the caller reads and passes it in",
                    tree.files[module.file].display()
                )
            }));
        }
    }
    found
}

/// What of the standard library is not to be named, of what this path names.
fn forbidden(path: &[String], kind: &Kind) -> Option<String> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let is_glob = matches!(kind, Kind::Glob { .. });
    FORBIDDEN_STD.iter().find_map(|forbidden| {
        if path.starts_with(forbidden) {
            return Some(forbidden.join("::"));
        }
        // It brings what is forbidden under a name that nothing shows.
        (is_glob && forbidden.starts_with(&path)).then(|| format!("{}::*", path.join("::")))
    })
}

fn method(reference: &Reference) -> Option<String> {
    let name = reference.shown();
    let forbidden = reference.kind == Kind::Method && FORBIDDEN_METHODS.contains(&name.as_str());
    forbidden.then(|| format!(".{name}()"))
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
    fn only_what_gives_seeds_may_ask_a_system() {
        let tree = "0 it v1\n1 ahash v1\n2 getrandom v1\n3 wasip2 v1\n4 wit-bindgen v1\n2 once v1\n1 wasi v1 (*)";
        let names: Vec<&str> = without_seeds(tree).collect();
        assert_eq!(names, ["it", "ahash", "getrandom", "once", "wasi"]);
    }

    fn found(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("lib.rs");
        fs::write(&root, text).unwrap();
        let found = std_paths(&Crate::parse("it", &root).unwrap());
        let what = found.iter().map(|finding| {
            let (_, rest) = finding.split_once(" uses ").unwrap();
            rest.split(',').next().unwrap().to_owned()
        });
        what.collect()
    }

    #[test]
    fn io_of_the_standard_library_is_found() {
        for (text, what) in [
            ("use std::{collections::BTreeMap, fs};", "std::fs"),
            ("use std::fs::File;", "std::fs"),
            ("fn a() { std::env::var(\"A\"); }", "std::env"),
            ("fn a() { std::io::stdin().lock(); }", "std::io::stdin"),
            ("use std::io::{Write, stdout};", "std::io::stdout"),
            ("use std::io; fn a() { io::stderr(); }", "std::io::stderr"),
            ("use std::net::{IpAddr, TcpStream};", "std::net::TcpStream"),
            ("use std::process::Command;", "std::process"),
            ("fn a() { std::thread::sleep(it); }", "std::thread"),
            ("use std as s; fn a() { s::fs::read(it); }", "std::fs"),
            ("use std::net::*;", "std::net::*"),
            ("use std::*;", "std::*"),
        ] {
            assert_eq!(found(text), [what], "{text}");
        }
    }

    #[test]
    fn clocks_are_found() {
        let now = "std::time::SystemTime::now";
        for (text, what) in [
            (
                "fn a() { m!(\"{:?}\", std::time::Instant::now()); }",
                "std::time::Instant",
            ),
            ("fn a() { std::time::SystemTime::now(); }", now),
            (
                "use std::time::SystemTime; fn a() { SystemTime::now(); }",
                now,
            ),
            ("use std::time::SystemTime as T; fn a() { f(T::now); }", now),
            (
                "use std::time; fn a() { m!(time::SystemTime::now()); }",
                now,
            ),
            (
                "use std::time::SystemTime; mod b { use super::*; fn a() { SystemTime::now(); } }",
                now,
            ),
            (
                "mod b { pub use std::time::SystemTime; } fn a() { b::SystemTime::now(); }",
                now,
            ),
            ("use std::time::*;", "std::time::*"),
            ("fn a(it: T) { it.elapsed(); }", ".elapsed()"),
            ("fn a(it: T) { m!(it.elapsed()); }", ".elapsed()"),
        ] {
            assert_eq!(found(text), [what], "{text}");
        }
    }

    #[test]
    fn values_and_tests_are_free() {
        let none: [&str; 0] = [];
        for text in [
            "use std::{collections::BTreeMap, time::Duration};",
            "use std::time::{SystemTime, UNIX_EPOCH}; fn a(t: SystemTime) { t.duration_since(UNIX_EPOCH); }",
            "use std::net::SocketAddr; fn a(text: &str) { text.parse::<SocketAddr>(); }",
            "use std::io::{self, Read}; use std::io::prelude::*; fn a() -> io::Result<()> {}",
            "struct SystemTime; fn a() { SystemTime::now(); }",
            "fn a(elapsed: u64) { b(elapsed, it.elapsed) }",
            "fn a() { env!(\"CARGO_PKG_VERSION\"); }",
            "#[cfg(test)] mod tests { use std::fs; }",
        ] {
            assert_eq!(found(text), none, "{text}");
        }
    }
}
