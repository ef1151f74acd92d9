//! AWS's profile files: `object_store` reads variables only.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use std::collections::HashMap;
use std::path::PathBuf;

/// Settings of a profile file, each with its key in `object_store`.
const SETTINGS: [(&str, AmazonS3ConfigKey); 5] = [
    ("aws_access_key_id", AmazonS3ConfigKey::AccessKeyId),
    ("aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey),
    ("aws_session_token", AmazonS3ConfigKey::Token),
    ("region", AmazonS3ConfigKey::Region),
    ("endpoint_url", AmazonS3ConfigKey::Endpoint),
];

/// The chosen profile's settings.
#[derive(Default)]
pub(super) struct Profile(HashMap<String, String>);

impl Profile {
    /// From `~/.aws/config` and `~/.aws/credentials`, or the files that `AWS_CONFIG_FILE` and
    /// `AWS_SHARED_CREDENTIALS_FILE` name; the profile is `AWS_PROFILE`'s.
    pub(super) fn load() -> Self {
        let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
        let mut settings = HashMap::new();
        for (variable, name) in [
            ("AWS_CONFIG_FILE", "config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ] {
            let usual = std::env::home_dir().map(|home| home.join(".aws").join(name));
            let path = std::env::var_os(variable).map(PathBuf::from).or(usual);
            let text = path.and_then(|path| std::fs::read_to_string(path).ok());
            settings.extend(section(&text.unwrap_or_default(), &profile));
        }
        Self(settings)
    }

    /// Sets what the environment has not set. Keys are taken all or not at all: one account's
    /// secret does not fit another's key.
    pub(super) fn apply(self, mut builder: AmazonS3Builder) -> AmazonS3Builder {
        let has_key = builder
            .get_config_value(&AmazonS3ConfigKey::AccessKeyId)
            .is_some();
        for (name, key) in SETTINGS {
            let is_credential = name.starts_with("aws_");
            let taken = builder.get_config_value(&key).is_some() || (is_credential && has_key);
            if let Some(value) = self.0.get(name).filter(|_| !taken) {
                builder = builder.with_config(key, value);
            }
        }
        builder
    }
}

/// Settings of `[name]` or `[profile name]`.
fn section(text: &str, profile: &str) -> HashMap<String, String> {
    let mut inside = false;
    let mut settings = HashMap::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(title) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let title = title.trim();
            inside = title.strip_prefix("profile ").unwrap_or(title).trim() == profile;
        } else if let (true, Some((name, value))) = (inside, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            settings.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[default]\naws_access_key_id = A\n# region = no\nregion=eu-west-1\n\n[profile work]\naws_access_key_id=B\naws_secret_access_key = s=+/ \n";

    #[test]
    fn one_section_is_read() {
        let default = section(FILE, "default");
        assert_eq!(default.len(), 2);
        assert_eq!(default["region"], "eu-west-1");
        let work = section(FILE, "work");
        assert_eq!(work["aws_access_key_id"], "B");
        assert_eq!(work["aws_secret_access_key"], "s=+/");
        assert!(section(FILE, "other").is_empty());
    }

    #[test]
    fn the_environment_comes_first() {
        let own = AmazonS3Builder::new()
            .with_access_key_id("E")
            .with_region("r");
        let builder = Profile(section(FILE, "work")).apply(own);
        let get = |key| builder.get_config_value(&key);
        assert_eq!(get(AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("E"));
        assert_eq!(get(AmazonS3ConfigKey::SecretAccessKey), None);
        assert_eq!(get(AmazonS3ConfigKey::Region).as_deref(), Some("r"));
    }
}
