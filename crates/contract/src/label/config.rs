//! The configuration of request-labeling as types; its keys are declared in the function's
//! `function.toml`.

use crate::Layout;
use crate::config::{Declared, declared};
use framemill_function_spec::{ConfigError, FunctionSpec, Values};
use serde_json::Value;
use std::fmt;
use std::sync::LazyLock;

static SPEC: Declared<FunctionSpec> = LazyLock::new(|| {
    FunctionSpec::parse(include_str!(
        "../../../../functions/request-labeling/function.toml"
    ))
});

/// Text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself: for a request, nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// Label Studio.
    LabelStudio,
    /// CVAT.
    Cvat,
    /// Scale AI.
    Scale,
    /// Any HTTP endpoint.
    Webhook,
    /// A Pub/Sub topic.
    Pubsub,
    /// A component of the user's own; its name with `custom-`.
    Custom(String),
}

impl TargetKind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "label-studio" => Self::LabelStudio,
            "cvat" => Self::Cvat,
            "scale" => Self::Scale,
            "webhook" => Self::Webhook,
            "pubsub" => Self::Pubsub,
            own => {
                let name = own.strip_prefix("custom-")?;
                let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                if name.is_empty() || !name.bytes().all(|byte| fits(byte) || byte == b'-') {
                    return None;
                }
                Self::Custom(own.to_owned())
            }
        })
    }

    /// As in the configuration.
    pub fn name(&self) -> &str {
        match self {
            Self::LabelStudio => "label-studio",
            Self::Cvat => "cvat",
            Self::Scale => "scale",
            Self::Webhook => "webhook",
            Self::Pubsub => "pubsub",
            Self::Custom(name) => name,
        }
    }
}

/// How the target reaches images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageUrls {
    /// `gs://bucket/name`.
    Gs,
    /// `s3://bucket/name`.
    S3,
    /// Google V4 signed URLs.
    Signed {
        /// Service account that signs; empty is that of `google_key`.
        account: String,
        /// Seconds of validity.
        seconds: u64,
    },
    /// Below this URL, without trailing slash.
    Proxied(String),
}

/// The whole configuration of request-labeling, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelConfig {
    /// Only this bucket.
    pub bucket: Option<String>,
    /// Prefixes of images and manifests, and of what is written.
    pub layout: Layout,
    /// Who labels; `None` is no one.
    pub target: Option<TargetKind>,
    /// Where; without trailing slash but for a webhook, whose own it is; empty where there is no
    /// target. May hold secrets in its path or query.
    pub target_url: String,
    /// Names the target in objects: its kind, and a hash of all that makes it that target.
    scope: String,
    /// API key or token, where the host does not add it.
    pub token: Option<Secret>,
    /// Key of the webhook's signature, where the host does not sign.
    pub webhook_secret: Option<Secret>,
    /// Project at the target.
    pub project: Option<String>,
    /// Pub/Sub topic.
    pub topic: Option<String>,
    /// Most images of one batch.
    pub batch_size: usize,
    /// How the target reaches images.
    pub image_urls: ImageUrls,
    /// Names of labels.
    pub labels: Vec<String>,
    /// CVAT's number of the bucket.
    pub cloud_storage: Option<u64>,
    /// What the labelers are told.
    pub instruction: Option<String>,
    /// Where finished tasks are sent.
    pub callback_url: Option<String>,
    /// Scale's geometries, an object.
    pub geometries: Option<Value>,
    /// Seconds after which a silent delivery is taken for dead.
    pub lease: u64,
    /// Objects endpoint, without trailing slash.
    pub objects_url: String,
    /// IAM Credentials API, without trailing slash.
    pub iam_url: String,
    /// Hash of the component that runs, from the host.
    pub component_sha256: Option<String>,
}

