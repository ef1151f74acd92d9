//! spin.toml is what Spin takes, and says what the components read.

use framemill_contract::{ConfigKey, KEYS, LABEL_KEYS, PLATFORM_KEYS};
use framemill_tests::documents::root;
use framemill_tests::spin_manifest::{Manifest, outbound_host};
use std::collections::BTreeMap;
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
    let resolved = manifest.resolved(template, &BTreeMap::new());
    if !other && resolved.as_deref() != Ok(key.default) {
        found.push(format!(
            "{id}: default of `{name}` is {resolved:?}, not `{}`",
            key.default
        ));
    }
    found
}

#[test]
fn the_manifest_is_one_that_spin_takes() {
    let manifest = Manifest::parse(&text()).unwrap();
    assert_eq!(manifest.problems(), Vec::<String>::new());
    assert_eq!(key_problems(&manifest), Vec::<String>::new());
    assert!(manifest.variables["bucket"].required);
    let probe = fs::read_to_string(root().join("tests/spin-probe.toml")).unwrap();
    assert_eq!(
        Manifest::parse(&probe).unwrap().problems(),
        Vec::<String>::new()
    );
}

/// Every host that a component asks by its defaults is one that it may reach.
#[test]
fn hosts_of_default_urls_are_allowed() {
    let manifest = Manifest::parse(&text()).unwrap();
    let given = BTreeMap::from([("bucket".to_owned(), "b".to_owned())]);
    for (id, keys) in components() {
        let component = &manifest.component[id];
        let hosts = component.allowed_outbound_hosts.iter();
        let hosts: Vec<_> = hosts
            .map(|host| manifest.resolved(host, &given).unwrap())
            .collect();
        for key in keys.iter().filter(|key| key.name.ends_with("_url")) {
            let url = match component.variables.get(key.name) {
                Some(template) => manifest.resolved(template, &given).unwrap(),
                None => key.default.to_owned(),
            };
            let reached = |host: &String| {
                let rest = url.strip_prefix(host.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let told_others = ["callback_url", "image_url_base"].contains(&key.name);
            assert!(
                told_others || hosts.iter().any(reached),
                "{id}: {} {url}",
                key.name
            );
        }
    }
}

#[test]
fn components_are_where_they_are_built() {
    let manifest = Manifest::parse(&text()).unwrap();
    for (id, component) in &manifest.component {
        assert_eq!(component.source, format!("target/components/{id}.wasm"));
        let build = component.build.as_ref().unwrap();
        assert!(build.command.starts_with("cargo xtask build"), "{id}");
        assert!(!build.watch.is_empty(), "{id}");
        let path = root().join(&component.source);
        assert!(
            path.is_file(),
            "run `cargo xtask build`: {}",
            path.display()
        );
    }
}

/// Each of these is refused, with these words.
#[test]
fn broken_manifests_are_refused() {
    let good = text();
    for (from, to, why) in [
        (
            "spin_manifest_version = 2",
            "spin_manifest_version = 1",
            "2 is understood",
        ),
        (
            "spin_manifest_version = 2",
            "spin_version = \"1\"",
            "unknown field `spin_version`",
        ),
        (
            "name = \"framemill\"",
            "name = \"frame mill\"",
            "application name",
        ),
        ("version = \"0.1.0\"", "version = \"one\"", "write 1.2.3"),
        (
            "bucket = { required = true }",
            "bucket = {}",
            "either required or have a default",
        ),
        (
            "bucket = { required = true }",
            "bucket = { required = true, default = \"b\" }",
            "either required or have a default",
        ),
        (
            "bucket = { required = true }",
            "bucket = { needed = true }",
            "unknown field `needed`",
        ),
        (
            "bucket = { required = true }",
            "BUCKET = { required = true }",
            "capital letters",
        ),
        (
            "bucket = { required = true }",
            "b__t = { required = true }",
            "a word in it is empty",
        ),
        (
            "google_key = { default = \"\"",
            "google_key = { default = \"k\"",
            "a secret has a default",
        ),
        (
            "google_key = { default = \"\", secret = true }",
            "google_key = { default = \"\" }",
            "secret must be true",
        ),
        (
            "quality = { default = \"95\" }",
            "quality = { default = \"5\" }",
            "default of `quality`",
        ),
        (
            "quality = { default = \"95\" }\n",
            "",
            "`quality`, which is not declared",
        ),
        ("quality = \"{{ quality }}\"\n", "", "not given `quality`"),
        (
            "quality = \"{{ quality }}\"",
            "quality = \"{{ every }}\"",
            "takes `quality` from",
        ),
        (
            "quality = \"{{ quality }}\"",
            "quality = \"{{ quality\"",
            "does not close it",
        ),
        (
            "quality = \"{{ quality }}\"",
            "speed = \"{{ quality }}\"",
            "reads no `speed`",
        ),
        (
            "\n[component.extract-frames.variables]",
            "\n[component.extract-frames.variables]\nhost = \"framemill\"",
            "reads no `host`",
        ),
        (
            "\"{{ metadata_url }}\",",
            "\"{{ metadata_url }}/x\",",
            "path",
        ),
        (
            "\"{{ metadata_url }}\",",
            "\"metadata.google.internal\",",
            "no scheme",
        ),
        (
            "\"{{ metadata_url }}\",",
            "\"https://a*.google.com\",",
            "whole subdomains",
        ),
        (
            "\"{{ metadata_url }}\",",
            "\"https://google.com:web\",",
            "no port",
        ),
        (
            "\"{{ metadata_url }}\",",
            "\"ftp://google.com\",",
            "scheme that wasi:http",
        ),
        (
            "http://extract-frames.spin",
            "http://extract.spin",
            "no component of this application",
        ),
        ("route = \"/label\"", "route = \"/...\"", "twice"),
        (
            "route = \"/label\"",
            "route = \"label\"",
            "begins with a slash",
        ),
        (
            "route = \"/label\"",
            "route = \"/a/.../b\"",
            "may only end it",
        ),
        (
            "route = \"/label\"",
            "path = \"/label\"",
            "unknown field `path`",
        ),
        (
            "[[trigger.http]]",
            "[[trigger.redis]]",
            "unknown field `redis`",
        ),
        (
            "component = \"request-labeling\"",
            "component = \"labeling\"",
            "no component",
        ),
        (
            "[[trigger.http]]",
            "[component.not_kebab]\nsource = \"x.wasm\"\n\n[[trigger.http]]",
            "`_` has no place",
        ),
        (".wasm\"", ".so\"", "no .wasm"),
        (
            "key_value_stores",
            "key_value_store",
            "unknown field `key_value_store`",
        ),
        (
            "command = \"cargo xtask build --components\"",
            "command = \"\"",
            "build command is empty",
        ),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "`{from}` is not in spin.toml");
        let found = match Manifest::parse(&broken) {
            Err(error) => error,
            Ok(manifest) => [manifest.problems(), key_problems(&manifest)]
                .concat()
                .join("\n"),
        };
        assert!(found.contains(why), "`{from}` to `{to}` gives: {found}");
    }
}

#[test]
fn forms_of_outbound_hosts() {
    for good in [
        "https://a.example",
        "https://a.example/",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://10.0.0.0/8:*",
        "https://*.example.com",
        "*://*:*",
        "http://a.example:8000..8002",
        "http://self",
    ] {
        assert_eq!(outbound_host(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "*",
        "https://",
        "https://a/b",
        "https://a b",
        "*://a",
        "http://a:99999",
    ] {
        assert!(outbound_host(bad).is_err(), "{bad}");
    }
}
