//! Which files, and under which names the component sees them.

use anyhow::{Context as _, ensure};
use framemill_objects::{Found, Walk};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Prefix of videos in the bucket that the output folder is.
pub(super) const VIDEOS: &str = "videos/";

/// A video to extract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// The file.
    pub(super) path: PathBuf,
    /// Its name in the output folder, with slashes.
    pub(super) name: String,
}

impl Input {
    /// Name of the object that the component sees.
    pub(super) fn object(&self) -> String {
        format!("{VIDEOS}{}", self.name)
    }

    /// File name ending, lower case.
    pub(super) fn ending(&self) -> Option<String> {
        let (_, ending) = self.name.rsplit_once('.')?;
        Some(ending.to_ascii_lowercase())
    }
}

/// The files that are named, and those below named folders whose ending is a video's. A file
/// keeps its name, a file below a folder its path in it; where two would be the same, they keep
/// as much of their paths as sets them apart.
pub(super) fn find(given: &[PathBuf], endings: &[String]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in given {
        let metadata = std::fs::metadata(path)
            .with_context(|| format!("video cannot be read: {}", path.display()))?;
        if metadata.is_dir() {
            let before = inputs.len();
            below(path, endings, &mut inputs)?;
            ensure!(
                inputs.len() > before,
                "no videos in this folder (endings {}): {}",
                endings.join(", "),
                path.display()
            );
        } else {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name
                .with_context(|| format!("file name is not UTF-8: {}", path.display()))?
                .to_owned();
            inputs.push(Input {
                path: path.clone(),
                name,
            });
        }
    }
    set_apart(&mut inputs)?;
    Ok(inputs)
}

fn below(folder: &Path, endings: &[String], inputs: &mut Vec<Input>) -> anyhow::Result<()> {
    let mut found = Vec::new();
    let mut unreadable = None;
    // What a person names is read with that person's rights, links too.
    let walk = Walk {
        folder,
        prefix: "",
        follow_links: true,
    };
    walk.visit("", &mut |there| {
        let (name, below) = match there {
            Found::File { name, below } => (name, below),
            Found::Unreadable { name, kind } => {
                unreadable.get_or_insert((name, kind));
                return;
            }
            Found::LeadsOut { .. } => return,
        };
        let hidden = name.split('/').any(|part| part.starts_with('.'));
        let path = folder.join(below);
        let input = Input { path, name };
        if !hidden
            && input
                .ending()
                .is_some_and(|ending| endings.contains(&ending))
        {
            found.push(input);
        }
    });
    if let Some((name, kind)) = unreadable {
        anyhow::bail!(
            "folder cannot be read: {kind}: {}",
            folder.join(name).display()
        );
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    inputs.append(&mut found);
    Ok(())
}

/// Gives inputs of the same name their whole path for a name.
fn set_apart(inputs: &mut [Input]) -> anyhow::Result<()> {
    let mut count: HashMap<String, usize> = HashMap::new();
    for input in inputs.iter() {
        *count.entry(input.name.clone()).or_default() += 1;
    }
    for input in inputs.iter_mut() {
        if count.get(&input.name).is_some_and(|count| *count > 1) {
            input.name = path_as_name(&input.path);
        }
    }
    let mut seen = HashMap::new();
    for input in inputs.iter() {
        if let Some(other) = seen.insert(&input.name, &input.path) {
            anyhow::bail!(
                "two videos would share the folder {}: extract them one after the other: {} and {}",
                input.name,
                other.display(),
                input.path.display()
            );
        }
    }
    Ok(())
}

fn path_as_name(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_unlike() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            path
        };
        let clip = file("clip.bin");
        for name in [
            "all/b/x.mp4",
            "all/a.MKV",
            "all/notes.txt",
            "all/.hidden/x.mp4",
        ] {
            file(name);
        }
        let other = file("other/a.MKV");
        let endings = ["mp4".to_owned(), "mkv".to_owned()];
        let given = [clip, folder.path().join("all")];
        let names = |given: &[PathBuf]| -> Vec<String> {
            let inputs = find(given, &endings).unwrap();
            inputs.into_iter().map(|input| input.name).collect()
        };
        assert_eq!(names(&given), ["clip.bin", "a.MKV", "b/x.mp4"]);
        let names = names(&[folder.path().join("all"), other.clone()]);
        assert!(names[0].ends_with("/all/a.MKV"), "{names:?}");
        assert!(names[2].ends_with("/other/a.MKV"), "{names:?}");
        assert!(find(&[other.clone(), other], &endings).is_err());
        let empty = tempfile::tempdir().unwrap();
        assert!(find(&[empty.path().to_owned()], &endings).is_err());
    }
}
