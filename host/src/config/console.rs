//! Who sees the console.

use super::credentials::Secret;
use std::path::PathBuf;

/// The variable that holds its token.
pub(super) const TOKEN: &str = "FRAMEMILL_CONSOLE_TOKEN";

/// Who sees the console, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// File with its token.
    pub token_file: Option<PathBuf>,
    /// Header of a proxy that knows who is asking.
    pub identity_header: Option<String>,
}

impl ConsoleSettings {
    /// Its token, where there is one.
    ///
    /// # Errors
    /// Where the file cannot be read, or nothing is in it.
    pub fn token(&self) -> anyhow::Result<Option<framemill_contract::Secret>> {
        let secret = Secret {
            env: self.token_file.is_none().then(|| TOKEN.to_owned()),
            file: self.token_file.clone(),
            optional: true,
        };
        match secret.is_left_out() {
            true => Ok(None),
            false => secret.read("the console"),
        }
    }
}
