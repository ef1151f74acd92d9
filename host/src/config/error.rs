//! What can be wrong with a configuration: which key, in which layer, and what is allowed.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As a flag.
    Flag(String),
    /// In the environment.
    Environment(String),
    /// In the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// Nowhere: a default, or a key that is missing.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, " (flag {flag})"),
            Self::Environment(name) => write!(f, " (environment variable {name})"),
            Self::File { path, line } => write!(f, " (line {line} of {})", path.display()),
            Self::Nowhere => Ok(()),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("configuration `{key}`: {reason}{origin}")]
pub struct SettingError {
    /// The key, with its table: `labeling.project`.
    pub key: String,
    /// Where its value was given.
    pub origin: Origin,
    /// The value, unless it is secret, what is allowed, what to do.
    pub reason: String,
}

impl SettingError {
    /// About a key that is given nowhere.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            origin: Origin::Nowhere,
            reason: reason.into(),
        }
    }
}

/// All that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct SettingErrors(pub Vec<SettingError>);

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl From<SettingError> for SettingErrors {
    fn from(error: SettingError) -> Self {
        Self(vec![error])
    }
}
