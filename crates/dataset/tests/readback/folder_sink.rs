//! A folder that an export is written to.

use crate::sample::bytes_of;
use framemill_dataset::DatasetImage;
use framemill_dataset::export::{Sink, SinkFile};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How a file ends that is not finished.
const UNFINISHED: &str = ".unfinished";

/// A temporary folder. Nothing in it is written twice; a file that is not finished is not there.
pub struct FolderSink {
    folder: TempDir,
    /// What stands before the name of an image elsewhere.
    pub address: Option<&'static str>,
}

impl FolderSink {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            address: Some("gs://bucket/"),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
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

    /// Fails where a file was begun and never finished. An export that stops at an error may leave one,
    /// one that says that it is done may not.
    #[track_caller]
    pub fn assert_finished(&self) {
        let files = self.files().into_keys();
        let left: Vec<_> = files.filter(|it| it.ends_with(UNFINISHED)).collect();
        assert_eq!(left, Vec::<String>::new(), "never finished");
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Sink for FolderSink {
    fn file(&mut self, path: &str) -> io::Result<Box<dyn SinkFile>> {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("below the folder"))?;
        if path.exists() {
            let path = path.display().to_string();
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, path));
        }
        // With its whole name: images and labels may differ by their endings alone.
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        Ok(Box::new(Unfinished {
            file: File::create_new(&unfinished)?,
            unfinished: unfinished.into(),
            path,
        }))
    }

    fn expect(&mut self, _: u64) {}

    fn image(&mut self, image: &DatasetImage, path: &str) -> io::Result<()> {
        let mut file = self.file(path)?;
        file.write_all(&bytes_of(&image.name))?;
        file.finish()
    }

    fn image_bytes(&mut self, image: &DatasetImage) -> io::Result<Vec<u8>> {
        Ok(bytes_of(&image.name))
    }

    fn image_uri(&self, image: &DatasetImage) -> Option<String> {
        Some(format!("{}{}", self.address?, image.name))
    }
}

struct Unfinished {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SinkFile for Unfinished {
    fn finish(self: Box<Self>) -> io::Result<()> {
        fs::rename(self.unfinished, self.path)
    }
}
