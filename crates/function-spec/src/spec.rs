//! The declaration of a function, as it stands in `function.toml`.

use crate::template::{Piece, pieces};
use crate::{Key, SpecError};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// Name of the value in a record's name that tells objects apart.
pub(crate) const STEM: &str = "stem";
/// Name of the value that is the same, without its file name ending where claims have none.
pub(crate) const FOLDER: &str = "folder";
/// Name of the value that tells configurations apart whose results differ.
pub(crate) const SCOPE: &str = "scope";

/// The declaration of a function. Texts may name keys in braces; see [`crate::Function`] for the
/// same with all keys filled in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// Name: of the pipeline, in logs, metrics and routes.
    pub name: String,
    /// Component: a name in the components folder, or a path.
    pub component: String,
    /// One sentence for a person.
    #[serde(default)]
    pub about: String,
    /// Its table in `framemill.toml`; in capitals the prefix of its environment variables.
    #[serde(default)]
    pub table: String,
    /// Whether its keys have no prefix in the environment: those of the first function.
    #[serde(default)]
    pub plain_environment: bool,
    /// The key without which the function does not run; none where it always does.
    pub enabled_by: Option<String>,
    /// What senders of webhooks prove themselves with, where it takes any. Under framemill the host keeps
    /// it: the component does not get it.
    pub webhook_secret: Option<SecretSpec>,
    /// Its HTTP route under Spin.
    pub route: Option<String>,
    /// Its HTTP route for webhooks under Spin, where it takes any.
    pub webhook_route: Option<String>,
    /// Largest size of its component's file, as text: the build fails above it.
    pub size_budget: Option<String>,
    /// What starts it.
    pub trigger: TriggerSpec,
    /// Prefixes of the objects that it may read.
    #[serde(default)]
    pub read: Vec<String>,
    /// Prefixes of the objects that it may create, replace and delete; readable too. With `{stem}`
    /// or `{folder}` in it, an entry names what work on one object may write: see
    /// [`crate::OwnNames`].
    #[serde(default)]
    pub write: Vec<String>,
    /// Whom it may reach.
    #[serde(default, rename = "host")]
    pub hosts: Vec<HostSpec>,
    /// What it leaves in the bucket about each object that it worked on.
    pub records: Option<RecordSpec>,
    /// Its configuration keys, in the order in which they are documented.
    #[serde(default, rename = "key")]
    pub keys: Vec<Key>,
}

/// What starts a function: the end of an upload of an object whose name fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerSpec {
    /// How names start.
    #[serde(default)]
    pub prefix: String,
    /// How names end, exactly; it is not part of the stem.
    #[serde(default)]
    pub suffix: String,
    /// File name endings without dot, separated by commas, whatever their case; empty takes all.
    #[serde(default)]
    pub extensions: String,
    /// Prefixes whose objects start it too, for work that goes over several requests.
    #[serde(default)]
    pub continued_by: Vec<String>,
}

/// Whom a function may reach, and how it is introduced there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// Keys and the values that they must have for this to count; a value may end in `*`.
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    /// URL whose server may be reached.
    pub url: String,
    /// Whether `url` is a pattern, as in Spin's `allowed_outbound_hosts`: wildcards, networks,
    /// ranges of ports.
    #[serde(default)]
    pub pattern: bool,
    /// The one path that may be asked for; none is all paths.
    pub path: Option<String>,
    /// What the host adds to the requests.
    pub credential: Option<CredentialSpec>,
    /// URL that `framemill check` asks for with the credential.
    pub probe: Option<String>,
    /// What to do where the probe answers 404; empty where any answer will do.
    #[serde(default)]
    pub not_found: String,
}

/// How a request is given its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// `Authorization: Token …` (Label Studio, CVAT).
    Token,
    /// `Authorization: Bearer …`.
    Bearer,
    /// HTTP basic authentication with the secret as the user name (Scale AI).
    Basic,
    /// A header of its own.
    Header,
    /// A signature over time and body (webhooks).
    Hmac,
    /// The access token of Google's application default credentials.
    Google,
}

/// Method of a request that may get a credential. `TRACE` is none of them: its answer shows the
/// request with all that was added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CredentialMethod {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl CredentialMethod {
    /// Those that get a credential where none are named: what asks, and what makes something new.
    /// What replaces or deletes must be named.
    pub fn usual() -> Vec<Self> {
        vec![Self::Get, Self::Head, Self::Post]
    }

    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A credential, and where its secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    /// How it is given.
    pub kind: CredentialKind,
    /// Methods of the requests that get it.
    #[serde(default = "CredentialMethod::usual")]
    pub methods: Vec<CredentialMethod>,
    /// Path below the host's `url`: what is at or below it gets the credential. Where the host
    /// names its one `path`, that one does.
    #[serde(default)]
    pub below: String,
    /// Environment variable that holds the secret.
    pub env: Option<String>,
    /// Key that names a file with the secret, instead of the variable.
    pub file_key: Option<String>,
    /// Whether requests go without it where there is no secret.
    #[serde(default)]
    pub optional: bool,
}

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// Environment variable that holds it.
    pub env: String,
    /// Key that names a file with it, instead of the variable.
    pub file_key: String,
}

/// Names of what a function leaves in the bucket. `{stem}` is the name of the object that
/// started it, less the trigger's prefix and suffix.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSpec {
    /// The object whose existence says that the work is done.
    pub done: String,
    /// The object that says why it cannot be done.
    pub failure: String,
    /// The object that says that someone is at it. A function that has it works on uploads, which
    /// may come again under the same name.
    pub claim: Option<String>,
    /// Keys and values with which the stem of a claim has no file name ending.
    #[serde(default)]
    pub claim_without_ending: Option<BTreeMap<String, Vec<String>>>,
    /// Keys that make results differ: `{scope}` is the first one's value and a hash of all.
    #[serde(default)]
    pub scope: Vec<String>,
}

