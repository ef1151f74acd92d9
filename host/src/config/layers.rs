//! Flags before environment before file before defaults.

use super::error::{Origin, SettingError, SettingErrors};
use framemill_function_spec::{Key, KeyType};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Text by key.
pub type Layer = BTreeMap<String, String>;

/// A table of the configuration file: text by key, with the line.
pub(super) type FileTable = BTreeMap<String, (String, usize)>;

/// What is given for the keys of one table, in three layers.
pub(super) struct Layers<'a> {
    /// The table, for messages; empty is the top.
    pub(super) table: &'a str,
    /// By key.
    pub(super) flags: Option<&'a Layer>,
    /// By name of a variable.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// How the names of variables begin.
    pub(super) variables: String,
    /// The table of the file.
    pub(super) file: Option<&'a FileTable>,
    /// The file.
    pub(super) path: &'a Path,
}

/// What is given for some keys, checked, and where.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) values: Layer,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Given {
    /// An error about one of the keys.
    pub(super) fn error(&self, table: &str, key: &str, reason: impl Into<String>) -> SettingError {
        SettingError {
            key: named(table, key),
            origin: self.origins.get(key).cloned().unwrap_or(Origin::Nowhere),
            reason: reason.into(),
        }
    }
}

/// A key with its table.
pub(super) fn named(table: &str, key: &str) -> String {
    match table {
        "" => key.to_owned(),
        table => format!("{table}.{key}"),
    }
}

impl Layers<'_> {
    fn flag(&self, key: &str) -> Option<(String, Origin)> {
        let text = self.flags?.get(key)?.clone();
        let flag = format!("--{}", key.replace('_', "-"));
        Some((text, Origin::Flag(flag)))
    }

    fn variable(&self, key: &str) -> Option<(String, Origin)> {
        let name = format!("{}{}", self.variables, key.to_ascii_uppercase());
        Some(((self.environment)(&name)?, Origin::Environment(name)))
    }

    fn file(&self, key: &str) -> Option<(String, Origin)> {
        let (text, line) = self.file?.get(key)?.clone();
        let path = PathBuf::from(self.path);
        Some((text, Origin::File { path, line }))
    }

    /// What each layer says of a key; empty text is "not set".
    fn of(&self, key: &str) -> [Option<(String, Origin)>; 3] {
        [self.flag(key), self.variable(key), self.file(key)]
            .map(|given| given.filter(|(text, _)| !text.trim().is_empty()))
    }

    /// The layer that decides on a group of keys: the first that sets one of them.
    fn decides(&self, keys: &[Key], group: &str) -> Option<usize> {
        let members: Vec<&Key> = keys
            .iter()
            .filter(|key| key.group.as_deref() == Some(group))
            .collect();
        let sets = |layer: &usize| {
            let in_layer = |key: &&Key| self.of(&key.name).get(*layer).is_some_and(Option::is_some);
            members.iter().any(in_layer)
        };
        (0..3).find(sets)
    }

    /// The first of the group's keys that the layer chooses, where `key` is another: a group is one
    /// choice, and nobody knows which of two was meant.
    fn chosen_before<'k>(&self, keys: &'k [Key], key: &Key, layer: usize) -> Option<&'k Key> {
        let group = key.group.as_deref()?;
        let is_chosen = |key: &&Key| {
            let given = self.of(&key.name).into_iter().nth(layer).flatten();
            // A switch that is off chooses nothing.
            given.is_some_and(|(text, _)| !(key.kind == KeyType::Boolean && text == "false"))
        };
        let members = keys
            .iter()
            .filter(|key| key.group.as_deref() == Some(group));
        let chosen: Vec<&Key> = members.filter(is_chosen).collect();
        let first = chosen.first().filter(|first| first.name != key.name)?;
        chosen
            .iter()
            .any(|there| there.name == key.name)
            .then_some(*first)
    }

    /// What is given for these keys, each checked by its type.
    pub(super) fn read(&self, keys: &[Key], errors: &mut Vec<SettingError>) -> Given {
        let mut given = Given::default();
        // Secrets stay with the host: they are no values of a component.
        let settable = |key: &&Key| !key.internal && !key.secret && key.from.is_none();
        for key in keys.iter().filter(settable) {
            let mut layers = self.of(&key.name);
            let mut before = None;
            if let Some(group) = &key.group
                && let Some(layer) = self.decides(keys, group)
            {
                before = self.chosen_before(keys, key, layer);
                // The group is one choice: what lower layers say of its other keys is hidden.
                for (number, other) in layers.iter_mut().enumerate() {
                    if number != layer {
                        *other = None;
                    }
                }
            }
            let Some((text, origin)) = layers.into_iter().flatten().next() else {
                continue;
            };
            given.origins.insert(key.name.clone(), origin);
            if let Some(before) = before {
                let reason = format!(
                    "{} is given there too, and they are one choice: leave one of them out",
                    named(self.table, &before.name)
                );
                errors.push(given.error(self.table, &key.name, reason));
                continue;
            }
            match key.check(&text) {
                Ok(()) => {
                    given.values.insert(key.name.clone(), text);
                }
                Err(reason) => errors.push(given.error(self.table, &key.name, reason)),
            }
        }
        given
    }
}

/// Fails with what was found, if anything was.
pub(super) fn all_well<T>(value: T, errors: Vec<SettingError>) -> Result<T, SettingErrors> {
    match errors.as_slice() {
        [] => Ok(value),
        _ => Err(SettingErrors(errors)),
    }
}
