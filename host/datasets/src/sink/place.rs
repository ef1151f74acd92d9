//! Where files of an export lie.

use framemill_dataset::export::SinkFile;
use std::io;

/// A folder or a prefix of a bucket.
pub(crate) trait Place: Send + Sync + 'static {
    /// Begins a file.
    fn file(&self, path: &str) -> io::Result<Box<dyn SinkFile>>;

    /// Puts a whole file there.
    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file(path)?;
        file.write_all(bytes)?;
        file.finish()
    }
}

/// Whether a path may be one of a file of an export: formats make paths of names from outside.
pub(crate) fn checked(path: &str) -> io::Result<&str> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    match path.split('/').all(plain) {
        true => Ok(path),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("not a path of an export: `{path}`"),
        )),
    }
}