/// Keys alone: those of the host, and those that every component reads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The keys, in the order in which they are documented.
    #[serde(rename = "key")]
    pub keys: Vec<Key>,
}

impl Keys {
    /// From TOML.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let keys: Self =
            toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string()))?;
        check_keys("keys", &keys.keys)?;
        Ok(keys)
    }
}

impl FunctionSpec {
    /// From TOML, checked: each key once, defaults of their types, templates of known keys.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let spec: Self =
            toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string()))?;
        check_keys(&spec.name, &spec.keys)?;
        for template in spec.templates() {
            spec.check_template(template)?;
        }
        for record in spec.records.iter().flat_map(RecordSpec::names) {
            let stems = pieces(record).filter(|piece| *piece == Piece::Key(STEM));
            if stems.count() != 1 {
                return Err(SpecError::Stem {
                    function: spec.name.clone(),
                    template: record.to_owned(),
                });
            }
        }
        Ok(spec)
    }

    /// A key by its name.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Name of a key's environment variable.
    pub fn variable(&self, key: &str) -> String {
        let key = key.to_ascii_uppercase();
        if self.plain_environment {
            return format!("FRAMEMILL_{key}");
        }
        format!("FRAMEMILL_{}_{key}", self.table.to_ascii_uppercase())
    }

    /// What the variables of its own keys begin with under Spin.
    pub fn spin_prefix(&self) -> String {
        match self.plain_environment {
            true => String::new(),
            false => format!("{}_", self.table),
        }
    }

    /// The application's variable under Spin that holds a key.
    pub fn spin_variable(&self, name: &str) -> String {
        match self.key(name) {
            Some(key) if key.is_own() => key.spin_variable(&self.spin_prefix()),
            Some(key) => key.spin_variable(""),
            None => name.to_owned(),
        }
    }

    /// What a key is called under framemill: where it stands in `framemill.toml`, or a secret's
    /// environment variable.
    pub fn framemill_name(&self, name: &str) -> String {
        match self.key(name) {
            Some(key) if key.secret && key.is_own() => self.variable(name),
            Some(key) if key.is_own() && !self.plain_environment => {
                format!("{}.{name}", self.table)
            }
            _ => name.to_owned(),
        }
    }

    fn templates(&self) -> impl Iterator<Item = &str> {
        let trigger = &self.trigger;
        let of_trigger = [&trigger.prefix, &trigger.suffix, &trigger.extensions];
        let of_hosts = self.hosts.iter().flat_map(|host| {
            let texts = [Some(&host.url), host.path.as_ref(), host.probe.as_ref()];
            texts.into_iter().flatten()
        });
        of_trigger
            .into_iter()
            .chain(&trigger.continued_by)
            .chain(&self.read)
            .chain(&self.write)
            .chain(of_hosts)
            .map(String::as_str)
            .chain(self.records.iter().flat_map(RecordSpec::names))
    }

    fn check_template(&self, template: &str) -> Result<(), SpecError> {
        for piece in pieces(template) {
            let Piece::Key(name) = piece else { continue };
            let of_objects = [STEM, FOLDER, SCOPE].contains(&name);
            if !of_objects && self.key(name).is_none() {
                return Err(SpecError::UnknownKey {
                    function: self.name.clone(),
                    template: template.to_owned(),
                    key: name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl RecordSpec {
    fn names(&self) -> impl Iterator<Item = &str> {
        let names = [Some(&self.done), Some(&self.failure), self.claim.as_ref()];
        names.into_iter().flatten().map(String::as_str)
    }
}

fn check_keys(function: &str, keys: &[Key]) -> Result<(), SpecError> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(&key.name) {
            return Err(SpecError::Twice {
                function: function.to_owned(),
                key: key.name.clone(),
            });
        }
        let conditional = key.default_when.iter().map(|default| &default.value);
        for default in std::iter::once(&key.default).chain(conditional) {
            key.check(default).map_err(|reason| SpecError::Default {
                key: key.name.clone(),
                default: default.clone(),
                reason,
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = 'f'\ncomponent = 'f'\n";

    #[test]
    fn declarations_are_checked() {
        let good = format!(
            "{LEAST}[trigger]\nprefix = '{{in}}'\n[records]\ndone = 'd/{{stem}}.json'\nfailure = 'f/{{stem}}'\n[[key]]\nname = 'in'\ndoc = 'd'\ndefault = 'x/'"
        );
        let spec = FunctionSpec::parse(&good).unwrap();
        assert_eq!(spec.key("in").map(|key| key.default.as_str()), Some("x/"));
        for (wrong, part) in [
            (
                format!("{LEAST}[trigger]\nprefix = '{{in}}'"),
                "no key of f",
            ),
            (
                format!("{LEAST}[trigger]\n[records]\ndone = 'x'\nfailure = '{{stem}}'"),
                "{stem} once",
            ),
            (format!("{LEAST}[trigger]\ncolour = 1"), "unknown field"),
            (
                format!("{LEAST}[trigger]\n[[key]]\nname='a'\ndoc=''\n[[key]]\nname='a'\ndoc=''"),
                "declared twice",
            ),
            (
                format!("{LEAST}[trigger]\n[[key]]\nname='a'\ndoc=''\ntype='integer'\ndefault='x'"),
                "not a whole number",
            ),
        ] {
            let error = FunctionSpec::parse(&wrong).unwrap_err().to_string();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
