//! The Dockerfile without a Docker engine: it builds as the workspace does, and the image that it
//! would make runs.

use crate::workspace::Workspace;
use crate::{sample, sh};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the runtime image brings beside what is copied: gcr.io/distroless/cc.
const LIBRARIES: &[&str] = &[
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "linux-vdso.so.1",
];
/// The image's user, by number.
const NONROOT: &str = "65532";
/// What the builder stage runs, and `cargo xtask build` is run before this check.
const BUILD: &str = "cargo xtask build";

/// One instruction with its words.
type Instruction = (String, Vec<String>);

/// What is wrong with the builder stage.
pub fn check() -> Result<Vec<String>> {
    let file = instructions(&sh::read(&sh::root().join("Dockerfile"))?);
    let workspace = Workspace::read()?;
    let versions = workspace.packages().iter();
    let version = versions.filter_map(|package| package.rust_version.as_deref());
    let version = version.max().context("no package has a rust-version")?;
    Ok(builder_findings(&file, version))
}

fn builder_findings(file: &[Instruction], rust_version: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let image = of(file, "FROM").next().and_then(|words| words.first());
    if image.is_none_or(|image| !image.starts_with(&format!("rust:{rust_version}-"))) {
        findings.push(format!(
            "builds with {image:?}, and Cargo.toml says Rust {rust_version}"
        ));
    }
    if !of(file, "RUN").any(|words| words.join(" ") == BUILD) {
        findings.push(format!("does not run `{BUILD}`"));
    }
    findings
}

/// Lays the runtime stage's files out as the Dockerfile says, adds what the base image brings,
/// and extracts images from a video in there, as the image's user.
pub fn run_image() -> Result<()> {
    let file = instructions(&sh::read(&sh::root().join("Dockerfile"))?);
    let image = sh::root().join("target/image");
    if image.exists() {
        fs::remove_dir_all(&image).with_context(|| format!("cannot empty {}", image.display()))?;
    }
    for words in of(&file, "COPY") {
        if let [from, source, target] = words.as_slice()
            && from.starts_with("--from")
        {
            let source = source.trim_start_matches("/src/");
            let built = sh::root().join(source);
            ensure!(built.exists(), "no {source}: run `{BUILD}` first");
            copy(&built, &image.join(target.trim_start_matches('/')))?;
        }
    }
    let program = of(&file, "ENTRYPOINT").last().map(|words| exec_form(words));
    let program = program.context("the Dockerfile has no ENTRYPOINT")??;
    base_image(&image, &image.join(program.trim_start_matches('/')))?;
    let version = sh::output(in_image(&image, &file).args([&program, "--version"]))?;
    fs::write(image.join("tmp/sample.avi"), sample::video()?)?;
    let mut extract = in_image(&image, &file);
    extract.args([&program, "extract", "/tmp/sample.avi", "-o", "/tmp/images"]);
    sh::run(&mut extract)?;
    let made = image.join("tmp/images/sample.avi/manifest.json");
    ensure!(
        made.is_file(),
        "the image's framemill made no {}",
        made.display()
    );
    eprintln!("image: {version} and its components run in the runtime stage's files");
    Ok(())
}

/// The libraries that the program asks for, all of which must be the base image's, and /tmp.
fn base_image(image: &Path, program: &Path) -> Result<()> {
    let linked = sh::output(sh::command("ldd").arg(program))?;
    for line in linked.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let first = Path::new(words.first().copied().unwrap_or_default());
        let name = first.file_name().unwrap_or_default().to_string_lossy();
        if !LIBRARIES.contains(&&*name) {
            bail!("the host needs {name}, which the runtime image does not have");
        }
        if let Some(path) = words.iter().find(|word| word.starts_with('/')) {
            copy(Path::new(path), &image.join(path.trim_start_matches('/')))?;
        }
    }
    let tmp = image.join("tmp");
    fs::create_dir_all(&tmp)?;
    sh::run(sh::command("chmod").arg("1777").arg(&tmp))
}

/// A command in the image's files alone, as its user where we may choose one.
fn in_image(image: &Path, file: &[Instruction]) -> Command {
    let mut command = if sh::is_root() {
        let mut chroot = sh::command("chroot");
        chroot.arg(format!("--userspec={NONROOT}:{NONROOT}"));
        chroot
    } else {
        let mut unshare = sh::command("unshare");
        unshare.args(["--user", "--map-root-user", "chroot"]);
        unshare
    };
    command.arg(image).env_clear().env("HOME", "/tmp");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let variables = of(file, "ENV").flatten();
    command.envs(variables.filter_map(|variable| variable.split_once('=')));
    command
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().map_or_else(PathBuf::new, Path::to_owned);
    fs::create_dir_all(&parent)?;
    sh::run(sh::command("cp").args(["-rL", "--"]).arg(from).arg(to))
}

fn instructions(text: &str) -> Vec<Instruction> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let mut instructions = Vec::new();
    for line in joined.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        if let Some(name) = words.next() {
            instructions.push((name.to_ascii_uppercase(), words.collect()));
        }
    }
    instructions
}

fn of<'a>(file: &'a [Instruction], name: &'a str) -> impl Iterator<Item = &'a Vec<String>> {
    file.iter()
        .filter(move |(is, _)| is == name)
        .map(|(_, words)| words)
}

/// The program of `["program", …]`; a shell form would need a shell.
fn exec_form(words: &[String]) -> Result<String> {
    let words: Vec<String> = serde_json::from_str(&words.join(" "))
        .context("ENTRYPOINT is not in the exec form, and the image has no shell")?;
    words
        .into_iter()
        .next()
        .context("ENTRYPOINT names no program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builder_stage_is_that_of_the_workspace() {
        let sound = "FROM rust:1.95-bookworm AS build\n# a remark\nCOPY . .\nRUN cargo \\\n  xtask build\nFROM gcr.io/distroless/cc-debian12:nonroot\n";
        let found = |text: &str| builder_findings(&instructions(text), "1.95");
        assert_eq!(found(sound), Vec::<String>::new());
        let older = found(&sound.replace("1.95", "1.94"));
        assert!(older.len() == 1 && older[0].contains("says Rust 1.95"));
        let other = found(&sound.replace("xtask build", "build"));
        assert!(other.len() == 1 && other[0].contains("does not run"));
        assert_eq!(found("").len(), 2);
    }

    #[test]
    fn only_the_exec_form_names_a_program() {
        let words = |text: &str| {
            let words = text.split_whitespace();
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(exec_form(&words(r#"["/a b", "up"]"#)).unwrap(), "/a b");
        assert!(exec_form(&words("/a up")).is_err());
    }
}
