//! Building: components with the wasm toolchain, the host with the ordinary one.

use crate::sh;
use crate::step::step;
use crate::toolchain::{TARGET, WasmToolchain, cargo_command};
use anyhow::{Context, Result, anyhow};
use framemill_function_spec::{ByteSize, FunctionSpec};
use std::path::{Path, PathBuf};

/// A component that users run.
pub struct Function {
    /// Name of the component.
    pub name: String,
    /// Its size budget: each start of a cold host reads and compiles all of it.
    most_bytes: u64,
}

/// Components that users run: each folder of functions/ with a declaration.
pub fn functions() -> Result<Vec<Function>> {
    let folder = sh::root().join("functions");
    let mut declarations: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path().join("function.toml"))
        .filter(|path| path.is_file())
        .collect();
    declarations.sort();
    anyhow::ensure!(
        !declarations.is_empty(),
        "no function.toml below {}",
        folder.display()
    );
    declarations.iter().map(|path| function(path)).collect()
}

fn function(declaration: &Path) -> Result<Function> {
    let text = std::fs::read_to_string(declaration)?;
    let spec = FunctionSpec::parse(&text).with_context(|| declaration.display().to_string())?;
    let budget = spec.size_budget.with_context(|| {
        format!(
            "size_budget is missing: how large may the component become? {}",
            declaration.display()
        )
    })?;
    let budget: ByteSize = budget.parse().map_err(anyhow::Error::msg)?;
    Ok(Function {
        name: spec.component,
        most_bytes: budget.0,
    })
}

/// Components that only tests run.
const TEST_GUESTS: &[&str] = &["probe", "custom-company"];

/// Where built components are collected.
pub fn components_dir() -> PathBuf {
    sh::root().join("target/components")
}

/// Builds the users' components.
pub fn components() -> Result<()> {
    build_components(&[])
}

/// Builds the users' components and the tests'.
pub fn all_components() -> Result<()> {
    build_components(TEST_GUESTS)
}

/// Where a built component is.
pub fn component_path(name: &str) -> PathBuf {
    components_dir().join(format!("{name}.wasm"))
}

/// Builds the users' components and these.
fn build_components(more: &[&str]) -> Result<()> {
    let functions = functions()?;
    let own = functions.iter().map(|function| function.name.as_str());
    let names: Vec<&str> = own.chain(more.iter().copied()).collect();
    let mut build = WasmToolchain::find()?.cargo_build()?;
    build.arg("--locked");
    for name in &names {
        build.args(["--package", name]);
    }
    step(&format!("building components {}", names.join(", ")), || {
        sh::run(&mut build)
    })?;
    std::fs::create_dir_all(components_dir())?;
    for name in names {
        let built = sh::root()
            .join("target/wasm")
            .join(TARGET)
            .join("wasm")
            .join(format!("{}.wasm", name.replace('-', "_")));
        let component = component_path(name);
        std::fs::copy(&built, &component).with_context(|| {
            format!("cannot copy {} to {}", built.display(), component.display())
        })?;
    }
    functions.iter().try_for_each(within_budget)
}

fn within_budget(function: &Function) -> Result<()> {
    let size = std::fs::metadata(component_path(&function.name))?.len();
    anyhow::ensure!(
        size <= function.most_bytes,
        "component {} has {size} bytes, budget {}: see what grew (`cargo xtask bench --cold`), switch it off by a feature, or raise size_budget in its function.toml and say why",
        function.name,
        function.most_bytes
    );
    Ok(())
}

/// Builds what the demo needs, and returns the host's path. Components and host are built at once:
/// each ends with large crates that keep one processor busy and leave the others idle.
pub fn for_demo() -> Result<PathBuf> {
    // What it installs must be there before two builds run.
    WasmToolchain::find()?;
    std::thread::scope(|scope| {
        let components = scope.spawn(components);
        let host = demo_host();
        let components = components.join();
        components.map_err(|_| anyhow!("building the components panicked"))??;
        host
    })
}

/// A host for the demo: the one that is there, else one that is built in less than half the time
/// and runs more slowly (Cargo.toml, profile quick). It does not take the other's place.
fn demo_host() -> Result<PathBuf> {
    if host_path().is_file() {
        return host();
    }
    let mut build = cargo_command()?;
    build.args(["build", "--profile", "quick", "--locked"]);
    build.args(["--package", "framemill", "--bin", "framemill"]);
    step("building the host, quickly", || sh::run(&mut build))?;
    Ok(sh::root().join("target/quick/framemill"))
}

/// Where the host is built.
pub fn host_path() -> PathBuf {
    sh::root().join("target/release/framemill")
}

/// Builds the host and returns its path. It finds the components beside its folder.
pub fn host() -> Result<PathBuf> {
    let mut build = cargo_command()?;
    // Not `--package`: with the features of all default members, as the tests have them, so that
    // wasmtime is compiled once.
    build.args(["build", "--release", "--locked", "--bin", "framemill"]);
    step("building the host", || sh::run(&mut build))?;
    Ok(host_path())
}
