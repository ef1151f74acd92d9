//! A folder that an export is written to.

use crate::sample::bytes_of;
use framemill_dataset::DatasetImage;
use framemill_dataset::export::{Sink, SinkFile};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use tempfile::TempDir;

/// A temporary folder.
pub struct FolderSink(TempDir);

impl FolderSink {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// All files there are, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.path()).expect("below it");
                    let name = name.to_str().expect("names are ASCII").to_owned();
                    files.insert(name, fs::read(path).expect("a file"));
                }
            }
        }
        files
    }

    fn create(&self, path: &str) -> io::Result<File> {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("below the folder"))?;
        File::create_new(path)
    }
}

impl Sink for FolderSink {
    fn file(&mut self, path: &str) -> io::Result<Box<dyn SinkFile>> {
        Ok(Box::new(Unfinished(Some(self.create(path)?))))
    }

    fn expect(&mut self, _: u64) {}

    fn image(&mut self, image: &DatasetImage, path: &str) -> io::Result<()> {
        self.create(path)?.write_all(&bytes_of(&image.name))
    }

    fn image_bytes(&mut self, image: &DatasetImage) -> io::Result<Vec<u8>> {
        Ok(bytes_of(&image.name))
    }

    fn image_uri(&self, _: &DatasetImage) -> Option<String> {
        None
    }
}

/// A file that must be finished.
struct Unfinished(Option<File>);

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().expect("not finished").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SinkFile for Unfinished {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.take().expect("not finished").sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        assert!(self.0.is_none(), "a file was never finished");
    }
}
