//! `cargo xtask dist`: the archive of a release, for users without a compiler. `cargo binstall`
//! finds it by what host/Cargo.toml says.

use crate::workspace::{Package, Workspace};
use crate::{build, sample, sh};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The package whose binary it is.
const PACKAGE: &str = "framemill";
/// Images of the sample: ten seconds, one a second.
const SAMPLE_IMAGES: usize = 10;

/// Builds the archive and its checksum into target/dist, and extracts images of a sample with
/// what is in it.
pub fn dist() -> Result<()> {
    build::components()?;
    let host = build::host()?;
    let workspace = Workspace::read()?;
    let package = workspace.package(PACKAGE)?;
    let target = target()?;
    let name = format!("{PACKAGE}-v{}-{target}", package.version);
    binstall_finds(package, &target, &name)?;
    let folder = sh::root().join("target/dist");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    stage(&folder.join(&name), &host)?;
    let archive = folder.join(format!("{name}.tgz"));
    let mut tar = sh::command("tar");
    tar.arg("-czf").arg(&archive).arg("-C").arg(&folder);
    sh::run(tar.arg(&name))?;
    let sum = Sha256::digest(fs::read(&archive)?);
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(
        folder.join(format!("{name}.tgz.sha256")),
        format!("{sum}  {name}.tgz\n"),
    )?;
    fs::remove_dir_all(folder.join(&name))?;
    try_out(&archive, &name)?;
    eprintln!("archive: {}\nsha256: {sum}", archive.display());
    Ok(())
}

/// `x86_64-unknown-linux-gnu`
fn target() -> Result<String> {
    let about = sh::output(sh::command("rustc").arg("-vV"))?;
    let target = about.lines().find_map(|line| line.strip_prefix("host: "));
    let target = target.context("rustc does not say for what it compiles")?;
    Ok(target.to_owned())
}

/// Fails where what `cargo binstall` reads of the package leads elsewhere than to the archive of
/// this name and the program in it.
fn binstall_finds(package: &Package, target: &str, name: &str) -> Result<()> {
    let repository = package.repository.as_deref().unwrap_or_default();
    let expected = [
        ("pkg-fmt", "tgz".to_owned()),
        (
            "pkg-url",
            format!(
                "{repository}/releases/download/v{}/{name}.tgz",
                package.version
            ),
        ),
        ("bin-dir", format!("{name}/{PACKAGE}")),
    ];
    let values = [
        ("{ repo }", repository),
        ("{ name }", PACKAGE),
        ("{ version }", &package.version),
        ("{ target }", target),
        ("{ archive-suffix }", ".tgz"),
        ("{ bin }", PACKAGE),
        ("{ binary-ext }", ""),
    ];
    for (key, expected) in expected {
        let template = package.metadata["binstall"][key].as_str();
        let template = template.with_context(|| format!("no package.metadata.binstall.{key}"))?;
        let fill = |text: String, (key, value): (&str, &str)| text.replace(key, value);
        let filled = values.into_iter().fold(template.to_owned(), fill);
        ensure!(
            filled == expected,
            "package.metadata.binstall.{key} leads to {filled}, and the archive is {expected}"
        );
    }
    Ok(())
}

/// Lays the archive's files out.
fn stage(folder: &Path, host: &Path) -> Result<()> {
    let components = folder.join("components");
    fs::create_dir_all(&components)?;
    let mut files: Vec<(PathBuf, PathBuf)> = vec![(host.to_owned(), folder.join(PACKAGE))];
    for name in ["LICENSE", "README.md"] {
        files.push((sh::root().join(name), folder.join(name)));
    }
    for function in build::functions()? {
        let component = build::component_path(&function.name);
        let name = component.file_name().context("a component has no name")?;
        files.push((component.clone(), components.join(name)));
    }
    for (from, to) in files {
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Unpacks the archive as a user does, and extracts images from a video with nothing but it.
fn try_out(archive: &Path, name: &str) -> Result<()> {
    let folder = sh::root().join("target/dist/try");
    fs::create_dir_all(&folder)?;
    let mut tar = sh::command("tar");
    sh::run(tar.arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
    fs::write(folder.join("sample.avi"), sample::video()?)?;
    let mut extract = sh::command(folder.join(name).join(PACKAGE));
    // Elsewhere, and without what this machine has set for it.
    extract
        .current_dir(&folder)
        .env_clear()
        .env("HOME", &folder);
    sh::run(extract.args(["extract", "sample.avi", "-o", "images"]))?;
    let made = fs::read_dir(folder.join("images/sample.avi"))?;
    let images = made
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|is| is == "jpg"));
    let images = images.count();
    ensure!(
        images == SAMPLE_IMAGES,
        "the archive's framemill made {images} images of the sample, expected {SAMPLE_IMAGES}"
    );
    fs::remove_dir_all(&folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binstall_finds_the_archive_of_this_name_only() {
        let workspace = Workspace::read().unwrap();
        let package = workspace.package(PACKAGE).unwrap();
        let name = format!("{PACKAGE}-v{}-here", package.version);
        binstall_finds(package, "here", &name).unwrap();
        assert!(binstall_finds(package, "there", &name).is_err());
        assert!(binstall_finds(package, "here", "other").is_err());
        let without = workspace.package("xtask").unwrap();
        assert!(binstall_finds(without, "here", &name).is_err());
    }
}
