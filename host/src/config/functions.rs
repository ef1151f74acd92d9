//! Functions as they are configured: framemill's own, and the user's.

use super::addresses::{SourceAddress, StoreAddress};
use super::credentials::{CredentialSettings, Secret};
use super::error::SettingError;
use super::file::File;
use super::layers::{Given, Layer, Layers, named};
use super::machine::cores;
use super::pipelines::{PipelineSettings, name_the_whole_bucket};
use crate::functions::{Builtin, builtins};
use framemill_function_spec::{
    AllowedUrl, CredentialKind, CredentialSpec, Function, FunctionSpec, Key, Values,
};
use framemill_runtime::{HostCredential, same_origin, server_of};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

/// Keys that each function has beside its own: its component, and where its messages come from.
const COMMON: [&str; 2] = ["component", "source"];

/// A function as it is configured.
#[derive(Clone, Debug)]
pub struct FunctionSettings {
    /// With all keys filled in.
    pub function: Function,
    /// Component: a name in the components folder, or a path.
    pub component: String,
    /// Where its messages come from.
    pub source: SourceAddress,
    /// Its bucket.
    pub store: StoreAddress,
    /// What its component can read: each declared key, given or with its default.
    pub variables: Layer,
    /// What senders of webhooks prove themselves with.
    webhook_secret: Option<Secret>,
    /// Files with secrets, by the key that names them.
    files: BTreeMap<String, PathBuf>,
    /// What the user has said of servers.
    given: Vec<CredentialSettings>,
}

impl FunctionSettings {
    /// What the host adds to requests of its component: what the user has said of a server, else
    /// what its declaration says. It is this function's alone.
    pub fn credentials(&self) -> Vec<anyhow::Result<HostCredential>> {
        let of_user = |url: &str| self.given.iter().any(|given| same_origin(&given.url, url));
        let declared = self.function.hosts.iter().filter_map(|host| {
            let credential = host.credential.as_ref()?;
            (!of_user(&host.url)).then(|| self.declared(host, credential))?
        });
        let given = self.given.iter().map(CredentialSettings::resolve);
        given.chain(declared).collect()
    }

    /// What senders of webhooks prove themselves with; `None` where there is none, and nobody can.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn webhook_secret(&self) -> anyhow::Result<Option<framemill_contract::Secret>> {
        let secret = self.webhook_secret.as_ref();
        match secret.filter(|secret| !secret.is_left_out()) {
            Some(secret) => secret.read("webhooks"),
            None => Ok(None),
        }
    }

    /// Environment variables that the user has named for secrets.
    pub(super) fn secret_variables(&self) -> impl Iterator<Item = &str> {
        self.given.iter().filter_map(|given| given.env.as_deref())
    }

    /// What the declaration says of a server; `None` where nothing is sent.
    fn declared(
        &self,
        host: &AllowedUrl,
        credential: &CredentialSpec,
    ) -> Option<anyhow::Result<HostCredential>> {
        let google = credential.kind == CredentialKind::Google;
        let secret = self.secret(credential);
        // Google's emulators speak HTTP, and take no credentials.
        if google && host.url.starts_with("http://") || secret.is_left_out() {
            return None;
        }
        // A query is a request's own, and no part of where it goes.
        let base = host.url.split('?').next().unwrap_or_default();
        let url = match &host.path {
            Some(path) => format!("{}{path}", server_of(base)),
            None => format!("{}{}", base.trim_end_matches('/'), credential.below),
        };
        // Some webhooks have a secret in their path, which errors are not to show.
        Some(secret.read(&server_of(base)).map(|secret| HostCredential {
            url,
            exact: host.path.is_some(),
            methods: credential.methods.clone(),
            kind: credential.kind,
            header: None,
            secret,
        }))
    }

    fn secret(&self, credential: &CredentialSpec) -> Secret {
        let file = credential
            .file_key
            .as_ref()
            .and_then(|key| self.files.get(key));
        Secret {
            env: credential.env.clone().filter(|_| file.is_none()),
            file: file.cloned(),
            optional: credential.optional,
        }
    }
}

