//! `cargo xtask boundary`: the rules of the source tree itself. Reads sources and cargo's
//! metadata; compiles nothing.

mod cycles;
mod items;
mod length;
mod purity;
mod references;
mod resolve;
mod source_tree;
mod workspace;

use crate::sh;
use anyhow::{Result, bail};
use workspace::Workspace;

/// Fails with everything that breaks a rule: pure crates that do I/O, long files, modules that
/// depend on each other in a circle.
pub fn check() -> Result<()> {
    let root = sh::root();
    let workspace = Workspace::read()?;
    let crates = workspace.parse()?;
    let mut findings = purity::check(&workspace, &crates)?;
    findings.extend(length::check(&root)?);
    findings.extend(cycles::check(&root, &crates)?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!("boundary:\n- {}", findings.join("\n- "));
}
