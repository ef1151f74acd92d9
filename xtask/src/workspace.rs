//! The workspace's packages, as cargo knows them.

use crate::sh;
use crate::toolchain::cargo_command;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The members.
pub struct Workspace {
    root: PathBuf,
    packages: Vec<Package>,
}

/// `cargo metadata`, as much of it as is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A member.
#[derive(Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where its sources are.
    pub repository: Option<String>,
    /// What its Cargo.toml says to other tools.
    #[serde(default)]
    pub metadata: serde_json::Value,
    /// The oldest compiler that builds it.
    pub rust_version: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

impl Package {
    /// The root files of its libraries and programs.
    pub fn shipped(&self) -> impl Iterator<Item = &Path> {
        let shipped = self.targets.iter().filter(|target| target.is_shipped());
        shipped.map(|target| target.src_path.as_path())
    }
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Target {
    /// Whether it is a library or a program, and not a test, an example or a build script.
    fn is_shipped(&self) -> bool {
        const OTHERS: [&str; 4] = ["test", "bench", "example", "custom-build"];
        !self.kind.iter().any(|kind| OTHERS.contains(&kind.as_str()))
    }
}

impl Workspace {
    /// Asks cargo.
    pub fn read() -> Result<Self> {
        let mut metadata = cargo_command()?;
        metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
        let told = sh::output(&mut metadata)?;
        let metadata: Metadata =
            serde_json::from_str(&told).context("cargo metadata is not what it was")?;
        ensure!(
            !metadata.packages.is_empty(),
            "cargo metadata lists no package: nothing was checked"
        );
        Ok(Self {
            root: sh::root(),
            packages: metadata.packages,
        })
    }

    /// The packages below crates/, which do no I/O.
    pub fn pure(&self) -> impl Iterator<Item = &Package> {
        let folder = self.root.join("crates");
        self.packages
            .iter()
            .filter(move |package| package.manifest_path.starts_with(&folder))
    }

    /// The other packages.
    pub fn impure(&self) -> impl Iterator<Item = &Package> {
        let folder = self.root.join("crates");
        self.packages
            .iter()
            .filter(move |package| !package.manifest_path.starts_with(&folder))
    }

    /// One member.
    pub fn package(&self, name: &str) -> Result<&Package> {
        let mut packages = self.packages.iter();
        let package = packages.find(|package| package.name == name);
        package.with_context(|| format!("the workspace has no package {name}"))
    }

    /// All members.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }
}

/// A path as it is shown: from the workspace's folder.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
