//! What `framemill check` reports.

use crate::text::Printable;
use serde::Serialize;
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Works, but not as a person would want it.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at: a setting, a bucket, a subscription.
    pub subject: String,
    /// What was seen.
    pub fact: String,
    /// What to do about it; a command where there is one. Empty where all is well.
    pub remedy: String,
}

impl Finding {
    /// All is well.
    pub fn good(subject: impl Into<String>, fact: impl Into<String>) -> Self {
        Self {
            severity: Severity::Good,
            subject: subject.into(),
            fact: fact.into(),
            remedy: String::new(),
        }
    }

    /// Works, but is not as it should be.
    pub fn warning(
        subject: impl Into<String>,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            remedy: remedy.into(),
            ..Self::good(subject, fact)
        }
    }

    /// Does not work.
    pub fn error(
        subject: impl Into<String>,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            remedy: remedy.into(),
            ..Self::good(subject, fact)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Good => "ok     ",
            Severity::Warning => "warning",
            Severity::Error => "error  ",
        };
        write!(
            f,
            "{mark} {}: {}",
            Printable(&self.subject),
            Printable(&self.fact)
        )?;
        if !self.remedy.is_empty() {
            write!(f, "\n        → {}", Printable(&self.remedy))?;
        }
        Ok(())
    }
}
