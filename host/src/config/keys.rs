//! The keys of the host itself, and all that commands have flags for.

use crate::functions::builtins;
use framemill_function_spec::{Key, Keys, SpecError};
use std::sync::LazyLock;

static HOST: LazyLock<Result<Keys, SpecError>> =
    LazyLock::new(|| Keys::parse(include_str!("../../host.toml")));

/// Every key of the host itself, in the order in which they are documented.
///
/// # Errors
/// Where their declaration is none, which the tests would have shown.
pub fn host_keys() -> Result<&'static [Key], &'static SpecError> {
    HOST.as_ref().map(|keys| keys.keys.as_slice())
}

/// A table of the host's own in `framemill.toml`.
pub(super) struct HostTable {
    /// Its name.
    pub(super) name: &'static str,
    /// Its keys, in the order in which they are documented.
    pub(super) keys: Vec<Key>,
}

impl HostTable {
    fn parse(name: &'static str, text: &str) -> Result<Self, SpecError> {
        let Keys { keys, .. } = Keys::parse(text)?;
        Ok(Self { name, keys })
    }

    /// The variable of the environment for a key.
    pub(super) fn variable(&self, key: &str) -> String {
        format!("FRAMEMILL_{}_{key}", self.name).to_ascii_uppercase()
    }
}

static WAREHOUSE: LazyLock<Result<HostTable, SpecError>> =
    LazyLock::new(|| HostTable::parse("warehouse", include_str!("../../warehouse.toml")));

/// The tables of the host's own.
pub(super) fn host_tables() -> impl Iterator<Item = &'static HostTable> {
    [&WAREHOUSE]
        .into_iter()
        .filter_map(|table| table.as_ref().ok())
}

/// `[warehouse]`.
///
/// # Errors
/// As [`host_keys`].
pub(super) fn warehouse_table() -> Result<&'static HostTable, &'static SpecError> {
    WAREHOUSE.as_ref()
}

/// Commands that run the first function on videos, and so have flags for its keys.
const RUN_IT: [&str; 3] = ["up", "extract", "inspect"];

/// The keys that a command has flags for: those of the host, then those of functions.
pub fn flags_of(command: &str) -> impl Iterator<Item = (&'static Key, bool)> {
    let named = move |key: &&Key| key.commands.iter().any(|name| name == command);
    let of_host = host_keys().unwrap_or_default().iter().filter(named);
    let functions = builtins().map_or(&[][..], Vec::as_slice);
    let of_functions = functions
        .iter()
        .filter(|(spec, _)| spec.plain_environment)
        .flat_map(|(spec, _)| &spec.keys)
        .filter(|key| !(key.no_flag || key.internal || key.secret))
        .filter(move |key| match key.commands.as_slice() {
            [] => RUN_IT.contains(&command),
            _ => named(key),
        });
    of_host
        .map(|key| (key, false))
        .chain(of_functions.map(|key| (key, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_host_are_declared_once_and_are_no_functions() {
        let host = host_keys().unwrap();
        for (spec, _) in builtins().unwrap() {
            assert!(
                host.iter().all(|key| spec.key(&key.name).is_none()),
                "{}",
                spec.name
            );
        }
    }
}
