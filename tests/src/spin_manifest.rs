//! Spin's application manifest, version 2, as strictly as Spin reads it, and what `spin doctor`
//! and a start find wrong with one: <https://spinframework.dev/manifest-reference>.

mod hosts;

pub use hosts::outbound_host;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The whole manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    spin_manifest_version: u64,
    application: Application,
    /// What a deployment sets.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    /// What runs.
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    version: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

/// A variable of the application.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Value where none is given.
    pub default: Option<String>,
    /// Whether a start without a value fails.
    #[serde(default)]
    pub required: bool,
    /// Whether it must not be shown.
    #[serde(default)]
    pub secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// The triggers that we use: others have other fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTrigger {
    id: Option<String>,
    route: String,
    component: String,
}

/// A component of the application.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Path of the `.wasm`, from the manifest's folder.
    pub source: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    /// What it reads as its configuration: templates over the application's variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Where it may send requests.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    /// Stores that it may open.
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    /// How it is built.
    pub build: Option<Build>,
}

/// How a component is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Run in a shell, in the manifest's folder.
    pub command: String,
    #[serde(rename = "workdir")]
    _workdir: Option<String>,
    /// Files that `spin watch` looks at.
    #[serde(default)]
    pub watch: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What TOML or its shape lacks, or what has no place in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Everything that is wrong with it, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.spin_manifest_version != 2 {
            found.push(format!(
                "spin_manifest_version is {}: 2 is understood",
                self.spin_manifest_version
            ));
        }
        let application = &self.application;
        if let Err(why) = words(&application.name, '-', false) {
            found.push(format!("application name `{}`: {why}", application.name));
        }
        let version = application.version.as_deref().unwrap_or("0.0.0");
        let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
        if numbers.len() != 3 || numbers.iter().any(Result::is_err) {
            found.push(format!("application version `{version}`: write 1.2.3"));
        }
        for (name, variable) in &self.variables {
            if let Err(why) = words(name, '_', true) {
                found.push(format!("variable `{name}`: {why}"));
            }
            if variable.required == variable.default.is_some() {
                found.push(format!(
                    "variable `{name}`: must be either required or have a default"
                ));
            }
            if variable.secret
                && variable
                    .default
                    .as_ref()
                    .is_some_and(|text| !text.is_empty())
            {
                found.push(format!("variable `{name}`: a secret has a default"));
            }
        }
        found.extend(self.trigger_problems());
        for (id, component) in &self.component {
            if let Err(why) = words(id, '-', false) {
                found.push(format!("component `{id}`: {why}"));
            }
            let of_this = self.component_problems(component);
            found.extend(
                of_this
                    .into_iter()
                    .map(|why| format!("component `{id}`: {why}")),
            );
        }
        found.extend(
            self.unused()
                .map(|name| format!("variable `{name}` is used nowhere")),
        );
        found
    }

    fn trigger_problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut routes = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for trigger in &self.trigger.http {
            let route = &trigger.route;
            if !self.component.contains_key(&trigger.component) {
                found.push(format!(
                    "route `{route}` goes to `{}`, which is no component",
                    trigger.component
                ));
            }
            let plain = route.strip_suffix("/...").unwrap_or(route);
            if !route.starts_with('/') || plain.contains("...") || plain.contains(' ') {
                found.push(format!(
                    "route `{route}`: begins with a slash, and `...` may only end it"
                ));
            }
            if !routes.insert(route) {
                found.push(format!("route `{route}` is there twice"));
            }
            if trigger.id.as_ref().is_some_and(|id| !ids.insert(id)) {
                found.push(format!("trigger id of route `{route}` is there twice"));
            }
        }
        if self.trigger.http.is_empty() {
            found.push("there is no route".to_owned());
        }
        found
    }

    fn component_problems(&self, component: &Component) -> Vec<String> {
        let mut found = Vec::new();
        if !component.source.ends_with(".wasm") || Path::new(&component.source).is_absolute() {
            found.push(format!(
                "source `{}` is no .wasm beside us",
                component.source
            ));
        }
        for (name, template) in &component.variables {
            if let Err(why) = words(name, '_', true) {
                found.push(format!("variable `{name}`: {why}"));
            }
            found.extend(self.undeclared(template));
        }
        for template in &component.allowed_outbound_hosts {
            let undeclared = self.undeclared(template);
            if !undeclared.is_empty() {
                found.extend(undeclared);
            } else if let Ok(host) = self.resolved(template, &BTreeMap::new())
                && let Err(why) = outbound_host(&host)
            {
                found.push(format!(
                    "allowed_outbound_hosts `{template}` is `{host}`: {why}"
                ));
            } else if let Some(id) = chained(template)
                && !self.component.contains_key(id)
            {
                found.push(format!(
                    "allowed_outbound_hosts `{template}` names no component of this application"
                ));
            }
        }
        if component
            .build
            .as_ref()
            .is_some_and(|build| build.command.trim().is_empty())
        {
            found.push("build command is empty".to_owned());
        }
        found
    }

    fn undeclared(&self, template: &str) -> Vec<String> {
        match expressions(template) {
            Err(why) => vec![why],
            Ok(names) => names
                .into_iter()
                .filter(|name| !self.variables.contains_key(*name))
                .map(|name| format!("`{template}` uses `{name}`, which is not declared"))
                .collect(),
        }
    }

    fn unused(&self) -> impl Iterator<Item = &String> {
        let components = self.component.values();
        let templates = components.flat_map(|component| {
            let hosts = &component.allowed_outbound_hosts;
            component.variables.values().chain(hosts)
        });
        let used: BTreeSet<&str> = templates
            .flat_map(|template| expressions(template).unwrap_or_default())
            .collect();
        let names = self.variables.keys();
        names.filter(move |name| !used.contains(name.as_str()))
    }

    /// A template with the values of a deployment, or their defaults.
    ///
    /// # Errors
    /// Where a required variable has no value.
    pub fn resolved(
        &self,
        template: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<String, String> {
        let mut text = template.to_owned();
        for name in expressions(template)? {
            let declared = self.variables.get(name).and_then(|it| it.default.as_ref());
            let value = given.get(name).or(declared);
            let value = value.ok_or_else(|| format!("required variable `{name}` has no value"))?;
            for form in [format!("{{{{ {name} }}}}"), format!("{{{{{name}}}}}")] {
                text = text.replace(&form, value);
            }
        }
        Ok(text)
    }
}

/// The component of `http://ID.spin.internal`.
fn chained(host: &str) -> Option<&str> {
    let id = host.strip_prefix("http://")?;
    id.strip_suffix(".spin.internal").filter(|id| *id != "*")
}

/// Names of the variables in a template.
fn expressions(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| format!("`{template}` opens a template and does not close it"))?;
        names.push(name.trim());
        rest = after;
    }
    Ok(names)
}

/// Checks a name of words: each begins with a letter and goes on with letters of the same case
/// and digits.
fn words(name: &str, between: char, lower: bool) -> Result<(), String> {
    for word in name.split(between) {
        let mut letters = word.chars();
        let first = letters.next().ok_or("a word in it is empty")?;
        if !first.is_ascii_alphabetic() {
            return Err(format!("`{first}` begins a word"));
        }
        let upper = first.is_ascii_uppercase();
        for letter in letters {
            let same = letter.is_ascii_digit() || letter.is_ascii_uppercase() == upper;
            if !letter.is_ascii_alphanumeric() || !same {
                return Err(format!("`{letter}` has no place in a word of it"));
            }
        }
        if lower && upper {
            return Err("has capital letters".to_owned());
        }
    }
    Ok(())
}
