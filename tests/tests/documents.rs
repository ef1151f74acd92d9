//! What is published with the code says what the code does.

use framemill_contract::{FailureRecord, KEYS, Manifest};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares a file with what it should hold; `FRAMEMILL_WRITE_DOCS=1` writes it instead.
fn check(file: &str, expected: &str) {
    let path = root().join(file);
    if std::env::var_os("FRAMEMILL_WRITE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == expected,
        "{file} is out of date: FRAMEMILL_WRITE_DOCS=1 cargo xtask test readme_lists schemas_are"
    );
}

fn schema<T: schemars::JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[test]
fn schemas_are_those_of_the_types() {
    check(
        "crates/contract/manifest.schema.json",
        &schema::<Manifest>(),
    );
    check(
        "crates/contract/failure.schema.json",
        &schema::<FailureRecord>(),
    );
}

/// The table of configuration keys in the README is the one of the code.
#[test]
fn readme_lists_every_key() {
    const START: &str = "| key | default | what it does |\n|---|---|---|\n";
    let table: String = KEYS
        .iter()
        .map(|key| {
            let default = match key.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            format!("| `{}` | {default} | {} |\n", key.name, key.doc)
        })
        .collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let start = readme.find(START).expect("README has no table of keys") + START.len();
    let end = start
        + readme[start..]
            .find("\n\n")
            .map_or(readme.len() - start, |end| end + 1);
    check(
        "README.md",
        &format!("{}{table}{}", &readme[..start], &readme[end..]),
    );
}

/// Every variable that spin.toml sets is a key, with the same default.
#[test]
fn spin_manifest_uses_known_keys() {
    let manifest: toml::Table = fs::read_to_string(root().join("spin.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let application = manifest["variables"].as_table().unwrap();
    let component = manifest["component"]["extract-frames"]["variables"]
        .as_table()
        .unwrap();
    assert!(application.len() > 3);
    for (name, variable) in application {
        let key = KEYS.iter().find(|key| key.name == name);
        let key = key.unwrap_or_else(|| panic!("spin.toml sets `{name}`, which is no key"));
        assert_eq!(variable["default"].as_str(), Some(key.default), "{name}");
        assert_eq!(
            component[name].as_str(),
            Some(format!("{{{{ {name} }}}}").as_str())
        );
    }
    assert_eq!(component.len(), application.len());
}
