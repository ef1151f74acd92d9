//! The configuration of request-labeling as types; its keys are declared in the function's
//! `function.toml`.

use crate::Layout;
use crate::config::{Declared, as_set, declared};
use framemill_function_spec::{ConfigError, FunctionSpec, Values, canonical_url, is_origin};
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

    /// Whether its answers can be read: a topic answers to whoever listens there.
    pub fn is_read(&self) -> bool {
        match self {
            Self::LabelStudio | Self::Cvat | Self::Scale | Self::Webhook => true,
            Self::Pubsub | Self::Custom(_) => false,
        }
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
    /// Whether framemill's host runs the component: what keys are called depends on it.
    on_framemill: bool,
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
            target_url: target_url(spec, &keys, target.as_ref())?,
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
            on_framemill: keys.text("host").as_deref() == Some("framemill"),
        };
        config.check_target()?;
        Ok(config)
    }

    /// Reads and checks all keys where a component runs: errors name what a person sets there.
    ///
    /// # Errors
    /// As [`LabelConfig::from_lookup`].
    pub fn of_component(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let on_framemill = lookup("host").as_deref() == Some("framemill");
        Self::from_lookup(lookup).map_err(|error| as_set(&SPEC, error, on_framemill))
    }

    /// An error about a key with the name that the key has where a person sets it: in
    /// `framemill.toml`, or as a variable of an application of Spin.
    pub fn as_set(&self, error: ConfigError) -> ConfigError {
        as_set(&SPEC, error, self.on_framemill)
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
    ConfigError::new(key, reason)
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
    spec: &FunctionSpec,
    keys: &Values<'_, F>,
    target: Option<&TargetKind>,
) -> Result<String, ConfigError> {
    let Some(target) = target else {
        return Ok(String::new());
    };
    let unset = || format!("is not set: where is {}?", target.name());
    let placeholder = spec
        .key("target_url")
        .and_then(|key| key.spin_origin.as_deref());
    let given = keys.text("target_url");
    let given = given.filter(|url| placeholder.is_none_or(|unset| !url.starts_with(unset)));
    let url = given.ok_or_else(|| wrong("target_url", &unset()))?;
    if let Some(origin) = keys.text("target_origin") {
        check_origin(&origin, &url)?;
    }
    let url = canonical_url(&url);
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(wrong("target_url", "is not a URL: write https://…"));
    }
    Ok(match target {
        TargetKind::Webhook => url,
        _ => url.trim_end_matches('/').to_owned(),
    })
}

/// Whether a URL in two halves can be put together again: Spin refuses each request of a
/// component with a path among its allowed hosts, and says so of whoever was asked.
fn check_origin(origin: &str, url: &str) -> Result<(), ConfigError> {
    if !is_origin(origin) {
        let reason = "is not scheme and host alone, such as https://labels.example.com: what follows the host belongs into the variable for the path";
        return Err(wrong("target_url", reason));
    }
    let path = url.strip_prefix(origin).unwrap_or_default();
    if !origin.ends_with('/') && !path.is_empty() && !path.starts_with(['/', '?']) {
        let reason = "is followed by a path that does not begin with a slash";
        return Err(wrong("target_url", reason));
    }
    Ok(())
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
mod tests;
