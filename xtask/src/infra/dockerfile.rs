//! The Dockerfile without a Docker engine: what it copies exists, and the image that it would
//! make runs.

use super::terraform::read;
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

/// All that is wrong with the files as they are.
pub fn check() -> Result<Vec<String>> {
    let root = sh::root();
    let ignored = read(&root.join(".dockerignore"))?;
    let manifest = read(&root.join("Cargo.toml"))?;
    let exists = |path: &str| root.join(path).exists();
    Ok(findings(
        &instructions(&read(&root.join("Dockerfile"))?),
        &ignored,
        &manifest,
        exists,
    ))
}

fn findings(
    file: &[Instruction],
    ignored: &str,
    manifest: &str,
    exists: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut findings = Vec::new();
    let version = quoted_after(manifest, "rust-version = ").unwrap_or_default();
    let builder = of(file, "FROM").next().and_then(|words| words.first());
    if builder.is_none_or(|image| !image.starts_with(&format!("rust:{version}-"))) {
        findings.push(format!(
            "builds with {builder:?}, and Cargo.toml says Rust {version}"
        ));
    }
    if !of(file, "RUN").any(|words| words.join(" ") == BUILD) {
        findings.push(format!("does not run `{BUILD}`"));
    }
    let copied: Vec<&String> = of(file, "COPY")
        .filter(|words| !words.iter().any(|word| word.starts_with("--from")))
        .flat_map(|words| words.split_last().map_or(&[][..], |(_, sources)| sources))
        .collect();
    for source in &copied {
        if !exists(source) {
            findings.push(format!("copies {source}, which does not exist"));
        } else if is_ignored(ignored, source) {
            findings.push(format!("copies {source}, which .dockerignore leaves out"));
        }
    }
    for member in members(manifest) {
        if !copied.iter().any(|source| **source == member) {
            findings.push(format!("does not copy {member}, a member of the workspace"));
        }
    }
    let last = file
        .iter()
        .rposition(|(name, _)| name == "FROM")
        .unwrap_or(0);
    let runtime = file.get(last..).unwrap_or_default();
    let user = of(runtime, "USER").last().and_then(|words| words.first());
    if user.is_none_or(|user| user == "root" || user == "0") {
        findings.push(format!("runs as {user:?}"));
    }
    findings
}

/// Lays the runtime stage's files out as the Dockerfile says, adds what the base image brings,
/// and extracts images from a video in there, as the image's user.
pub fn run_image() -> Result<()> {
    let file = instructions(&read(&sh::root().join("Dockerfile"))?);
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

/// As Docker reads the file: the last pattern that matches decides.
fn is_ignored(patterns: &str, path: &str) -> bool {
    let mut ignored = false;
    for pattern in patterns.lines().map(str::trim) {
        let (keeps, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if pattern == "*" || pattern.trim_end_matches('/') == path {
            ignored = !keeps;
        }
    }
    ignored
}

/// Top-level folders of the workspace's members.
fn members(manifest: &str) -> Vec<String> {
    let list = manifest
        .split_once("members = [")
        .and_then(|(_, rest)| rest.split_once(']'));
    let mut members: Vec<String> = list
        .map_or("", |(list, _)| list)
        .split(',')
        .filter_map(|member| member.trim().trim_matches('"').split('/').next())
        .filter(|member| !member.is_empty())
        .map(str::to_owned)
        .collect();
    members.dedup();
    members
}

fn quoted_after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(key)?;
    rest.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "members = [\"crates/*\", \"host\"]\nrust-version = \"1.95\"\n";
    const IGNORED: &str = "*\n!crates\n!host\n";
    const SOUND: &str = "FROM rust:1.95-bookworm AS build\n# a remark\nCOPY crates \\\n  crates\nCOPY host host\nRUN cargo xtask build\nFROM gcr.io/distroless/cc-debian12:nonroot\nCOPY --from=build /src/x /x\nUSER nonroot\n";

    fn all(file: &str, ignored: &str) -> Vec<String> {
        findings(&instructions(file), ignored, MANIFEST, |path| {
            path != "gone"
        })
    }

    #[test]
    fn a_sound_file_passes() {
        assert!(all(SOUND, IGNORED).is_empty());
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        for (from, to, expected) in [
            ("rust:1.95", "rust:1.94", "Cargo.toml says Rust 1.95"),
            ("cargo xtask build", "cargo build", "does not run"),
            ("COPY host host", "COPY host gone .", "copies gone"),
            ("COPY host host", "", "does not copy host"),
            ("USER nonroot", "USER root", "runs as"),
            ("USER nonroot", "", "runs as"),
        ] {
            let found = all(&SOUND.replace(from, to), IGNORED);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        // A user of the builder stage is none of the image's.
        let moved = SOUND
            .replace("USER nonroot\n", "")
            .replace("RUN", "USER nonroot\nRUN");
        assert!(all(&moved, IGNORED)[0].contains("runs as"));
    }

    #[test]
    fn the_last_pattern_of_dockerignore_decides() {
        assert!(all(SOUND, "*\n!crates\n")[0].contains("leaves out"));
        assert!(all(SOUND, "*\n!crates\n!host\nhost/\n")[0].contains("leaves out"));
        assert!(all(SOUND, "").is_empty());
    }

    #[test]
    fn only_the_exec_form_names_a_program() {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(exec_form(&words(r#"["/a b", "up"]"#)).unwrap(), "/a b");
        assert!(exec_form(&words("/a up")).is_err());
    }
}
