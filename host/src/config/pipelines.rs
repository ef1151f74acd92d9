//! `[[pipeline]]`: a component of the user's, described as framemill's own functions are.

use super::credentials::CredentialSettings;
use super::layers::Layer;
use framemill_function_spec::{FunctionSpec, HostSpec, TriggerSpec};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Stands for every object of a bucket, where prefixes are named.
const WHOLE_BUCKET: &str = "*";

/// `[[pipeline]]`: a component that works on other objects than ours do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSettings {
    /// How it is called in logs.
    pub name: String,
    /// Its `function.toml`, which says all that follows here but source, store and variables.
    pub function: Option<PathBuf>,
    /// Component: a name in the components folder, or a path.
    pub component: Option<String>,
    /// Objects whose names start so make it run.
    #[serde(default)]
    pub prefix: String,
    /// And end so.
    #[serde(default)]
    pub suffix: String,
    /// Where its messages come from; the common source where none is named.
    pub source: Option<String>,
    /// Its bucket; the common store where none is named.
    pub store: Option<String>,
    /// Prefixes that it may read; its `prefix` where none is named. `*` is the whole bucket.
    #[serde(default)]
    pub read: Vec<String>,
    /// Prefixes that it may write.
    #[serde(default)]
    pub write: Vec<String>,
    /// Servers that it may reach, as in Spin's `allowed_outbound_hosts`: `https://host[:port]`,
    /// `https://*.example.com`, `http://10.0.0.0/8:8000..9000`, … A wildcard reaches no private
    /// network.
    #[serde(default)]
    pub allow: Vec<String>,
    /// What the host adds to its requests to some of them.
    #[serde(default)]
    pub credentials: Vec<CredentialSettings>,
    /// Its variables.
    #[serde(default)]
    variables: BTreeMap<String, toml::Value>,
}

impl PipelineSettings {
    /// As it is, if it fits together.
    pub(super) fn checked(self) -> Result<Self, String> {
        let name = &self.name;
        for credential in &self.credentials {
            credential
                .check()
                .map_err(|reason| format!("credentials: {reason}: {name}"))?;
        }
        if self.function.is_some() {
            let stands_there = self.component.is_some()
                || !(self.prefix.is_empty() && self.suffix.is_empty())
                || !(self.read.is_empty() && self.write.is_empty() && self.allow.is_empty());
            return match stands_there {
                true => Err(format!(
                    "component, prefix, suffix, read, write and allow stand in the file that `function` names: {name}"
                )),
                false => Ok(self),
            };
        }
        if self.component.is_none() {
            return Err(format!("name its component, or its function.toml: {name}"));
        }
        if self.prefix.is_empty() && self.suffix.is_empty() {
            return Err(format!(
                "give a prefix or a suffix, or each object starts it, its own output too: {name}"
            ));
        }
        if self.prefix.is_empty() && self.read.is_empty() {
            return Err(format!(
                "has no prefix, so name in `read` what it may read (read = [\"{WHOLE_BUCKET}\"] is the whole bucket): {name}"
            ));
        }
        for prefixes in [&self.read, &self.write] {
            name_the_whole_bucket(&mut prefixes.clone())
                .map_err(|reason| format!("{reason}: {name}"))?;
        }
        let own_output = self.write.iter().any(|write| {
            write == WHOLE_BUCKET
                || write.starts_with(&self.prefix)
                || self.prefix.starts_with(write.as_str())
        });
        if own_output && self.suffix.is_empty() {
            return Err(format!(
                "writes where its prefix starts it again: choose another prefix, or name a suffix: {name}"
            ));
        }
        self.given().map(|_| self)
    }

    /// What it is, as a declaration: the one that `function` names, or these settings.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no declaration.
    pub(super) fn spec(&self) -> Result<FunctionSpec, String> {
        let Some(path) = &self.function else {
            return Ok(self.as_spec());
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot be read ({error}): {}", path.display()))?;
        let mut spec =
            FunctionSpec::parse(&text).map_err(|error| format!("{error}: {}", path.display()))?;
        spec.name.clone_from(&self.name);
        Ok(spec)
    }

    fn as_spec(&self) -> FunctionSpec {
        let read = match self.read.as_slice() {
            [] => vec![self.prefix.clone()],
            read => read.to_vec(),
        };
        let host = |url: &String| HostSpec {
            when: BTreeMap::new(),
            url: url.clone(),
            pattern: true,
            path: None,
            credential: None,
            probe: None,
            not_found: String::new(),
        };
        FunctionSpec {
            name: self.name.clone(),
            component: self.component.clone().unwrap_or_default(),
            about: String::new(),
            table: String::new(),
            plain_environment: false,
            enabled_by: None,
            webhook_secret: None,
            route: None,
            webhook_route: None,
            size_budget: None,
            trigger: TriggerSpec {
                prefix: self.prefix.clone(),
                suffix: self.suffix.clone(),
                ..TriggerSpec::default()
            },
            read,
            write: self.write.clone(),
            hosts: self.allow.iter().map(host).collect(),
            records: None,
            keys: Vec::new(),
        }
    }

    /// What is given for its keys, or what it can read where it has none.
    pub(super) fn given(&self) -> Result<Layer, String> {
        let text = |(name, value): (&String, &toml::Value)| {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                other => {
                    let kind = other.type_str();
                    return Err(format!(
                        "variable `{name}` is a {kind}, not a string, number or flag: {}",
                        self.name
                    ));
                }
            };
            Ok((name.clone(), text))
        };
        self.variables.iter().map(text).collect()
    }
}

/// Makes the empty prefix of the `*` that stands for it. The empty one itself, which a key that
/// is not set may leave, is refused: nobody gets a whole bucket by accident.
pub(super) fn name_the_whole_bucket(prefixes: &mut [String]) -> Result<(), String> {
    for prefix in prefixes {
        match prefix.as_str() {
            "" => {
                return Err(format!(
                    "an empty prefix in `read` or `write` is the whole bucket: name a prefix, or write \"{WHOLE_BUCKET}\" where that is meant"
                ));
            }
            WHOLE_BUCKET => prefix.clear(),
            _ => {}
        }
    }
    Ok(())
}
