//! The folder of compiled code. What lies there runs in this process, outside any sandbox: it is
//! used only where nobody else can have put it there, and nobody else can.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a folder of compiled code is not used.
#[derive(Debug, Error)]
pub(super) enum Untrusted {
    /// It, or something in it or above it, is another user's.
    #[error(
        "owned by user {owner}, not by the user {user} who runs framemill: {}: {remedy}",
        .path.display()
    )]
    Owner {
        path: PathBuf,
        owner: u32,
        user: u32,
        remedy: String,
    },
    /// Others may write there.
    #[error("other users may write there (mode {mode:04o}): {}: {remedy}", .path.display())]
    Writable {
        path: PathBuf,
        mode: u32,
        remedy: String,
    },
    /// It holds what no cache makes.
    #[error("neither a file nor a folder: {}: {remedy}", .path.display())]
    Strange { path: PathBuf, remedy: String },
    /// It cannot be looked at.
    #[error("cannot be looked at ({source}): {}", .path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Makes the folder, and those above it that are missing, for this user alone.
pub(super) fn create(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Whether nobody but this user and root can have written what lies in `dir`, an absolute path
/// without links. Other systems than Unix keep what a user caches apart themselves.
///
/// # Errors
/// [`Untrusted`], with what to do.
#[cfg(not(unix))]
pub(super) fn check(_dir: &Path) -> Result<(), Untrusted> {
    Ok(())
}

#[cfg(unix)]
pub(super) use unix::check;

#[cfg(unix)]
mod unix {
    use super::Untrusted;
    use std::fs::{Metadata, symlink_metadata};
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const OPEN_TO_OTHERS: u32 = 0o077;
    /// Others may write into the folder, but not touch what is not theirs, as in `/tmp`.
    const STICKY: u32 = 0o1000;

    /// Whether nobody but this user and root can have written what lies in `dir`, an absolute
    /// path without links.
    ///
    /// # Errors
    /// [`Untrusted`], with what to do.
    pub(in super::super) fn check(dir: &Path) -> Result<(), Untrusted> {
        check_as(dir, rustix::process::geteuid().as_raw())
    }

    /// The same, for this user.
    pub(super) fn check_as(dir: &Path, user: u32) -> Result<(), Untrusted> {
        let trusted = Trusted { dir, user };
        for parent in dir.ancestors().skip(1) {
            trusted.parent(parent)?;
        }
        let own = looked_at(dir)?;
        trusted.owner(dir, &own)?;
        trusted.mode(dir, &own)?;
        // Where nobody else comes in, the modes of what is inside count for nothing: they follow
        // the umask, by which a group may often write.
        let reachable = own.mode() & OPEN_TO_OTHERS != 0;
        trusted.inside(dir, reachable)
    }

    struct Trusted<'a> {
        dir: &'a Path,
        user: u32,
    }

    impl Trusted<'_> {
        /// Whoever may rename below a folder may put another one in place of ours.
        fn parent(&self, path: &Path) -> Result<(), Untrusted> {
            let found = looked_at(path)?;
            let remedy = || {
                format!(
                    "let XDG_CACHE_HOME name a folder elsewhere, not below {}",
                    path.display()
                )
            };
            if ![0, self.user].contains(&found.uid()) {
                return Err(self.owned(path, &found, remedy()));
            }
            let writable = found.mode() & WRITABLE_BY_OTHERS != 0 && found.mode() & STICKY == 0;
            match writable {
                true => Err(Untrusted::Writable {
                    path: path.to_owned(),
                    mode: found.mode() & 0o7777,
                    remedy: format!("chmod go-w {}", path.display()),
                }),
                false => Ok(()),
            }
        }

        fn owner(&self, path: &Path, found: &Metadata) -> Result<(), Untrusted> {
            match [0, self.user].contains(&found.uid()) {
                true => Ok(()),
                false => Err(self.owned(path, found, self.remedy())),
            }
        }

        fn owned(&self, path: &Path, found: &Metadata, remedy: String) -> Untrusted {
            Untrusted::Owner {
                path: path.to_owned(),
                owner: found.uid(),
                user: self.user,
                remedy,
            }
        }

        fn mode(&self, path: &Path, found: &Metadata) -> Result<(), Untrusted> {
            match found.mode() & WRITABLE_BY_OTHERS {
                0 => Ok(()),
                _ => Err(Untrusted::Writable {
                    path: path.to_owned(),
                    mode: found.mode() & 0o7777,
                    remedy: self.remedy(),
                }),
            }
        }

        fn inside(&self, folder: &Path, reachable: bool) -> Result<(), Untrusted> {
            let mut folders = vec![folder.to_owned()];
            while let Some(folder) = folders.pop() {
                let Some(entries) = still_there(&folder, entries(&folder))? else {
                    continue;
                };
                for path in entries {
                    let Some(found) = still_there(&path, symlink_metadata(&path))? else {
                        continue;
                    };
                    if !found.is_dir() && !found.is_file() {
                        let remedy = self.remedy();
                        return Err(Untrusted::Strange { path, remedy });
                    }
                    self.owner(&path, &found)?;
                    if reachable {
                        self.mode(&path, &found)?;
                    }
                    if found.is_dir() {
                        folders.push(path);
                    }
                }
            }
            Ok(())
        }

        /// It may have been changed already: it is not to be mended.
        fn remedy(&self) -> String {
            format!("remove it, it is made anew: rm -r {}", self.dir.display())
        }
    }

    fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    /// `None` where another process of ours has cleaned up meanwhile.
    fn still_there<T>(path: &Path, found: std::io::Result<T>) -> Result<Option<T>, Untrusted> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Untrusted::Unreadable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn looked_at(path: &Path) -> Result<Metadata, Untrusted> {
        symlink_metadata(path).map_err(|source| Untrusted::Unreadable {
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    fn mode(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A cache with a file in a folder, as it is made.
    fn made() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let above = parent.path().canonicalize().unwrap();
        let dir = above.join("framemill/wasm");
        create(&dir).unwrap();
        create(&dir.join("modules")).unwrap();
        let file = dir.join("modules/code");
        write(&file, "code").unwrap();
        (parent, dir, file)
    }

    fn error(dir: &Path) -> String {
        check(dir).unwrap_err().to_string()
    }

    #[test]
    fn what_is_made_is_for_one_user() {
        let (_parent, dir, file) = made();
        for folder in [&dir, &dir.parent().unwrap().to_owned()] {
            let mode = folder.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
        check(&dir).unwrap();
        // A umask that lets the group write, in a folder into which the group does not come.
        mode(&file, 0o664);
        check(&dir).unwrap();
        mode(&file, 0o644);
        mode(&dir, 0o755);
        check(&dir).unwrap();
    }

    #[test]
    fn what_others_may_write_is_not_trusted() {
        let (parent, dir, file) = made();
        for open in [0o777, 0o770, 0o1777] {
            mode(&dir, open);
            let error = error(&dir);
            assert!(error.contains(&format!("{open:04o}")), "{error}");
            assert!(error.contains("rm -r"), "{error}");
        }
        mode(&dir, 0o755);
        for open in [0o666, 0o620] {
            mode(&file, open);
            assert!(error(&dir).contains("modules/code"), "{}", error(&dir));
        }
        mode(&file, 0o644);
        mode(&dir.join("modules"), 0o777);
        assert!(error(&dir).contains("modules"), "{}", error(&dir));
        mode(&dir.join("modules"), 0o755);
        let above = parent.path();
        mode(above, 0o777);
        assert!(error(&dir).contains("chmod go-w"), "{}", error(&dir));
        // As /tmp is.
        mode(above, 0o1777);
        check(&dir).unwrap();
        symlink("/etc/passwd", dir.join("link")).unwrap();
        assert!(error(&dir).contains("neither a file"), "{}", error(&dir));
    }

    #[test]
    fn what_another_user_owns_is_not_trusted() {
        let (_parent, dir, file) = made();
        let user = rustix::process::geteuid().as_raw();
        let error = |user| unix::check_as(&dir, user).unwrap_err().to_string();
        if user != 0 {
            // What is ours is another's to any other user.
            let error = error(user + 1);
            assert!(error.contains(&format!("owned by user {user}")), "{error}");
            return;
        }
        for path in [
            &file,
            &dir.join("modules"),
            &dir,
            &dir.parent().unwrap().to_owned(),
        ] {
            chown(path, Some(4242), None).unwrap();
            let error = error(0);
            assert!(error.contains("owned by user 4242"), "{error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
            chown(path, Some(0), None).unwrap();
        }
        check(&dir).unwrap();
    }
}
