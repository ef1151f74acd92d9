//! Secrets: where they come from, and for whom they are. Their values come from the environment
//! or from files, never from `framemill.toml` or flags.

use anyhow::{Context as _, bail, ensure};
use framemill_contract::Secret;
use framemill_runtime::{CredentialKind, HostCredential};
use serde::Deserialize;
use std::path::PathBuf;

/// `[[credentials]]` in `framemill.toml`: what the host adds to a component's requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSettings {
    /// `https://host[:port]`: requests there may be sent, and get the credential.
    pub host: String,
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
    pub(super) fn from_toml(value: toml::Value) -> anyhow::Result<Self> {
        let settings: Self = value
            .try_into()
            .map_err(|error: toml::de::Error| anyhow::anyhow!("{}", error.message()))
            .context("configuration `credentials`")?;
        let host = &settings.host;
        let needs_header = settings.kind == CredentialKind::Header;
        ensure!(
            needs_header == settings.header.is_some(),
            "configuration `credentials`: kind = \"header\" and header = \"NAME\" go together: {host}"
        );
        let sources = usize::from(settings.env.is_some()) + usize::from(settings.file.is_some());
        let wanted = usize::from(settings.kind != CredentialKind::Google);
        ensure!(
            sources == wanted,
            "configuration `credentials`: give one of env and file (none for kind = \"google\"): {host}"
        );
        Ok(settings)
    }

    /// With its secret.
    ///
    /// # Errors
    /// Naming the variable or file that is missing or empty.
    pub fn resolve(&self) -> anyhow::Result<HostCredential> {
        Ok(HostCredential {
            host: self.host.clone(),
            kind: self.kind,
            header: self.header.clone(),
            secret: self.secret()?,
        })
    }

    /// Reads the secret; `None` for kinds that have none.
    ///
    /// # Errors
    /// Naming the variable or file that is missing or empty.
    pub fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let (text, from) = match (&self.env, &self.file) {
            (Some(name), _) => (
                std::env::var(name).with_context(|| {
                    format!(
                        "environment variable {name} is not set: it holds the credential for {}",
                        self.host
                    )
                })?,
                format!("environment variable {name}"),
            ),
            (None, Some(path)) => (
                std::fs::read_to_string(path).with_context(|| {
                    format!(
                        "file with the credential for {} cannot be read: {}",
                        self.host,
                        path.display()
                    )
                })?,
                path.display().to_string(),
            ),
            (None, None) => return Ok(None),
        };
        let text = text.trim();
        if text.is_empty() {
            bail!("credential for {} is empty: {from}", self.host);
        }
        Ok(Some(Secret::from(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<CredentialSettings> {
        CredentialSettings::from_toml(toml::Value::Table(text.parse()?))
    }

    #[test]
    fn secrets_have_one_source_and_are_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let path = file.path().display();
        let settings = parse(&format!("host='https://h'\nkind='token'\nfile='{path}'")).unwrap();
        let secret = settings.secret().unwrap().unwrap();
        assert_eq!(secret.reveal(), "s3cret");
        assert_eq!(format!("{secret:?}"), "(secret)");
        std::fs::write(file.path(), " \n").unwrap();
        assert!(
            settings
                .secret()
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
        for (text, part) in [
            ("host='https://h'\nkind='token'", "one of env and file"),
            ("host='https://h'\nkind='google'\nenv='X'", "none for kind"),
            ("host='https://h'\nkind='header'\nenv='X'", "go together"),
            ("host='https://h'\nkind='token'\nvalue='x'", "unknown field"),
            ("host='https://h'\nkind='magic'\nenv='X'", "unknown variant"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{text}: {error:#}");
        }
    }
}
