//! Several things that are wrong: a person wants to mend all of them at once.

use std::fmt;

/// All that is in the way of a start.
#[derive(Debug)]
pub struct Problems(pub Vec<anyhow::Error>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|it| format!("{it:#}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
