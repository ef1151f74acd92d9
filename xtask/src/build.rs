//! Building: components with the wasm toolchain, the host with the ordinary one.

use crate::sh;
use crate::toolchain::{TARGET, WasmToolchain, cargo_command};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Components that users run.
const FUNCTIONS: &[&str] = &["extract-frames", "request-labeling"];
/// Components that only tests run.
const TEST_GUESTS: &[&str] = &["probe", "own-company"];

/// Where built components are collected.
pub fn components_dir() -> PathBuf {
    sh::root().join("target/components")
}

/// Builds the users' components.
pub fn components() -> Result<()> {
    build_components(FUNCTIONS)
}

/// Builds the users' components and the tests'.
pub fn all_components() -> Result<()> {
    build_components(&[FUNCTIONS, TEST_GUESTS].concat())
}

fn build_components(names: &[&str]) -> Result<()> {
    let mut build = WasmToolchain::find()?.cargo_build()?;
    build.arg("--locked");
    for name in names {
        build.args(["--package", name]);
    }
    eprintln!("building components: {}", names.join(", "));
    sh::run(&mut build)?;
    let to = components_dir();
    std::fs::create_dir_all(&to)?;
    for name in names {
        let built = sh::root()
            .join("target/wasm")
            .join(TARGET)
            .join("wasm")
            .join(format!("{}.wasm", name.replace('-', "_")));
        let component = to.join(format!("{name}.wasm"));
        std::fs::copy(&built, &component).with_context(|| {
            format!("cannot copy {} to {}", built.display(), component.display())
        })?;
    }
    Ok(())
}

/// Where the host is built.
pub fn host_path() -> PathBuf {
    sh::root().join("target/release/framemill")
}

/// Builds the host and returns its path. It finds the components beside its folder.
pub fn host() -> Result<PathBuf> {
    eprintln!("building framemill");
    let mut build = cargo_command()?;
    sh::run(build.args(["build", "--release", "--locked", "--package", "framemill"]))?;
    Ok(host_path())
}
