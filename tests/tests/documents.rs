//! What is published with the code says what the code does.

use framemill_contract::{FailureRecord, KEYS, LABEL_KEYS, LabelReceipt, LabelRequest, Manifest};
use framemill_tests::documents::{check, root, with_table};
use std::fs;

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
    check(
        "crates/contract/label-request.schema.json",
        &schema::<LabelRequest>(),
    );
    check(
        "crates/contract/label-receipt.schema.json",
        &schema::<LabelReceipt>(),
    );
}

/// The tables of configuration keys in the README are those of the code.
#[test]
fn readme_lists_every_key() {
    let mut readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (heading, keys) in [
        ("### Extraction keys\n", KEYS),
        ("### Label keys\n", LABEL_KEYS),
    ] {
        readme = with_table(&readme, heading, keys);
    }
    check("README.md", &readme);
}

/// Every variable that spin.toml sets is a key of its component, with the same default.
#[test]
fn spin_manifest_uses_known_keys() {
    let manifest: toml::Table = fs::read_to_string(root().join("spin.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let application = manifest["variables"].as_table().unwrap();
    assert!(application.len() > 3);
    let mut used = std::collections::BTreeSet::new();
    for (component, keys) in [("extract-frames", KEYS), ("request-labeling", LABEL_KEYS)] {
        let variables = manifest["component"][component]["variables"].as_table();
        for (name, template) in variables.unwrap() {
            let key = keys.iter().find(|key| key.name == name);
            let key = key.unwrap_or_else(|| panic!("{component} has no key `{name}`"));
            let template = template.as_str().unwrap();
            let variable = template.trim_start_matches("{{ ").trim_end_matches(" }}");
            let declared = &application[variable];
            used.insert(variable.to_owned());
            assert!(
                [name.clone(), format!("label_{name}")].contains(&variable.to_owned()),
                "{component} takes `{name}` from `{variable}`"
            );
            let secret = ["token", "webhook_secret"].contains(&name.as_str());
            let is_secret = declared.get("secret").and_then(toml::Value::as_bool);
            assert_eq!(is_secret.unwrap_or(false), secret, "{variable}");
            if name != "target_url" {
                assert_eq!(
                    declared["default"].as_str(),
                    Some(key.default),
                    "{variable}"
                );
            }
        }
    }
    assert!(
        application.keys().all(|name| used.contains(name)),
        "{used:?}"
    );
}
