//! A file with one JSON object, written member by member.

use crate::export::format::SinkFile;
use serde::Serialize;
use std::io::{self, Write};

/// Bytes that are gathered before they are written.
const CHUNK: usize = 1 << 16;

/// A JSON object that is being written. Arrays come element by element, each in a line: nothing but
/// one element is in memory.
pub(super) struct JsonFile {
    file: Box<dyn SinkFile>,
    gathered: Vec<u8>,
    is_first: bool,
}

impl JsonFile {
    /// Begins the object.
    pub(super) fn begin(file: Box<dyn SinkFile>) -> Self {
        Self {
            file,
            gathered: b"{".to_vec(),
            is_first: true,
        }
    }

    /// A member.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn member(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.name(name)?;
        self.value(value)
    }

    /// A member that is an array.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn array<T: Serialize>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = T>,
    ) -> io::Result<()> {
        self.name(name)?;
        self.gathered.push(b'[');
        for (place, value) in values.enumerate() {
            self.gathered
                .extend_from_slice(if place == 0 { b"\n" } else { b",\n" });
            self.value(&value)?;
        }
        self.gathered.extend_from_slice(b"\n]");
        Ok(())
    }

    /// Ends the object and the file.
    ///
    /// # Errors
    /// As writing.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.gathered.extend_from_slice(b"\n}\n");
        self.file.write_all(&self.gathered)?;
        self.file.finish()
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        let before: &[u8] = if self.is_first { b"\n" } else { b",\n" };
        self.is_first = false;
        self.gathered.extend_from_slice(before);
        self.value(&name)?;
        self.gathered.extend_from_slice(b": ");
        Ok(())
    }

    fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.gathered, value)?;
        if self.gathered.len() >= CHUNK {
            self.file.write_all(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(())
    }
}
