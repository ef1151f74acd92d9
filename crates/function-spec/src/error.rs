//! What can be wrong with a declaration, or with a value that is given for a key.

use std::borrow::Cow;
use thiserror::Error;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("configuration `{key}`: {reason}")]
pub struct ConfigError {
    /// The key, as it is called where a person sets it.
    pub key: Cow<'static, str>,
    /// Fact, limit, remedy.
    pub reason: String,
}

impl ConfigError {
    /// About this key.
    pub fn new(key: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            reason: reason.into(),
        }
    }
}

/// Why a declaration is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Not the TOML that a declaration is.
    #[error("not a function declaration: {0}")]
    Syntax(String),
    /// A template names a key that is not declared.
    #[error("`{template}` names `{key}`, which is no key of {function}")]
    UnknownKey {
        /// The function.
        function: String,
        /// The template.
        template: String,
        /// The name in it.
        key: String,
    },
    /// A record's name must hold `{{stem}}` once: it is what tells objects apart.
    #[error("record `{template}` of {function} does not hold {{stem}} once")]
    Stem {
        /// The function.
        function: String,
        /// The template.
        template: String,
    },
    /// A key is declared twice.
    #[error("key `{key}` of {function} is declared twice")]
    Twice {
        /// The function.
        function: String,
        /// The key.
        key: String,
    },
    /// The default of a key is no value of its type.
    #[error("default of `{key}`: `{default}` {reason}")]
    Default {
        /// The key.
        key: String,
        /// The default.
        default: String,
        /// What is wrong with it.
        reason: String,
    },
}
