//! The Google provider's arguments, as its published types state them: what `terraform validate`
//! checks, on a machine that has no provider.

use super::facts::Config;
use super::terraform::read;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Arguments that Terraform itself understands.
const META: &[&str] = &[
    "count",
    "for_each",
    "depends_on",
    "lifecycle",
    "provider",
    "dynamic",
];

/// Types of one version of the provider.
pub struct Schema {
    folder: PathBuf,
    version: String,
}

/// One resource's types.
#[derive(Default)]
struct Types {
    /// The interface of the resource itself.
    top: String,
    interfaces: BTreeMap<String, BTreeMap<String, Field>>,
    /// What can be read of the resource.
    attributes: BTreeSet<String>,
}

struct Field {
    required: bool,
    of: String,
}

impl Schema {
    /// The npm package @cdktf/provider-google.
    pub fn open(package: &Path) -> Result<Self> {
        let about: Value = serde_json::from_str(&read(&package.join("package.json"))?)?;
        let version = about["cdktf"]["provider"]["version"].as_str();
        Ok(Self {
            folder: package.join("lib"),
            version: version
                .context("the provider's package names no version")?
                .to_owned(),
        })
    }

    /// Unknown and missing arguments, and attributes that do not exist.
    pub fn check(&self, config: &Config) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let minor = self.version.rsplit_once('.').map_or("", |(minor, _)| minor);
        if config.provider_version() != format!("~> {minor}") {
            findings.push(format!(
                "the google provider is pinned to {}, and checked against {}",
                config.provider_version(),
                self.version
            ));
        }
        let mut known = BTreeMap::new();
        for block in &config.blocks {
            let at = format!("{}.{}", block.kind, block.name);
            let Some(types) = self.types(&block.kind, block.data)? else {
                findings.push(format!(
                    "{at}: google {} has no such resource",
                    self.version
                ));
                continue;
            };
            types.check(&types.top, &block.body, &at, &mut findings);
            known.insert((block.data, block.kind.clone()), types);
        }
        for reference in &config.references {
            let data = reference.first().is_some_and(|word| word == "data");
            let words = &reference[usize::from(data)..];
            if let [kind, _, attribute, ..] = words
                && let Some(types) = known.get(&(data, kind.clone()))
                && !types.attributes.contains(&camel(attribute))
            {
                findings.push(format!("{}: no such attribute", reference.join(".")));
            }
        }
        Ok(findings)
    }

    fn types(&self, kind: &str, data: bool) -> Result<Option<Types>> {
        let Some(name) = kind.strip_prefix("google_") else {
            return Ok(None);
        };
        let prefix = if data { "data-google-" } else { "" };
        let folder = self
            .folder
            .join(format!("{prefix}{}", name.replace('_', "-")));
        if !folder.is_dir() {
            return Ok(None);
        }
        let types = Types::parse(&read(&folder.join("index.d.ts"))?);
        if types.top.is_empty() {
            bail!("no arguments of {kind} in {}", folder.display());
        }
        Ok(Some(types))
    }
}

impl Types {
    fn parse(text: &str) -> Self {
        let mut types = Self::default();
        let mut inside = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("export interface ") {
                let name = rest.split(' ').next().unwrap_or_default().to_owned();
                if rest.contains("extends cdktf.TerraformMetaArguments") {
                    types.top.clone_from(&name);
                }
                types.interfaces.entry(name.clone()).or_default();
                inside = Some(name);
            } else if line == "}" {
                inside = None;
            } else if let Some(rest) = line.strip_prefix("    readonly ")
                && let Some(fields) = inside
                    .as_ref()
                    .and_then(|name| types.interfaces.get_mut(name))
                && let Some((name, of)) = rest.split_once(": ")
            {
                let of = of
                    .split(['[', ' ', ';'])
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let required = !name.ends_with('?');
                fields.insert(
                    name.trim_end_matches('?').to_owned(),
                    Field { required, of },
                );
            } else if let Some(rest) = line.trim_start().strip_prefix("get ") {
                let name = rest.split('(').next().unwrap_or_default();
                types.attributes.insert(name.to_owned());
            }
        }
        types
    }

    fn check(&self, interface: &str, body: &Value, at: &str, findings: &mut Vec<String>) {
        let (Some(fields), Some(arguments)) = (self.interfaces.get(interface), body.as_object())
        else {
            return;
        };
        let mut given = BTreeSet::new();
        let plain = arguments
            .iter()
            .filter(|(name, _)| !META.contains(&name.as_str()));
        let dynamic = body["dynamic"].as_object().into_iter().flatten();
        let dynamic = dynamic.map(|(name, blocks)| (name, &blocks[0]["content"]));
        for (name, value) in plain.chain(dynamic) {
            let key = camel(name);
            let Some(field) = fields.get(&key) else {
                findings.push(format!("{at}: no argument `{name}`"));
                continue;
            };
            for nested in value.as_array().into_iter().flatten() {
                self.check(&field.of, nested, &format!("{at}.{name}"), findings);
            }
            given.insert(key);
        }
        for (name, _) in fields.iter().filter(|(_, field)| field.required) {
            if !given.contains(name) {
                findings.push(format!("{at}: the argument `{name}` is missing"));
            }
        }
    }
}

/// `object_name_prefix` as the types write it: `objectNamePrefix`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
