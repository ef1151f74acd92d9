//! The configuration of collect-annotations as types; its keys are declared in the function's
//! `function.toml`.

use crate::config::{Declared, as_set, declared};
use crate::{LabelConfig, Secret};
use framemill_function_spec::{ConfigError, FunctionSpec, Values};
use std::sync::LazyLock;

static SPEC: Declared<FunctionSpec> = LazyLock::new(|| {
    FunctionSpec::parse(include_str!(
        "../../../functions/collect-annotations/function.toml"
    ))
});

/// The whole configuration of collect-annotations, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectConfig {
    /// Who labels, and where things lie.
    pub labeling: LabelConfig,
    /// What senders of webhooks prove themselves with, where the host does not check it.
    pub webhook_secret: Option<Secret>,
    /// Where current annotations are mirrored to; `None` is nowhere.
    pub firestore: Option<FirestoreConfig>,
    /// Whether framemill's host runs the component: what keys are called depends on it.
    on_framemill: bool,
}

/// A collection of a Firestore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirestoreConfig {
    /// Its API, without trailing slash.
    pub url: String,
    /// `projects/PROJECT/databases/DATABASE`.
    pub database: String,
    /// Name of the collection.
    pub collection: String,
}

impl FirestoreConfig {
    /// Name of the resource that the collection's documents are below.
    pub fn documents(&self) -> String {
        format!("{}/documents/{}", self.database, self.collection)
    }

    /// Where a call on all documents goes: `batchGet` or `commit`.
    pub fn call(&self, method: &str) -> String {
        format!("{}/v1/{}/documents:{method}", self.url, self.database)
    }
}

impl CollectConfig {
    /// Reads and checks all keys. `lookup` gives the text of a key, or `None`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first key that is wrong or missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let labeling = LabelConfig::from_lookup(&lookup)?;
        Self::with_labeling(labeling, &lookup)
    }

    /// Reads and checks all keys where a component runs: errors name what a person sets there.
    ///
    /// # Errors
    /// As [`CollectConfig::from_lookup`].
    pub fn of_component(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let labeling = LabelConfig::of_component(&lookup)?;
        let on_framemill = lookup("host").as_deref() == Some("framemill");
        Self::with_labeling(labeling, &lookup).map_err(|error| as_set(&SPEC, error, on_framemill))
    }

    fn with_labeling(
        labeling: LabelConfig,
        lookup: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let keys = Values::new(&declared(&SPEC)?.keys, lookup);
        Ok(Self {
            labeling,
            webhook_secret: keys.text("webhook_secret").map(Secret::from),
            firestore: firestore(&keys)?,
            on_framemill: lookup("host").as_deref() == Some("framemill"),
        })
    }

    /// An error about a key of collect-annotations with the name that the key has where a person sets
    /// it.
    pub fn as_set(&self, error: ConfigError) -> ConfigError {
        as_set(&SPEC, error, self.on_framemill)
    }
}

fn firestore<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<Option<FirestoreConfig>, ConfigError> {
    let Some(database) = keys.text("firestore") else {
        return Ok(None);
    };
    let parts: Vec<&str> = database.split('/').collect();
    let is_database = matches!(
        parts.as_slice(),
        ["projects", project, "databases", name] if is_id(project) && is_id(name)
    );
    if !is_database {
        let reason = format!("`{database}` is not projects/PROJECT/databases/DATABASE");
        return Err(ConfigError::new("firestore", reason));
    }
    let collection = keys.text("firestore_collection").unwrap_or_default();
    if !is_id(&collection) {
        let reason =
            format!("`{collection}` is not the name of a collection: letters, digits, -_.");
        return Err(ConfigError::new("firestore_collection", reason));
    }
    Ok(Some(FirestoreConfig {
        url: keys.url("firestore_url")?,
        database,
        collection,
    }))
}

/// Names that are in paths as they are. `(default)` is the usual database; projects of domains have a
/// colon.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:()".contains(&byte);
    !matches!(text, "" | "." | "..") && text.len() <= 100 && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(given: &[(&str, &str)]) -> Result<CollectConfig, ConfigError> {
        CollectConfig::of_component(|key| {
            let found = given.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn a_mirror_is_named_by_its_database() {
        assert_eq!(config(&[]).unwrap().firestore, None);
        let firestore = config(&[("firestore", "projects/p-1/databases/(default)")]);
        let firestore = firestore.unwrap().firestore.unwrap();
        assert_eq!(
            firestore.documents(),
            "projects/p-1/databases/(default)/documents/frames"
        );
        assert_eq!(
            firestore.call("commit"),
            "https://firestore.googleapis.com/v1/projects/p-1/databases/(default)/documents:commit"
        );
    }

    #[test]
    fn what_is_wrong_is_named_as_it_is_set() {
        let database = ("firestore", "projects/p/databases/d");
        for (given, key) in [
            (vec![("firestore", "p")], "annotations_firestore"),
            (
                vec![("firestore", "projects/../databases/d")],
                "annotations_firestore",
            ),
            (
                vec![database, ("firestore_collection", "a/b")],
                "annotations_firestore_collection",
            ),
            (
                vec![("firestore", "p"), ("host", "framemill")],
                "annotations.firestore",
            ),
        ] {
            assert_eq!(config(&given).unwrap_err().key, key, "{given:?}");
        }
    }
}
