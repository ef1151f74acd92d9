//! The labeling target, and pipelines of a user's own.

use super::values::plain;
use super::{CredentialSettings, Layer, SourceAddress, StoreAddress};
use anyhow::{Context as _, bail, ensure};
use framemill_contract::{ImageUrls, LABEL_KEYS, LabelConfig, TargetKind};
use framemill_runtime::{AllowedHost, CredentialKind, same_origin, server_of};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Name of the component that asks for labels.
pub const REQUEST_LABELING: &str = "request-labeling";
/// Holds the credential of the labeling target.
pub const LABELING_TOKEN: &str = "FRAMEMILL_LABELING_TOKEN";

/// Keys that a labeling component gets from elsewhere: the bucket and the images are those of
/// the extraction, and secrets stay with the host.
const FROM_EXTRACT: &[&str] = &[
    "bucket",
    "image_path",
    "manifest_path",
    "record_path",
    "objects_url",
    "component_sha256",
];
/// Keys for the host.
const OWN: &[&str] = &["component", "source", "token_file"];
const SECRETS: &[&str] = &["token", "webhook_secret"];

/// `[labeling]`: who is asked for labels, and how.
#[derive(Clone, Debug)]
pub struct LabelSettings {
    /// Component: a name in the components folder, or a path.
    pub component: String,
    /// Where the events of manifests come from.
    pub source: SourceAddress,
    /// What is given of its keys.
    pub variables: Layer,
    /// The same, checked.
    pub config: LabelConfig,
    /// Where the target's credential is, instead of [`LABELING_TOKEN`].
    token_file: Option<String>,
    /// Whether there is a credential: a component of the user's own may need none.
    has_token: bool,
}

/// The `[labeling]` table as text, each key known.
pub(super) fn read_labeling(table: toml::Table) -> anyhow::Result<Layer> {
    let mut layer = Layer::new();
    for (name, value) in table {
        if SECRETS.contains(&name.as_str()) {
            bail!(
                "configuration `labeling.{name}` is a secret and stands in no file like this: set {LABELING_TOKEN}, or labeling.token_file"
            );
        }
        if !is_known(&name) {
            let known = LABEL_KEYS.iter().map(|key| key.name);
            let known = known.filter(|name| is_known(name));
            bail!(
                "configuration `labeling.{name}` is unknown: choose from component, source, token_file, {}",
                super::join(known)
            );
        }
        layer.insert(name.clone(), plain(&name, &value)?);
    }
    Ok(layer)
}

fn is_known(name: &str) -> bool {
    let own = OWN.contains(&name);
    let key = LABEL_KEYS.iter().any(|key| key.name == name);
    own || (key && !FROM_EXTRACT.contains(&name) && !SECRETS.contains(&name))
}

impl LabelSettings {
    /// From the file's table and the environment (`FRAMEMILL_LABELING_TARGET`, …); `None` where
    /// no target and no component is named.
    pub(super) fn new(
        file: &Layer,
        environment: &impl Fn(&str) -> Option<String>,
        extract: &Layer,
        (store, source): (&StoreAddress, &SourceAddress),
    ) -> anyhow::Result<Option<Self>> {
        let mut given = file.clone();
        for name in LABEL_KEYS
            .iter()
            .map(|key| key.name)
            .chain(OWN.iter().copied())
        {
            let variable = format!("FRAMEMILL_LABELING_{}", name.to_ascii_uppercase());
            if is_known(name)
                && let Some(value) = environment(&variable)
                && !value.trim().is_empty()
            {
                given.insert(name.to_owned(), value);
            }
        }
        let mut take = |name: &str| given.remove(name).filter(|text| !text.trim().is_empty());
        let (component, token_file) = (take("component"), take("token_file"));
        let source = match take("source") {
            Some(text) => SourceAddress::parse(Some(&text), store).context("in [labeling]")?,
            None => source.clone(),
        };
        if component.is_none() && given.get("target").is_none_or(|text| text.is_empty()) {
            ensure!(
                given.is_empty(),
                "configuration `labeling`: no target: set labeling.target, or remove the table"
            );
            return Ok(None);
        }
        for name in FROM_EXTRACT {
            if let Some(value) = extract.get(*name) {
                given.insert((*name).to_owned(), value.clone());
            }
        }
        let config =
            LabelConfig::from_lookup(|name| given.get(name).cloned()).context("in [labeling]")?;
        Ok(Some(Self {
            component: component.unwrap_or_else(|| REQUEST_LABELING.to_owned()),
            source,
            variables: given,
            config,
            has_token: token_file.is_some()
                || environment(LABELING_TOKEN).is_some_and(|it| !it.trim().is_empty()),
            token_file,
        }))
    }

