//! `framemill.toml`, read but not interpreted: text by key, with the line of each.

use super::credentials::CredentialSettings;
use super::error::{Origin, SettingError, SettingErrors};
use super::layers::{FileTable, named};
use super::pipelines::PipelineSettings;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Name of the file where none is named.
pub(super) const STANDARD: &str = "framemill.toml";

/// A configuration file.
#[derive(Default)]
pub(super) struct File {
    /// Keys at the top.
    pub(super) top: FileTable,
    /// Tables by name.
    pub(super) tables: BTreeMap<String, FileTable>,
    /// `[[TABLE.credentials]]` of the functions, by table.
    pub(super) credentials: BTreeMap<String, Vec<CredentialSettings>>,
    /// `[[pipeline]]`.
    pub(super) pipelines: Vec<PipelineSettings>,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// The text of the file that is named, or of the standard one where it is there.
pub(super) fn text(path: Option<&Path>) -> Result<(PathBuf, Option<String>), SettingErrors> {
    let standard = Path::new(STANDARD);
    let named = path.or_else(|| standard.is_file().then_some(standard));
    let Some(path) = named else {
        return Ok((PathBuf::from(STANDARD), None));
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_owned(), Some(text))),
        Err(error) => {
            let reason = format!("file cannot be read ({error}): {}", path.display());
            Err(SettingError::new("config", reason).into())
        }
    }
}

impl File {
    /// From the file's text. Keys are not looked at yet.
    ///
    /// # Errors
    /// Where it is not TOML, or a value is none that a key can have.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, SettingErrors> {
        let parsed = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            SettingErrors::from(SettingError {
                key: "config".to_owned(),
                origin: Origin::File {
                    path: path.to_owned(),
                    line,
                },
                reason: format!("not TOML: {}", error.message()),
            })
        })?;
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let mut errors = Vec::new();
        for (name, value) in parsed.get_ref() {
            if let Err(error) = file.take(text, name.get_ref(), value) {
                errors.extend(error.0);
            }
        }
        super::layers::all_well(file, errors)
    }

    /// An error about a key in this file.
    pub(super) fn error(&self, key: &str, line: usize, reason: String) -> SettingError {
        let path = self.path.clone();
        SettingError {
            key: key.to_owned(),
            origin: Origin::File { path, line },
            reason,
        }
    }

    fn take(
        &mut self,
        text: &str,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), SettingErrors> {
        let start = value.span().start;
        match (name, value.get_ref()) {
            ("pipeline", DeValue::Array(items)) => {
                for item in items.iter() {
                    let read = array_item(item).and_then(PipelineSettings::checked);
                    let read = read
                        .map_err(|reason| at(text, &self.path, name, item.span().start, reason))?;
                    self.pipelines.push(read);
                }
                Ok(())
            }
            ("pipeline", _) => {
                let reason = "is a list of tables: [[pipeline]]".to_owned();
                Err(at(text, &self.path, name, start, reason).into())
            }
            ("credentials", _) => {
                let reason = "is not for all pipelines: write [[pipeline.credentials]] below the [[pipeline]] that is to have it, or [[labeling.credentials]]".to_owned();
                Err(at(text, &self.path, name, start, reason).into())
            }
            (_, DeValue::Table(table)) => {
                let mut read = FileTable::new();
                for (key, value) in table {
                    let start = value.span().start;
                    if let ("credentials", DeValue::Array(items)) =
                        (key.get_ref().as_ref(), value.get_ref())
                    {
                        self.credentials(text, name, items)?;
                        continue;
                    }
                    let text_of = plain(value.get_ref()).map_err(|reason| {
                        at(text, &self.path, &named(name, key.get_ref()), start, reason)
                    })?;
                    read.insert(key.get_ref().to_string(), (text_of, line_of(text, start)));
                }
                self.tables.insert(name.to_owned(), read);
                Ok(())
            }
            (_, other) => {
                let text_of =
                    plain(other).map_err(|reason| at(text, &self.path, name, start, reason))?;
                self.top
                    .insert(name.to_owned(), (text_of, line_of(text, start)));
                Ok(())
            }
        }
    }

    /// `[[TABLE.credentials]]`.
    fn credentials(
        &mut self,
        text: &str,
        table: &str,
        items: &[Spanned<DeValue<'_>>],
    ) -> Result<(), SettingErrors> {
        for item in items {
            let read = array_item(item).and_then(|read: CredentialSettings| {
                read.check()?;
                Ok(read)
            });
            let read = read.map_err(|reason| {
                let key = named(table, "credentials");
                at(text, &self.path, &key, item.span().start, reason)
            })?;
            self.credentials
                .entry(table.to_owned())
                .or_default()
                .push(read);
        }
        Ok(())
    }
}

/// An error at a place in the file.
fn at(text: &str, path: &Path, key: &str, start: usize, reason: String) -> SettingError {
    SettingError {
        key: key.to_owned(),
        origin: Origin::File {
            path: path.to_owned(),
            line: line_of(text, start),
        },
        reason,
    }
}

/// An item of a list of tables.
fn array_item<T: DeserializeOwned>(item: &Spanned<DeValue<'_>>) -> Result<T, String> {
    T::deserialize(item.clone().into_deserializer()).map_err(|error| error.message().to_owned())
}

/// Line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}

/// A value as the text that a variable would hold.
fn plain(value: &DeValue<'_>) -> Result<String, String> {
    Ok(match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Array(values) => {
            let values: Result<Vec<_>, _> =
                values.iter().map(|value| plain(value.get_ref())).collect();
            values?.join(",")
        }
        other => {
            let kind = other.type_str();
            return Err(format!("is a {kind}, not a string, number, flag or list"));
        }
    })
}