impl LabelConfig {
    /// Reads and checks all keys. `lookup` gives the text of a key, or `None`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first key that is wrong or missing for the target.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let spec = declared(&SPEC)?;
        let scope = spec.scope(&lookup);
        let keys = Values::new(&spec.keys, lookup);
        let target = target(&keys)?;
        let lease = seconds(&keys, "lease")?;
        let config = Self {
            bucket: keys.text("bucket"),
            layout: Layout::from_keys(&keys)?,
            target_url: target_url(&keys, target.as_ref())?,
            target,
            scope,
            token: keys.text("token").map(Secret),
            webhook_secret: keys.text("webhook_secret").map(Secret),
            project: keys.text("project"),
            topic: keys.text("topic"),
            batch_size: keys.needed_integer("batch_size")? as usize,
            image_urls: image_urls(&keys)?,
            labels: keys.list("labels"),
            cloud_storage: keys.integer("cloud_storage")?,
            instruction: keys.text("instruction"),
            callback_url: keys.text("callback_url"),
            geometries: object(&keys, "geometries")?,
            lease,
            objects_url: keys.url("objects_url")?,
            iam_url: keys.url("iam_url")?,
            component_sha256: keys.text("component_sha256"),
        };
        config.check_target()?;
        Ok(config)
    }

    /// What each target cannot do without.
    fn check_target(&self) -> Result<(), ConfigError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let needs = |key, missing: bool, what: &str| match missing {
            true => Err(wrong(
                key,
                &format!("is not set: {} needs {what}", target.name()),
            )),
            false => Ok(()),
        };
        let number = |key, text: &Option<String>| match text {
            Some(text) if text.parse::<u32>().is_err() => Err(wrong(
                key,
                &format!("`{text}` is not the number of a project"),
            )),
            _ => Ok(()),
        };
        match target {
            TargetKind::LabelStudio => {
                needs("project", self.project.is_none(), "the number of a project")?;
                number("project", &self.project)
            }
            TargetKind::Cvat => {
                let storage = "the number of the cloud storage that is the bucket";
                needs("cloud_storage", self.cloud_storage.is_none(), storage)?;
                let none = self.labels.is_empty() && self.project.is_none();
                needs("labels", none, "labels, or a project that has some")?;
                number("project", &self.project)
            }
            TargetKind::Scale => {
                let none = self.labels.is_empty() && self.geometries.is_none();
                needs("labels", none, "labels or geometries")
            }
            TargetKind::Pubsub => {
                let topic = self.topic.as_deref().unwrap_or_default();
                let parts: Vec<&str> = topic.split('/').collect();
                let is_topic = matches!(
                    parts.as_slice(),
                    ["projects", project, "topics", name] if !project.is_empty() && !name.is_empty()
                );
                needs("topic", !is_topic, "projects/PROJECT/topics/TOPIC")
            }
            TargetKind::Webhook | TargetKind::Custom(_) => Ok(()),
        }
    }

    /// Names the target in objects: its kind, and a hash of all that makes it that target.
    /// `None` where there is none.
    pub fn target_id(&self) -> Option<String> {
        self.target.as_ref().map(|_| self.scope.clone())
    }
}

fn wrong(key: &'static str, reason: &str) -> ConfigError {
    let reason = reason.to_owned();
    ConfigError { key, reason }
}

fn target<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<Option<TargetKind>, ConfigError> {
    let Some(text) = keys.text("target") else {
        return Ok(None);
    };
    TargetKind::parse(&text).map(Some).ok_or_else(|| {
        let known = "label-studio, cvat, scale, webhook, pubsub, custom-NAME (lower case)";
        wrong("target", &format!("`{text}` is not one of {known}"))
    })
}

fn target_url<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
    target: Option<&TargetKind>,
) -> Result<String, ConfigError> {
    let Some(target) = target else {
        return Ok(String::new());
    };
    let given = keys.text("target_url");
    let url = given.as_deref().ok_or_else(|| {
        wrong(
            "target_url",
            &format!("is not set: where is {}?", target.name()),
        )
    })?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(wrong("target_url", "is not a URL: write https://…"));
    }
    Ok(match target {
        TargetKind::Webhook => url.to_owned(),
        _ => url.trim_end_matches('/').to_owned(),
    })
}

fn seconds<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
    key: &'static str,
) -> Result<u64, ConfigError> {
    Ok(keys.needed_duration(key)?.micros() / 1_000_000)
}

fn object<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
    key: &'static str,
) -> Result<Option<Value>, ConfigError> {
    let Some(text) = keys.text(key) else {
        return Ok(None);
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if value.is_object() => Ok(Some(value)),
        _ => Err(wrong(key, "is not a JSON object")),
    }
}