/// What all functions are read from.
pub(super) struct Reader<'a> {
    pub(super) flags: &'a Layer,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) file: &'a File,
    pub(super) store: &'a StoreAddress,
    pub(super) source: &'a SourceAddress,
    /// Values that the host gives where the user gives none.
    pub(super) host_defaults: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    /// framemill's own functions, those that are switched on.
    pub(super) fn builtins(&self, errors: &mut Vec<SettingError>) -> Vec<FunctionSettings> {
        let all = match builtins() {
            Ok(all) => all,
            Err(error) => {
                errors.push(SettingError::new("function.toml", error.to_string()));
                return Vec::new();
            }
        };
        let mut given: BTreeMap<&str, Given> = BTreeMap::new();
        let mut read = Vec::new();
        for (spec, builtin) in all {
            let of = self.layers(spec).read(&with_common(spec), errors);
            self.check_names(spec, errors);
            given.insert(&spec.name, of);
            if let Some(function) = self.builtin(spec, builtin, &given, errors) {
                read.push(function);
            }
        }
        read
    }

    fn layers<'a>(&'a self, spec: &'a FunctionSpec) -> Layers<'a> {
        Layers {
            table: &spec.table,
            flags: spec.plain_environment.then_some(self.flags),
            environment: self.environment,
            variables: spec.variable(""),
            file: self.file.tables.get(&spec.table),
            path: &self.file.path,
        }
    }

    fn builtin(
        &self,
        spec: &FunctionSpec,
        builtin: &Builtin,
        given: &BTreeMap<&str, Given>,
        errors: &mut Vec<SettingError>,
    ) -> Option<FunctionSettings> {
        let mut own = given.get(spec.name.as_str()).cloned().unwrap_or_default();
        if let Some(key) = &spec.enabled_by
            && !own.values.contains_key(key)
        {
            if let Some(given) = own.values.keys().next() {
                let key = named(&spec.table, key);
                let reason = format!("is not set: set it, or remove the table [{}]", spec.table);
                errors.push(own.error(
                    &spec.table,
                    given,
                    format!("counts for nothing, {key} {reason}"),
                ));
            } else if !self.given(spec).is_empty() {
                let key = named(&spec.table, key);
                let reason = format!("count for nothing, {key} is not set");
                errors.push(SettingError::new(named(&spec.table, "credentials"), reason));
            }
            return None;
        }
        let mut take = |name: &str| own.values.remove(name);
        let component = take("component").unwrap_or_else(|| spec.component.clone());
        let source = take("source").map(|text| SourceAddress::parse(Some(&text), self.store));
        // Functions that ask the same target may share the file with its credential.
        let mut file_of = |key: &str| {
            let shared = || given.values().find_map(|it| it.values.get(key).cloned());
            take(key).or_else(shared).map(PathBuf::from)
        };
        let files: BTreeMap<String, PathBuf> = file_keys(spec)
            .filter_map(|key| Some((key.to_owned(), file_of(key)?)))
            .collect();
        let source = match source {
            None => self.source.clone(),
            Some(Ok(source)) => source,
            Some(Err(reason)) => {
                errors.push(own.error(&spec.table, "source", reason));
                return None;
            }
        };
        for key in &spec.keys {
            if own.values.contains_key(&key.name) {
                continue;
            }
            let inherited = key
                .from
                .as_deref()
                .and_then(|from| given.get(from)?.values.get(&key.name));
            if let Some(value) = inherited.cloned().or_else(|| self.of_the_host(key)) {
                own.values.insert(key.name.clone(), value);
            }
        }
        let look_up = |name: &str| own.values.get(name).cloned();
        if let Err(error) = (builtin.check)(&look_up) {
            errors.push(own.error(&spec.table, &error.key, error.reason));
            return None;
        }
        Some(FunctionSettings {
            function: Function::new(spec, look_up),
            component,
            source,
            store: self.store.clone(),
            variables: variables(spec, look_up),
            webhook_secret: spec.webhook_secret.as_ref().map(|secret| {
                let file = files.get(&secret.file_key);
                Secret {
                    env: file.is_none().then(|| secret.env.clone()),
                    file: file.cloned(),
                    optional: true,
                }
            }),
            files,
            given: self.given(spec).to_vec(),
        })
    }

    /// What the user has said of servers for one of framemill's own functions.
    fn given(&self, spec: &FunctionSpec) -> &[CredentialSettings] {
        let of_table = self.file.credentials.get(&spec.table);
        of_table.map_or(&[], Vec::as_slice)
    }

    /// What the host says of a key that nobody else set.
    fn of_the_host(&self, key: &Key) -> Option<String> {
        if key.name == "bucket" && key.internal {
            return Some(self.store.bucket().to_owned());
        }
        (self.host_defaults)(&key.name).or_else(|| {
            let cores = key.host_default.as_deref() == Some("cores");
            cores.then(|| cores_within(key).to_string())
        })
    }

    /// Each name in the function's table must be one of its keys, and no secret.
    fn check_names(&self, spec: &FunctionSpec, errors: &mut Vec<SettingError>) {
        let known = with_common(spec);
        let settable = |key: &&Key| !key.internal && !key.secret && key.from.is_none();
        for (name, (_, line)) in self.file.tables.get(&spec.table).into_iter().flatten() {
            let key = known.iter().find(|key| key.name == *name);
            let reason = match key {
                Some(key) if settable(&key) => continue,
                Some(key) if key.secret => secret_elsewhere(spec),
                Some(key) if key.from.is_some() => format!(
                    "is that of {}: set it there",
                    key.from.as_deref().unwrap_or_default()
                ),
                _ => {
                    let names = known.iter().filter(settable).map(|key| key.name.as_str());
                    format!(
                        "is unknown: choose from {}",
                        names.collect::<Vec<_>>().join(", ")
                    )
                }
            };
            errors.push(self.file.error(&named(&spec.table, name), *line, reason));
        }
    }

    /// A component of the user's.
    pub(super) fn pipeline(
        &self,
        own: &PipelineSettings,
    ) -> Result<FunctionSettings, SettingError> {
        let wrong =
            |reason: String| SettingError::new("pipeline", format!("{reason}: {}", own.name));
        let spec = own.spec().map_err(wrong)?;
        let parsed = |reason: String| wrong(reason);
        let store = match &own.store {
            Some(text) => StoreAddress::parse(text).map_err(parsed)?,
            None => self.store.clone(),
        };
        let source = match &own.source {
            Some(text) => SourceAddress::parse(Some(text), &store).map_err(wrong)?,
            None => self.source.clone(),
        };
        let given = own.given().map_err(wrong)?;
        for (name, value) in &given {
            match spec.key(name) {
                Some(key) => key
                    .check(value)
                    .map_err(|reason| wrong(format!("`{name}`: {reason}")))?,
                None if spec.keys.is_empty() => {}
                None => return Err(wrong(format!("`{name}` is no key of its function.toml"))),
            }
        }
        let mut function = Function::new(&spec, |name| given.get(name).cloned());
        function.name.clone_from(&own.name);
        for prefixes in [&mut function.read, &mut function.write] {
            name_the_whole_bucket(prefixes).map_err(wrong)?;
        }
        let mut variables = variables(&spec, |name| given.get(name).cloned());
        variables.extend(given);
        Ok(FunctionSettings {
            component: spec.component,
            function,
            source,
            store,
            variables,
            webhook_secret: None,
            files: BTreeMap::new(),
            given: own.credentials.clone(),
        })
    }
}

