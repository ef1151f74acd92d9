//! Secrets: where they come from, and for whom they are. Their values come from the environment
//! or from files, never from `framemill.toml` or flags.

use anyhow::{Context as _, bail};
use framemill_function_spec::{CredentialKind, CredentialMethod};
use framemill_runtime::{HostCredential, server_of};
use serde::Deserialize;
use std::path::PathBuf;

/// `[[pipeline.credentials]]` and `[[labeling.credentials]]` in `framemill.toml`: what the host
/// adds to requests of this pipeline's component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSettings {
    /// `https://host[:port][/path]`: requests to this server, at or below this path, get it.
    pub url: String,
    /// Their methods.
    #[serde(default = "CredentialMethod::usual")]
    pub methods: Vec<CredentialMethod>,
    /// How.
    pub kind: CredentialKind,
    /// Name of the header, for kind `header`.
    pub header: Option<String>,
    /// Environment variable that holds the secret.
    pub env: Option<String>,
    /// File that holds the secret.
    pub file: Option<PathBuf>,
}

impl CredentialSettings {
    /// Whether it fits together.
    pub(super) fn check(&self) -> Result<(), String> {
        // Not shown: its path may hold a secret, as that of a webhook does.
        let (url, server) = (&self.url, server_of(&self.url));
        let authority = url.split('/').nth(2).unwrap_or_default();
        if authority.contains('@') {
            // Not shown: it may hold a password.
            return Err("url holds a user name: name the secret by env or file instead".to_owned());
        }
        if (self.kind == CredentialKind::Header) != self.header.is_some() {
            return Err(format!(
                "kind = \"header\" and header = \"NAME\" go together: {server}"
            ));
        }
        let is_google = self.kind == CredentialKind::Google;
        let sources = usize::from(self.env.is_some()) + usize::from(self.file.is_some());
        if sources != usize::from(!is_google) {
            return Err(format!(
                "give one of env and file (none for kind = \"google\"): {server}"
            ));
        }
        if is_google && !url.starts_with("https://") {
            return Err(format!("kind = \"google\" is for https:// alone: {server}"));
        }
        if self.methods.is_empty() {
            return Err(format!(
                "methods are empty, so no request gets it: {server}"
            ));
        }
        Ok(())
    }

    /// With its secret.
    ///
    /// # Errors
    /// Naming the variable or file that is missing or empty.
    pub fn resolve(&self) -> anyhow::Result<HostCredential> {
        let secret = Secret {
            env: self.env.clone(),
            file: self.file.clone(),
            optional: false,
        };
        Ok(HostCredential {
            url: self.url.clone(),
            exact: false,
            methods: self.methods.clone(),
            kind: self.kind,
            header: self.header.clone(),
            secret: secret.read(&server_of(&self.url))?,
        })
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Environment variable.
    pub env: Option<String>,
    /// File.
    pub file: Option<PathBuf>,
    /// Whether nothing is sent where there is none.
    pub optional: bool,
}

impl Secret {
    /// Whether there is none, and need not be one.
    pub(super) fn is_left_out(&self) -> bool {
        let is_set = |name: &String| std::env::var(name).is_ok_and(|text| !text.trim().is_empty());
        self.optional && self.file.is_none() && !self.env.as_ref().is_some_and(is_set)
    }

    /// Reads it; `None` where it is nowhere, as for kinds that have none.
    pub(super) fn read(&self, host: &str) -> anyhow::Result<Option<framemill_contract::Secret>> {
        let (text, from) = match (&self.env, &self.file) {
            (Some(name), _) => (
                std::env::var(name).ok().with_context(|| {
                    format!(
                        "environment variable {name} is not set: it holds the credential for {host}"
                    )
                })?,
                format!("environment variable {name}"),
            ),
            (None, Some(path)) => (
                std::fs::read_to_string(path).with_context(|| {
                    format!(
                        "file with the credential for {host} cannot be read: {}",
                        path.display()
                    )
                })?,
                path.display().to_string(),
            ),
            (None, None) => return Ok(None),
        };
        let text = text.trim();
        if text.is_empty() {
            bail!("credential for {host} is empty: {from}");
        }
        Ok(Some(framemill_contract::Secret::from(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CredentialSettings, String> {
        let settings: CredentialSettings =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn secrets_have_one_source_and_are_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let path = file.path().display();
        let settings = parse(&format!("url='https://h'\nkind='token'\nfile='{path}'")).unwrap();
        let secret = settings.resolve().unwrap().secret.unwrap();
        assert_eq!(secret.reveal(), "s3cret");
        assert_eq!(format!("{secret:?}"), "(secret)");
        std::fs::write(file.path(), " \n").unwrap();
        assert!(
            settings
                .resolve()
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
        for (text, part) in [
            ("url='https://h'\nkind='token'", "one of env and file"),
            ("url='https://h'\nkind='google'\nenv='X'", "none for kind"),
            ("url='https://h'\nkind='header'\nenv='X'", "go together"),
            ("url='https://h'\nkind='token'\nvalue='x'", "unknown field"),
            ("url='https://h'\nkind='magic'\nenv='X'", "unknown variant"),
            ("host='https://h'\nkind='token'\nenv='X'", "`url`"),
            ("url='http://h'\nkind='google'", "https:// alone"),
            (
                "url='https://u:p@h'\nkind='token'\nenv='X'",
                "holds a user name: name",
            ),
            (
                "url='https://h'\nkind='token'\nenv='X'\nmethods=[]",
                "methods are empty",
            ),
            (
                "url='https://h'\nkind='token'\nenv='X'\nmethods=['TRACE']",
                "unknown variant `TRACE`",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
