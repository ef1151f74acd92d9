//! Where a component runs, and what it then has to do by itself.
//!
//! framemill's host takes messages from queues that it trusts and adds credentials outside the
//! sandbox. Under Spin a component stands alone: it must prove that a message is Google's
//! and bring its own credentials.

use crate::config::{Declared, declared};
use crate::label::Secret;
use framemill_function_spec::{ConfigError, Keys, Values};
use std::sync::LazyLock;

pub(crate) static KEYS: Declared<Keys> = LazyLock::new(|| {
    Keys::parse(include_str!(
        "../../../functions/component-sdk/platform.toml"
    ))
});

/// Where a component runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// In framemill's host, which has checked the messages and adds credentials.
    Framemill,
    /// Anywhere else.
    Standalone {
        /// Whose messages are taken.
        push: Push,
        /// Where the token for Google's services comes from.
        credentials: Credentials,
    },
}

/// Whose messages are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// Those with a token of Google's:
    /// <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>.
    Google {
        /// For whom it must be signed.
        audience: String,
        /// Who must have asked for it. Anyone with a Google account can have a token signed
        /// for any audience, so the audience alone proves nothing.
        email: String,
        /// Where the public keys are.
        keys_url: String,
    },
    /// Everyone's.
    Insecure,
    /// Nobody's: neither an audience is configured nor `insecure_push`.
    Unconfigured,
}

/// Where the token for Google's services comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// No token is sent.
    None,
    /// This one.
    Token(Secret),
    /// Signed with the key of a service account: its JSON.
    Key(Secret),
    /// Asked of the metadata server at this URL, without trailing slash.
    Metadata(String),
}

impl Platform {
    /// Reads and checks all platform keys where a component runs: errors name what a person sets
    /// there. `lookup` gives the text of a key, or `None`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first key that is wrong.
    pub fn of_component(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::from_lookup(lookup).map_err(|error| {
            let keys = declared(&KEYS).ok().map(|it| it.keys.as_slice());
            let mut keys = keys.unwrap_or_default().iter();
            match keys.find(|key| key.name == error.key) {
                Some(key) => ConfigError::new(key.spin_variable(""), error.reason),
                None => error,
            }
        })
    }

    /// The same with the names that keys have in a declaration.
    ///
    /// # Errors
    /// As [`Platform::of_component`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let keys = Values::new(&declared(&KEYS)?.keys, lookup);
        if keys.text("host").as_deref() == Some("framemill") {
            return Ok(Self::Framemill);
        }
        Ok(Self::Standalone {
            push: push(&keys)?,
            credentials: credentials(&keys)?,
        })
    }
}

fn push<F: Fn(&str) -> Option<String>>(keys: &Values<'_, F>) -> Result<Push, ConfigError> {
    let insecure = keys.boolean("insecure_push")?;
    match (keys.text("push_audience"), keys.text("push_email")) {
        (Some(_), _) | (_, Some(_)) if insecure => Err(ConfigError::new(
            "insecure_push",
            "contradicts push_audience: leave one of them out",
        )),
        (Some(audience), Some(email)) => Ok(Push::Google {
            audience,
            email,
            keys_url: keys.url("push_keys_url")?,
        }),
        (Some(_), None) => Err(ConfigError::new(
            "push_email",
            "is empty: name the service account of the push subscription, since anyone can have a token for any audience",
        )),
        (None, Some(_)) => Err(ConfigError::new(
            "push_audience",
            "is empty: name the audience of the push subscription",
        )),
        (None, None) if insecure => Ok(Push::Insecure),
        (None, None) => Ok(Push::Unconfigured),
    }
}

fn credentials<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<Credentials, ConfigError> {
    let send = keys.choice("credentials", &[("auto", true), ("none", false)])?;
    if !send {
        return Ok(Credentials::None);
    }
    let secret = |key| keys.text(key).map(Secret::from);
    if let Some(token) = secret("google_token") {
        return Ok(Credentials::Token(token));
    }
    match secret("google_key") {
        Some(key) => Ok(Credentials::Key(key)),
        None => Ok(Credentials::Metadata(keys.url("metadata_url")?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(given: &[(&str, &str)]) -> Result<Platform, ConfigError> {
        Platform::from_lookup(|key| {
            let found = given.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        })
    }

    fn open(given: &[(&str, &str)]) -> (Push, Credentials) {
        match platform(given).unwrap() {
            Platform::Standalone { push, credentials } => (push, credentials),
            Platform::Framemill => panic!("not standalone: {given:?}"),
        }
    }

    #[test]
    fn nothing_given_takes_nobodys_messages() {
        let metadata = Credentials::Metadata("http://metadata.google.internal".to_owned());
        assert_eq!(open(&[]), (Push::Unconfigured, metadata));
        // Whoever else sets the key gains nothing.
        assert_eq!(open(&[("host", "spin")]).0, Push::Unconfigured);
        assert_eq!(platform(&[("host", "framemill")]), Ok(Platform::Framemill));
    }

    #[test]
    fn audience_and_email_belong_together() {
        let both = [("push_audience", "https://a"), ("push_email", "x@y")];
        let (push, _) = open(&both);
        assert!(
            matches!(&push, Push::Google { audience, email, keys_url }
                if audience == "https://a" && email == "x@y" && keys_url.contains("oauth2")),
            "{push:?}"
        );
        for (given, key) in [
            (&both[..1], "push_email"),
            (&both[1..], "push_audience"),
            (
                &[both[0], both[1], ("insecure_push", "true")],
                "insecure_push",
            ),
            (&[("insecure_push", "perhaps")], "insecure_push"),
            (&[("credentials", "some")], "credentials"),
        ] {
            assert_eq!(platform(given).unwrap_err().key, key, "{given:?}");
        }
        assert_eq!(open(&[("insecure_push", "true")]).0, Push::Insecure);
    }

    #[test]
    fn keys_are_named_as_they_are_set() {
        let given = [
            ("push_audience", "a"),
            ("push_email", "x@y"),
            ("push_keys_url", "no URL"),
        ];
        let error = Platform::of_component(|key| {
            let found = given.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        });
        assert_eq!(error.unwrap_err().key, "push_keys_origin");
    }

    #[test]
    fn credentials_have_an_order() {
        let (token, key) = (("google_token", "t"), ("google_key", "{}"));
        let of = |given: &[(&str, &str)]| open(given).1;
        assert_eq!(of(&[token, key]), Credentials::Token("t".to_owned().into()));
        assert_eq!(of(&[key]), Credentials::Key("{}".to_owned().into()));
        assert_eq!(of(&[token, ("credentials", "none")]), Credentials::None);
    }
}