    /// Hosts that its component may allowed: the target, and Google where images are signed.
    pub fn hosts(&self) -> Vec<AllowedHost> {
        let config = &self.config;
        let target = (!config.target_url.is_empty()).then(|| AllowedHost {
            host: server_of(&config.target_url),
            path: match &config.target {
                Some(TargetKind::Pubsub) => config
                    .topic
                    .as_ref()
                    .map(|topic| format!("/v1/{topic}:publish")),
                _ => None,
            },
        });
        let iam = match &config.image_urls {
            ImageUrls::Signed { account, .. } => Some(AllowedHost {
                host: server_of(&config.iam_url),
                path: Some(format!("/v1/projects/-/serviceAccounts/{account}:signBlob")),
            }),
            _ => None,
        };
        target.into_iter().chain(iam).collect()
    }

    /// What the requests to these hosts are given, where the user has not said it.
    pub(super) fn add_credentials(&self, credentials: &mut Vec<CredentialSettings>) {
        for AllowedHost { host, .. } in self.hosts() {
            let kind = match &self.config.target {
                _ if same_origin(&host, &self.config.iam_url) => CredentialKind::Google,
                Some(TargetKind::LabelStudio | TargetKind::Cvat) => CredentialKind::Token,
                Some(TargetKind::Scale) => CredentialKind::Basic,
                Some(TargetKind::Webhook) => CredentialKind::Hmac,
                Some(TargetKind::Pubsub) => CredentialKind::Google,
                Some(TargetKind::Custom(_)) if self.has_token => CredentialKind::Bearer,
                Some(TargetKind::Custom(_)) | None => continue,
            };
            let google = kind == CredentialKind::Google;
            // Google's emulators speak HTTP, and take no credentials.
            let is_emulator = google && host.starts_with("http://");
            if is_emulator
                || credentials
                    .iter()
                    .any(|there| same_origin(&there.host, &host))
            {
                continue;
            }
            let in_env = !google && self.token_file.is_none();
            credentials.push(CredentialSettings {
                host,
                kind,
                header: None,
                env: in_env.then(|| LABELING_TOKEN.to_owned()),
                file: self.token_file.clone().filter(|_| !google).map(Into::into),
            });
        }
    }
}

/// `[[pipeline]]`: a component that works on other objects than ours do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSettings {
    /// How it is called in logs.
    pub name: String,
    /// Component: a name in the components folder, or a path.
    pub component: String,
    /// Objects whose names start so make it run.
    #[serde(default)]
    pub prefix: String,
    /// And end so.
    #[serde(default)]
    pub suffix: String,
    /// Where its messages come from; the common source where none is named.
    pub source: Option<String>,
    /// Its bucket; the common store where none is named.
    pub store: Option<String>,
    /// Prefixes that it may read; its `prefix` where none is named.
    #[serde(default)]
    pub read: Vec<String>,
    /// Prefixes that it may write.
    #[serde(default)]
    pub write: Vec<String>,
    /// Servers that it may allowed, as in Spin's `allowed_outbound_hosts`: `https://host[:port]`,
    /// `https://*.example.com`, `http://10.0.0.0/8:8000..9000`, … A wildcard reaches no private
    /// network.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Its variables.
    #[serde(default)]
    variables: BTreeMap<String, toml::Value>,
}

impl PipelineSettings {
    pub(super) fn from_toml(value: toml::Value) -> anyhow::Result<Self> {
        let settings: Self = value
            .try_into()
            .map_err(|error: toml::de::Error| anyhow::anyhow!("{}", error.message()))
            .context("configuration `pipeline`")?;
        let name = &settings.name;
        ensure!(
            !(settings.prefix.is_empty() && settings.suffix.is_empty()),
            "configuration `pipeline`: give a prefix or a suffix, or each object starts it, its own output too: {name}"
        );
        let own_output = settings.write.iter().any(|write| {
            write.starts_with(&settings.prefix) || settings.prefix.starts_with(write.as_str())
        });
        ensure!(
            !own_output || !settings.suffix.is_empty(),
            "configuration `pipeline`: writes where its prefix starts it again: choose another prefix, or name a suffix: {name}"
        );
        settings.variables()?;
        Ok(settings)
    }

    /// Its variables as text.
    ///
    /// # Errors
    /// Naming one that is a table or a date.
    pub fn variables(&self) -> anyhow::Result<Layer> {
        let text = |(name, value): (&String, &toml::Value)| {
            Ok((
                name.clone(),
                plain(&format!("pipeline.variables.{name}"), value)?,
            ))
        };
        self.variables.iter().map(text).collect()
    }
}
