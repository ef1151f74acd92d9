//! Where a file lies, as an open folder and a path below it: whoever can put links into the bucket's
//! folder cannot lead us out of it, however fast they exchange them.

use super::layout::PRIVATE_FOLDER;
use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file's place. Links on the way are followed as far as they stay in the open folder.
pub(super) struct Place {
    folder: Dir,
    path: PathBuf,
}

fn open_folder(path: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Splits a path into the folder, `.` where there is none, and the name in it.
fn split(path: &Path) -> io::Result<(&Path, &Path)> {
    let no_name = || io::Error::new(ErrorKind::InvalidInput, "path has no file name");
    let name = path.file_name().ok_or_else(no_name)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")), Path::new(name)))
}

/// Whether a link led out of the folder.
pub(super) fn leads_out(error: &io::Error) -> bool {
    // What cap-std and we say ourselves; the system's refusals have a number.
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// The error that [`leads_out`] knows.
fn out_of_folder() -> io::Error {
    io::Error::new(
        ErrorKind::PermissionDenied,
        "a link leads out of the folder",
    )
}

/// What a path below a folder leads to, as the folder without links and a path below it without
/// any. Absolute links count by where they lead, too.
fn resolve(folder: &Path, below: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let folder = fs::canonicalize(folder)?;
    let path = fs::canonicalize(folder.join(below))?;
    let is_private = |path: &Path| path.iter().any(|part| part == PRIVATE_FOLDER);
    match path.strip_prefix(&folder) {
        Ok(inside) if is_private(below) || !is_private(inside) => {
            let inside = inside.to_owned();
            Ok((folder, inside))
        }
        // Our private folder is not the bucket's either.
        _ => Err(out_of_folder()),
    }
}

/// Opens a folder inside another. Links are resolved first; what becomes one meanwhile is refused.
fn open_inside(folder: &Path, below: &Path) -> io::Result<Dir> {
    let (folder, inside) = resolve(folder, below)?;
    walk_down(&folder, &inside)
}

fn walk_down(folder: &Path, inside: &Path) -> io::Result<Dir> {
    let mut open = open_folder(folder)?;
    for part in inside.iter().filter(|part| *part != ".") {
        open = open.open_dir_nofollow(part)?;
    }
    Ok(open)
}

/// As [`open_inside`], and makes what is missing.
fn make_inside(folder: &Path, below: &Path) -> io::Result<Dir> {
    match open_inside(folder, below) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (above, name) = split(below)?;
            let above = make_inside(folder, above)?;
            match above.create_dir(name) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                _ => above.open_dir_nofollow(name),
            }
        }
        other => other,
    }
}

impl Place {
    /// A file that is there, wherever it is.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        let (folder, name) = split(&path)?;
        Ok(Self {
            folder: open_folder(folder)?,
            path: name.to_owned(),
        })
    }

    /// A file that is there, at a path below a folder; where links are not followed out of it, one
    /// may lead to what lies below `within` alone.
    pub(super) fn find(
        folder: &Path,
        below: &Path,
        follow_links: bool,
        within: &Path,
    ) -> io::Result<Self> {
        if follow_links {
            return Self::of(&folder.join(below));
        }
        let (folder, inside) = resolve(folder, below)?;
        if !inside.starts_with(within) {
            return Err(out_of_folder());
        }
        let (parent, name) = split(&inside)?;
        Ok(Self {
            folder: walk_down(&folder, parent)?,
            path: name.to_owned(),
        })
    }

    /// A name that a file may get or lose: a link in its place is not followed.
    pub(super) fn name(folder: &Path, below: &Path, follow_links: bool) -> io::Result<Self> {
        let (parent, name) = split(below)?;
        let folder = if follow_links {
            open_folder(&folder.join(parent))?
        } else {
            open_inside(folder, parent)?
        };
        Ok(Self {
            folder,
            path: name.to_owned(),
        })
    }

    /// As [`Place::name`], and makes the folders on the way.
    pub(super) fn make(folder: &Path, below: &Path, follow_links: bool) -> io::Result<Self> {
        let (parent, name) = split(below)?;
        fs::create_dir_all(folder)?;
        if follow_links {
            fs::create_dir_all(folder.join(parent))?;
            return Self::name(folder, below, follow_links);
        }
        Ok(Self {
            folder: make_inside(folder, parent)?,
            path: name.to_owned(),
        })
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.folder.metadata(&self.path)
    }

    /// Opens it for reading, unless it has become a link. A named pipe is opened too, at once: the
    /// caller looks at what it has.
    pub(super) fn open(&self) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.read(true).nonblock(true).follow(FollowSymlinks::No);
        let file = self.folder.open_with(&self.path, &options)?;
        Ok(file.into_std())
    }

    /// Makes it, where nothing has the name.
    pub(super) fn create(&self) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        Ok(self.folder.open_with(&self.path, &options)?.into_std())
    }

    /// Opens it for changes of what is known of it.
    pub(super) fn open_for_changes(&self) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.write(true);
        Ok(self.folder.open_with(&self.path, &options)?.into_std())
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        self.folder.remove_file(&self.path)
    }

    /// Puts the folder's list of names on the disk.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        // An open folder of cap-std's can be used for paths alone.
        self.folder.open(".")?.sync_all()
    }

    /// Moves the file to its name; with `create_only` it fails where the name is taken.
    pub(super) fn move_to(&self, to: &Self, create_only: bool) -> io::Result<()> {
        match self.link_or_rename(to, create_only) {
            // The folder is on another disk: copy beside the destination, then it is one step.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let name = self.path.to_string_lossy();
                let beside = Self {
                    folder: to.folder.try_clone()?,
                    path: PathBuf::from(format!("{PRIVATE_FOLDER}-{name}")),
                };
                let placed = self
                    .folder
                    .copy(&self.path, &beside.folder, &beside.path)
                    .and_then(|_| beside.open_for_changes()?.sync_data())
                    .and_then(|()| beside.link_or_rename(to, create_only));
                if placed.is_err() {
                    let _ = beside.remove();
                }
                placed?;
                self.remove()
            }
            other => other,
        }
    }

    fn link_or_rename(&self, to: &Self, create_only: bool) -> io::Result<()> {
        let rename = || self.folder.rename(&self.path, &to.folder, &to.path);
        if !create_only {
            return rename();
        }
        let linked = self.folder.hard_link(&self.path, &to.folder, &to.path);
        match linked.map_err(|error| (error.kind(), error)) {
            Ok(()) => self.remove(),
            Err((ErrorKind::AlreadyExists | ErrorKind::CrossesDevices, error)) => Err(error),
            // No hard links here. The caller has seen that the name is free, and holds the lock.
            Err((_, error)) => match to.folder.symlink_metadata(&to.path) {
                Err(missing) if missing.kind() == ErrorKind::NotFound => rename(),
                _ => Err(error),
            },
        }
    }
}

/// Removes a folder of ours below another.
pub(super) fn remove_folder(folder: &Path, below: &Path, follow_links: bool) -> io::Result<()> {
    let path = folder.join(below);
    let removed = if follow_links {
        fs::remove_dir_all(&path)
    } else {
        Place::name(folder, below, false).and_then(|it| it.folder.remove_dir_all(&it.path))
    };
    let Err(error) = removed else {
        return Ok(());
    };
    let remedy = match error.kind() {
        ErrorKind::NotFound => return Ok(()),
        _ if leads_out(&error) => "remove the link, or set follow_links = true",
        _ => "see who owns it, or remove it",
    };
    let text = format!("{error}: {remedy}: {}", path.display());
    Err(io::Error::new(error.kind(), text))
}
