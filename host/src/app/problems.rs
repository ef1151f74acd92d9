//! Several things that are wrong: a person wants to mend all of them at once.

use std::fmt;

/// All that is in the way of a start.
#[derive(Debug, Default)]
pub struct Problems(pub Vec<anyhow::Error>);

impl Problems {
    /// Takes up an error, or several, unless it says what one of these says.
    pub fn add(&mut self, error: anyhow::Error) {
        match error.downcast::<Self>() {
            Ok(Self(several)) => several.into_iter().for_each(|it| self.add(it)),
            Err(error) => {
                let words = format!("{error:#}");
                if !self.0.iter().any(|it| format!("{it:#}") == words) {
                    self.0.push(error);
                }
            }
        }
    }

    /// What it is, or `None` and one problem more.
    pub fn note<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// # Errors
    /// Itself, where there are any.
    pub fn none(self) -> Result<(), Self> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|it| format!("{it:#}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