fn cores_within(key: &Key) -> usize {
    let most = key.max.map_or(usize::MAX, |most| most as usize);
    cores().clamp(1, most)
}

/// Each declared key with what was given, or its default.
fn variables(spec: &FunctionSpec, given: impl Fn(&str) -> Option<String>) -> Layer {
    let values = Values::new(&spec.keys, given);
    let text = |key: &Key| (key.name.clone(), values.text(&key.name).unwrap_or_default());
    spec.keys.iter().map(text).collect()
}

fn file_keys(spec: &FunctionSpec) -> impl Iterator<Item = &str> {
    let credentials = spec
        .hosts
        .iter()
        .filter_map(|host| host.credential.as_ref());
    let of_webhooks = spec.webhook_secret.as_ref();
    let mut seen = HashSet::new();
    credentials
        .filter_map(|credential| credential.file_key.as_deref())
        .chain(of_webhooks.map(|secret| secret.file_key.as_str()))
        .filter(move |key| seen.insert(*key))
}

/// The function's keys and those that each function has.
pub(super) fn with_common(spec: &FunctionSpec) -> Vec<Key> {
    let more = COMMON.into_iter().chain(file_keys(spec));
    let more = more.map(|name| Key::text(name, "see docs/configuration.md"));
    spec.keys.iter().cloned().chain(more).collect()
}

/// What to do with a secret that stands in the file.
fn secret_elsewhere(spec: &FunctionSpec) -> String {
    let credential = spec.hosts.iter().find_map(|host| {
        let credential = host.credential.as_ref()?;
        Some((credential.env.as_ref()?, credential.file_key.as_ref()?))
    });
    let reason = "is a secret and stands in no file like this";
    match credential {
        Some((env, key)) => format!("{reason}: set {env}, or {}.{key}", spec.table),
        None => reason.to_owned(),
    }
}
