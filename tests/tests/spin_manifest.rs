//! spin.toml gives the components every key that they read, with its default, and lets them reach
//! what they ask. Whether Spin takes it is for Spin to say: `cargo xtask test --with spin`.

use framemill_contract::{ConfigKey, KEYS, LABEL_KEYS, PLATFORM_KEYS};
use framemill_tests::documents::root;
use framemill_tests::spin_manifest::{Manifest, expressions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Keys that no deployment under Spin gives, and why.
const NOT_UNDER_SPIN: &[(&str, &str)] = &[
    ("host", "only framemill's host may say that it is one"),
    (
        "component_sha256",
        "the host counts it; Spin tells a component nothing of itself",
    ),
    (
        "segments_url",
        "its default is Spin's service chaining, the only one that is allowed",
    ),
];
/// Variables with a default other than their key's, and why.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    ("bucket", "required: whoever may push could name any bucket"),
    ("segment_budget", "small clouds end requests early"),
    (
        "parallel_segments",
        "busy components hold the threads that answer everyone",
    ),
    ("push_keys_url", "its host is a variable of its own"),
    ("target_url", "its host is a variable of its own"),
];
/// Keys whose values must not be shown.
const SECRETS: &[&str] = &["token", "webhook_secret", "google_token", "google_key"];

fn text() -> String {
    fs::read_to_string(root().join("spin.toml")).unwrap()
}

/// Everything that is wrong.
fn problems(text: &str) -> Vec<String> {
    match Manifest::parse(text) {
        Ok(manifest) => [
            key_problems(&manifest),
            host_problems(&manifest),
            unused(&manifest),
        ]
        .concat(),
        Err(error) => vec![error],
    }
}

fn components() -> [(&'static str, Vec<&'static ConfigKey>); 2] {
    [
        ("extract-frames", KEYS.iter().chain(PLATFORM_KEYS).collect()),
        (
            "request-labeling",
            LABEL_KEYS.iter().chain(PLATFORM_KEYS).collect(),
        ),
    ]
}

/// What is wrong with the variables, seen from the keys that components read.
fn key_problems(manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let not_there = |key: &str| NOT_UNDER_SPIN.iter().any(|(name, _)| *name == key);
    for (id, keys) in components() {
        let Some(component) = manifest.component.get(id) else {
            found.push(format!("{id} is missing"));
            continue;
        };
        for name in component.variables.keys() {
            if !keys.iter().any(|key| key.name == name) || not_there(name) {
                found.push(format!("{id} reads no `{name}` under Spin"));
            }
        }
        for key in keys {
            match component.variables.get(key.name) {
                None if not_there(key.name) => {}
                None => found.push(format!("{id} is not given `{}`", key.name)),
                Some(template) => found.extend(of_key(manifest, id, key, template)),
            }
        }
    }
    found
}

fn of_key(manifest: &Manifest, id: &str, key: &ConfigKey, template: &str) -> Vec<String> {
    let mut found = Vec::new();
    let name = key.name;
    let plain = [
        format!("{{{{ {name} }}}}"),
        format!("{{{{ label_{name} }}}}"),
    ];
    let other = OTHER_DEFAULTS.iter().any(|(other, _)| *other == name);
    if !other && !plain.contains(&template.to_owned()) {
        found.push(format!("{id} takes `{name}` from `{template}`"));
    }
    let secret = SECRETS.contains(&name);
    for (variable, declared) in &manifest.variables {
        if template.contains(&format!("{{{{ {variable} }}}}")) && declared.secret != secret {
            found.push(format!(
                "`{variable}` gives `{name}`: secret must be {secret}"
            ));
        }
    }
    match manifest.resolved(template, &given()) {
        Err(why) => found.push(format!("{id}: `{name}`: {why}")),
        Ok(value) if !other && value != key.default => found.push(format!(
            "{id}: default of `{name}` is `{value}`, not `{}`",
            key.default
        )),
        Ok(_) => {}
    }
    found
}

/// What a deployment must set.
fn given() -> BTreeMap<String, String> {
    BTreeMap::from([("bucket".to_owned(), "b".to_owned())])
}

