//! All files below a folder.

use super::layout::PRIVATE_FOLDER;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not read.
const DEEPEST: usize = 64;

/// Whether a link leads to `folder` or a folder above it.
fn is_above(link: &Path, folder: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(folder)?.starts_with(fs::canonicalize(link)?))
}

/// Visits all files below `folder` whose names can start with `prefix`, but for those of
/// [`PRIVATE_FOLDER`]. `name` is the folder's own name with a slash at its end, empty for the
/// bucket's; `depth` is how deep it lies.
pub fn walk(
    folder: &Path,
    name: &str,
    prefix: &str,
    depth: usize,
    visit: &mut dyn FnMut(String, PathBuf),
) {
    let relevant = name.starts_with(prefix) || prefix.starts_with(name);
    if depth > DEEPEST || !relevant {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(file_name) = entry.file_name().into_string() else {
            tracing::warn!(path = %entry.path().display(), "file name is not UTF-8: left out, rename it");
            continue;
        };
        if file_name.starts_with(PRIVATE_FOLDER) {
            continue;
        }
        let child = format!("{name}{file_name}");
        let is_folder = match entry.file_type() {
            // A link to a folder around it would have no end.
            Ok(kind) if kind.is_symlink() => {
                let path = entry.path();
                path.is_dir() && !(is_above(&path, folder).unwrap_or(true))
            }
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        if is_folder {
            walk(
                &entry.path(),
                &format!("{child}/"),
                prefix,
                depth + 1,
                visit,
            );
        } else {
            visit(child, entry.path());
        }
    }
}
