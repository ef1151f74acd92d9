//! No source file is longer than what a person reads at once.

use crate::sh;
use crate::workspace::shown;
use anyhow::{Result, ensure};
use std::path::Path;

/// Lines of a source file, at most.
const LIMIT: usize = 500;

/// The files of the repository that are too long, longest first.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let files = sh::repository_files(root, "*.rs")?;
    ensure!(
        !files.is_empty(),
        "no source file in {}: no length was checked",
        root.display()
    );
    let mut long = Vec::new();
    for file in &files {
        let lines = sh::read(file)?.lines().count();
        if lines > LIMIT {
            long.push((lines, shown(root, file)));
        }
    }
    long.sort_by(|a, b| b.cmp(a));
    if long.is_empty() {
        eprintln!("length: {} files of {LIMIT} lines at most", files.len());
    }
    Ok(long
        .into_iter()
        .map(|(lines, file)| {
            format!("{file} has {lines} lines, limit {LIMIT}: split it by what it does")
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn repository(files: &[(&str, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        sh::run(sh::command("git").args(["init", "-q"]).arg(folder.path())).unwrap();
        for (name, lines) in files {
            fs::write(folder.path().join(name), "//\n".repeat(*lines)).unwrap();
        }
        folder
    }

    #[test]
    fn long_files_are_named_with_their_length() {
        let folder = repository(&[("a.rs", 500), ("b.rs", 501), ("c.rs", 700), ("d.md", 900)]);
        let found = check(folder.path()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("c.rs has 700 lines"), "{found:?}");
        assert!(found[1].starts_with("b.rs has 501 lines"), "{found:?}");
    }

    #[test]
    fn no_file_is_an_error() {
        let folder = repository(&[("d.md", 1)]);
        assert!(check(folder.path()).is_err());
    }
}
