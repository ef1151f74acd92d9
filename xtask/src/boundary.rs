//! `cargo xtask boundary`: the rules of the source tree itself. Reads sources and cargo's
//! metadata; compiles nothing.

mod cycles;
mod items;
mod length;
mod purity;
mod references;
mod resolve;
mod source_tree;

use crate::sh;
use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use source_tree::Crate;

/// Fails with everything that breaks a rule: pure crates that do I/O, long files, modules that
/// depend on each other in a circle.
pub fn check() -> Result<()> {
    let root = sh::root();
    let workspace = Workspace::read()?;
    let crates = parse(&workspace)?;
    let mut findings = purity::check(&workspace, &crates)?;
    findings.extend(length::check(&root)?);
    findings.extend(cycles::check(&root, &crates)?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!("boundary:\n- {}", findings.join("\n- "));
}

/// Every member's libraries and programs.
fn parse(workspace: &Workspace) -> Result<Vec<Crate>> {
    let mut crates = Vec::new();
    for package in workspace.packages() {
        let before = crates.len();
        for root in package.shipped() {
            crates.push(Crate::parse(&package.name, root)?);
        }
        ensure!(
            crates.len() > before,
            "{} has no library and no program: its modules were not checked",
            package.name
        );
    }
    Ok(crates)
}
