//! Spin's application manifest, as much of it as says what a component reads and reaches. Spin
//! itself judges the rest: <https://spinframework.dev/manifest-reference>.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A manifest.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// What a deployment sets.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// What runs.
    pub component: BTreeMap<String, Component>,
}

/// A variable of the application.
#[derive(Debug, Deserialize)]
pub struct Variable {
    /// Value where none is given.
    pub default: Option<String>,
    /// Whether a start without a value fails.
    #[serde(default)]
    pub required: bool,
    /// Whether it must not be shown.
    #[serde(default)]
    pub secret: bool,
}

/// A component of the application.
#[derive(Debug, Deserialize)]
pub struct Component {
    /// Path of the `.wasm`, from the manifest's folder.
    pub source: String,
    /// What it reads as its configuration: templates over the application's variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Where it may send requests.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What TOML or its shape lacks.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// A template with the values of a deployment, or their defaults.
    ///
    /// # Errors
    /// Where a variable has no value, or is not declared.
    pub fn resolved(
        &self,
        template: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<String, String> {
        let mut text = template.to_owned();
        for name in expressions(template)? {
            let declared = self.variables.get(name);
            let declared = declared.ok_or_else(|| format!("variable `{name}` is not declared"))?;
            let value = given.get(name).or(declared.default.as_ref());
            let value = value.ok_or_else(|| format!("variable `{name}` has no value"))?;
            for form in [format!("{{{{ {name} }}}}"), format!("{{{{{name}}}}}")] {
                text = text.replace(&form, value);
            }
        }
        Ok(text)
    }
}

/// Names of the variables in a template.
///
/// # Errors
/// Where a template has no end.
pub fn expressions(template: &str) -> Result<Vec<&str>, String> {
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