fn image_urls<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<ImageUrls, ConfigError> {
    match keys.text("image_urls").as_deref() {
        None | Some("gs") => Ok(ImageUrls::Gs),
        Some("s3") => Ok(ImageUrls::S3),
        Some("proxied") => Ok(ImageUrls::Proxied(keys.url("image_url_base")?)),
        Some("signed") => {
            let account = keys.text("signing_account").unwrap_or_default();
            let has_key = keys.text("google_key").is_some();
            if account.is_empty() && !has_key {
                let reason = "is empty: name the service account that signs, or set google_key";
                return Err(wrong("signing_account", reason));
            }
            if !account
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"@.-_".contains(&byte))
            {
                return Err(wrong("signing_account", "is not an e-mail address"));
            }
            let seconds = seconds(keys, "signed_for")?;
            Ok(ImageUrls::Signed { account, seconds })
        }
        Some(other) => {
            let reason = format!("`{other}` is not one of gs, s3, signed, proxied");
            Err(wrong("image_urls", &reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<LabelConfig, ConfigError> {
        LabelConfig::from_lookup(|name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
    }

    const STUDIO: [(&str, &str); 3] = [
        ("target", "label-studio"),
        ("target_url", "https://ls.example.com/"),
        ("project", "7"),
    ];

    #[test]
    fn labeling_is_off_by_default() {
        let config = config(&[]).unwrap();
        assert_eq!((config.target.clone(), config.target_id()), (None, None));
        assert_eq!((config.lease, config.batch_size), (600, 500));
    }

    #[test]
    fn the_id_follows_what_makes_the_target() {
        let base = config(&STUDIO).unwrap();
        let id = base.target_id().unwrap();
        let hash = id.strip_prefix("label-studio-").unwrap();
        assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let with = |key, value| {
            let mut pairs = vec![(key, value)];
            pairs.extend(STUDIO);
            config(&pairs).unwrap().target_id().unwrap()
        };
        assert_eq!(id, with("target_url", "https://ls.example.com"));
        assert_eq!(id, with("token", "x"));
        assert_ne!(id, with("project", "8"));
        assert_ne!(id, with("target_url", "https://other.example.com"));
    }

    #[test]
    fn errors_name_the_key() {
        for (pairs, key) in [
            (&[("target", "label-studoi")][..], "target"),
            (&[("target", "custom-Acme")], "target"),
            (&[("target", "webhook")], "target_url"),
            (&[("target", "webhook"), ("target_url", "x")], "target_url"),
            (
                &[("target", "cvat"), ("target_url", "http://c")],
                "cloud_storage",
            ),
            (&[("target", "scale")], "labels"),
            (&[("target", "pubsub"), ("topic", "t")], "topic"),
            (&[("project", "x"), STUDIO[0], STUDIO[1]], "project"),
            (&[STUDIO[0], STUDIO[1]], "project"),
            (&[("lease", "299s")], "lease"),
            (&[("batch_size", "0")], "batch_size"),
            (&[("image_urls", "ftp")], "image_urls"),
            (&[("image_urls", "signed")], "signing_account"),
            (&[("image_urls", "proxied")], "image_url_base"),
            (&[("geometries", "[]")], "geometries"),
            (&[("geometries", "{")], "geometries"),
        ] {
            let error = config(pairs).unwrap_err();
            assert_eq!(error.key, key, "{pairs:?}: {error}");
        }
    }

    #[test]
    fn a_webhooks_url_is_left_as_it_is() {
        for url in ["https://h/in/", "https://h/in", "https://h/in?key=a/"] {
            let given = config(&[("target", "webhook"), ("target_url", url)]);
            assert_eq!(given.unwrap().target_url, url);
        }
    }

    #[test]
    fn signed_urls_last_half_a_day_unless_told_otherwise() {
        let pairs = [("image_urls", "signed"), ("signing_account", "a@p")];
        let signed = config(&pairs).unwrap().image_urls;
        assert!(matches!(
            signed,
            ImageUrls::Signed {
                seconds: 43_200,
                ..
            }
        ));
    }

    #[test]
    fn whoever_has_a_key_need_not_be_named() {
        let pairs = [("image_urls", "signed"), ("google_key", "{}")];
        let signed = config(&pairs).unwrap().image_urls;
        assert!(matches!(signed, ImageUrls::Signed { account, .. } if account.is_empty()));
    }

    #[test]
    fn secrets_do_not_show() {
        let mut pairs = vec![("token", "hush"), ("webhook_secret", "hush")];
        pairs.extend(STUDIO);
        let config = config(&pairs).unwrap();
        assert_eq!(config.token.as_ref().unwrap().reveal(), "hush");
        assert!(!format!("{config:?}").contains("hush"));
    }
}
