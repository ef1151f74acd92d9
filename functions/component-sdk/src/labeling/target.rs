//! A labeling system, as a trait, and what can go wrong with it.

use framemill_contract::{ConfigError, LabelBatch, SentBatch};
use std::collections::HashMap;

/// A labeling system.
#[allow(async_fn_in_trait)]
pub trait Target {
    /// Most frames of a batch, whatever is configured.
    fn most(&self) -> usize {
        usize::MAX
    }

    /// The frames of this video that it has tasks for, by key, with the ids of the tasks. A
    /// target that cannot be asked gives none: then it must know what it gets twice by
    /// [`LabelBatch::idempotency_key`] or by the frames' keys.
    ///
    /// # Errors
    /// [`TargetError`]; never [`TargetError::Indeterminate`].
    async fn existing(&self, video: &str) -> Result<HashMap<String, String>, TargetError>;

    /// Makes tasks of all frames of a batch. `until` is when the last request may start, in
    /// seconds after 1970; [`Api::mutate`](super::Api::mutate) sees to it.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError>;
}

/// Why a target does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// A setting is wrong.
    Misconfigured(ConfigError),
    /// It passes; what was asked for was certainly not done.
    Transient {
        /// Status or connection error.
        reason: String,
        /// Seconds to wait, where it says.
        retry_after: Option<u64>,
    },
    /// It passes; no one knows whether it was done, or will be.
    Indeterminate {
        /// Status or connection error.
        reason: String,
    },
    /// It passes; no one knows whether it was done, and asking again for exactly this does no
    /// harm.
    Unanswered {
        /// Status or connection error.
        reason: String,
    },
    /// It will not do this, however often it is asked.
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
}

impl TargetError {
    /// It passes, with the usual wait.
    pub fn transient(reason: String) -> Self {
        Self::Transient {
            reason,
            retry_after: None,
        }
    }
}

/// A setting that the target does not accept.
pub fn misconfigured(key: &'static str, reason: String) -> TargetError {
    TargetError::Misconfigured(ConfigError::new(key, reason))
}