/// Every host that a component asks by its defaults is one that it may reach.
fn host_problems(manifest: &Manifest) -> Vec<String> {
    let given = given();
    let mut found = Vec::new();
    for (id, keys) in components() {
        let Some(component) = manifest.component.get(id) else {
            continue;
        };
        let hosts = component.allowed_outbound_hosts.iter();
        let hosts: Vec<String> = hosts
            .filter_map(|host| manifest.resolved(host, &given).ok())
            .collect();
        for key in keys.iter().filter(|key| key.name.ends_with("_url")) {
            let url = match component.variables.get(key.name) {
                Some(template) => manifest.resolved(template, &given).unwrap_or_default(),
                None => key.default.to_owned(),
            };
            let reached = |host: &String| {
                let rest = url.strip_prefix(host.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let told_others = ["callback_url", "image_url_base"].contains(&key.name);
            if !told_others && !hosts.iter().any(reached) {
                found.push(format!("{id} may not reach `{}`: {url}", key.name));
            }
        }
    }
    found
}

/// A variable that a deployment sets for nothing.
fn unused(manifest: &Manifest) -> Vec<String> {
    let templates = manifest.component.values().flat_map(|component| {
        let hosts = &component.allowed_outbound_hosts;
        component.variables.values().chain(hosts)
    });
    let used: BTreeSet<&str> = templates
        .flat_map(|template| expressions(template).unwrap_or_default())
        .collect();
    let names = manifest.variables.keys();
    names
        .filter(|name| !used.contains(name.as_str()))
        .map(|name| format!("variable `{name}` is used nowhere"))
        .collect()
}

#[test]
fn the_manifest_gives_what_the_components_read() {
    assert_eq!(problems(&text()), Vec::<String>::new());
    let manifest = Manifest::parse(&text()).unwrap();
    assert!(manifest.variables["bucket"].required);
}

#[test]
fn components_are_where_they_are_built() {
    for (id, component) in &Manifest::parse(&text()).unwrap().component {
        assert_eq!(component.source, format!("target/components/{id}.wasm"));
        let path = root().join(&component.source);
        assert!(
            path.is_file(),
            "run `cargo xtask build`: {}",
            path.display()
        );
    }
}

/// Each of these is found, with these words.
#[test]
fn broken_manifests_are_refused() {
    const BUCKET: &str = "bucket = { required = true }";
    const QUALITY: &str = "quality = \"{{ quality }}\"";
    const METADATA: &str = "    \"{{ metadata_url }}\",\n";
    for (from, to, why) in [
        (BUCKET, "bucket = { required = 1 }", "invalid type"),
        (BUCKET, "", "`bucket` is not declared"),
        (
            BUCKET,
            "bucket = { required = true }\nspeed = { default = \"\" }",
            "`speed` is used nowhere",
        ),
        (
            "google_key = { default = \"\", secret = true }",
            "google_key = { default = \"\" }",
            "secret must be true",
        ),
        (
            "every = { default = \"1s\" }",
            "every = { default = \"1s\", secret = true }",
            "secret must be false",
        ),
        (
            "quality = { default = \"95\" }",
            "quality = { default = \"5\" }",
            "default of `quality`",
        ),
        (QUALITY, "", "not given `quality`"),
        (QUALITY, "quality = \"{{ every }}\"", "takes `quality` from"),
        (QUALITY, "quality = \"{{ quality\"", "does not close it"),
        (QUALITY, "speed = \"{{ quality }}\"", "reads no `speed`"),
        (
            QUALITY,
            "quality = \"{{ quality }}\"\nhost = \"framemill\"",
            "reads no `host`",
        ),
        (METADATA, "", "may not reach `metadata_url`"),
        (
            "http://extract-frames.spin",
            "http://extract.spin",
            "may not reach `segments_url`",
        ),
        (
            "component.request-labeling",
            "component.labeling",
            "request-labeling is missing",
        ),
    ] {
        let broken = match from {
            "component.request-labeling" => text().replace(from, to),
            _ => text().replacen(from, to, 1),
        };
        assert_ne!(broken, text(), "`{from}` is not in spin.toml");
        let found = problems(&broken).join("\n");
        assert!(found.contains(why), "`{from}` to `{to}` gives: {found}");
    }
}
