//! Running other programs, with errors that name the command.

use crate::step::step;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's folder: where cargo says that xtask is now, not where it was compiled, since
/// a checkout may be moved or copied with its build folder.
pub fn root() -> PathBuf {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir
        .parent()
        .map_or(manifest_dir.clone(), Path::to_owned)
}

/// A command in the workspace's folder.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs to the end, output shown; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs to the end and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The text of a file.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files of the repository at `root` that match a pattern of git's: tracked ones, and new ones
/// that git does not ignore.
pub fn repository_files(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z"]);
    git.args(["--cached", "--others", "--exclude-standard", "--", pattern]);
    let listed = output(&mut git)?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    let mut files: Vec<PathBuf> = names.map(|name| root.join(name)).collect();
    // A file that was deleted is listed until the deletion is committed.
    files.retain(|file| file.is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

/// Whether a program of this name is on PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Whether we may write to system folders as we are.
pub fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// A command that needs the system's administrator: through sudo where we are not.
pub fn as_root(program: &str) -> Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.arg(program);
    sudo
}

/// Installs Debian packages unless `is_there` says that they are.
pub fn apt_install(packages: &[&str], is_there: impl Fn() -> bool) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let wanted = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if !on_path("apt-get") || !(is_root() || on_path("sudo")) {
        bail!("missing tools: install the equivalent of `{wanted}` and run this again");
    }
    let quiet = |mut apt: Command| {
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null());
        apt
    };
    let mut update = as_root("apt-get");
    update.args(["update", "-qq"]);
    let mut install = as_root("apt-get");
    install
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages);
    let what = format!("installing {} (Debian packages)", packages.join(", "));
    step(&what, || {
        run(&mut quiet(update))?;
        run(&mut quiet(install))
    })?;
    if !is_there() {
        bail!("`{wanted}` ran, but what it should bring is still missing");
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
