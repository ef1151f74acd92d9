//! `spin.toml`, made from the declarations of the functions: what their components read and reach.

use crate::documents::Declarations;
use framemill_function_spec::{FunctionSpec, Key, KeyType};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Where a component reaches itself: the default is the only address that Spin chains.
const CHAINED: &str = "segments_url";

/// The manifest.
pub fn spin_toml(declared: &Declarations) -> String {
    let mut text = HEAD.to_owned();
    section(
        &mut text,
        "Who may send messages, and the credentials for Google.",
    );
    for key in given(&declared.platform) {
        variable(&mut text, "", key);
    }
    for spec in &declared.functions {
        section(&mut text, &format!("{}: {}.", spec.name, spec.about));
        let own = spec.keys.iter().filter(|key| key.from.is_none());
        for key in own.filter(|key| is_given(key)) {
            variable(&mut text, &spec.spin_prefix(), key);
        }
    }
    for spec in &declared.functions {
        component(&mut text, spec, declared);
    }
    text
}

const HEAD: &str = "\
# framemill's components under Spin: the very same files that framemill's own host runs. Made from
# the functions' declarations (function.toml); docs/spin.md says how to try, deploy and secure them.
spin_manifest_version = 2

[application]
name = \"framemill\"
version = \"0.1.0\"
description = \"Turns uploaded videos into labeled image datasets\"

# What a deployment sets; in the environment as SPIN_VARIABLE_NAME. docs/configuration.md says what
# each means. Hosts are variables of their own where a URL has a path, because
# allowed_outbound_hosts takes none.
[variables]
# The bucket with the videos: messages of other buckets are ignored.
bucket = { required = true }
";

fn section(text: &mut String, title: &str) {
    let _ = write!(text, "\n# {title}\n");
}

/// Whether a deployment gives a key: what only a host knows, it does not.
fn is_given(key: &Key) -> bool {
    !key.internal && key.name != CHAINED
}

fn given(keys: &[Key]) -> impl Iterator<Item = &Key> {
    keys.iter().filter(|key| is_given(key))
}

fn variable(text: &mut String, prefix: &str, key: &Key) {
    let default = key.spin_origin.as_ref().or(key.spin_default.as_ref());
    let default = default.unwrap_or(&key.default);
    let secret = if key.secret { ", secret = true" } else { "" };
    let name = key.spin_variable(prefix);
    let _ = writeln!(text, "{name} = {{ default = {default:?}{secret} }}");
    if let Some(path) = key.spin_path_variable(prefix) {
        let _ = writeln!(text, "{path} = {{ default = \"\" }}");
    }
}

/// What a component's key is set to.
fn template(prefix: &str, key: &Key) -> String {
    let variable = key.spin_variable(prefix);
    if let Some(path) = key.spin_path_variable(prefix) {
        return format!("{{{{ {variable} }}}}{{{{ {path} }}}}");
    }
    let origin = key.spin_origin.as_deref();
    let path = origin.and_then(|origin| key.default.strip_prefix(origin));
    format!("{{{{ {variable} }}}}{}", path.unwrap_or_default())
}

/// What the variable of a function's key begins with: that of the function whose key it is.
fn prefix(spec: &FunctionSpec, key: &Key, declared: &Declarations) -> String {
    let owner = match &key.from {
        Some(from) => declared.functions.iter().find(|it| it.name == *from),
        None => key.is_own().then_some(spec),
    };
    owner.map_or_else(String::new, FunctionSpec::spin_prefix)
}

fn component(text: &mut String, spec: &FunctionSpec, declared: &Declarations) {
    let name = &spec.name;
    let route = spec.route.as_deref().unwrap_or("/...");
    let _ = write!(
        text,
        "\n# Push subscriptions of {name} go here.\n[[trigger.http]]\nroute = {route:?}\ncomponent = {name:?}\n"
    );
    if let Some(route) = &spec.webhook_route {
        let _ = write!(
            text,
            "\n# And webhooks here.\n[[trigger.http]]\nroute = {route:?}\ncomponent = {name:?}\n"
        );
    }
    let _ = write!(
        text,
        "\n[component.{name}]\nsource = \"target/components/{}.wasm\"\nallowed_outbound_hosts = [\n",
        spec.component
    );
    for host in hosts(spec, declared) {
        let _ = writeln!(text, "    {host:?},");
    }
    let _ = write!(
        text,
        "]\n# The public keys of push tokens, between requests.\nkey_value_stores = [\"default\"]\n\n[component.{name}.variables]\n"
    );
    for key in spec
        .keys
        .iter()
        .filter(|key| is_given(key) || key.name == "bucket")
    {
        let prefix = prefix(spec, key, declared);
        let _ = writeln!(text, "{} = {:?}", key.name, template(&prefix, key));
        // The component checks the two halves of a URL.
        if key.spin_path_variable(&prefix).is_some() {
            let own = key.spin_variable("");
            let _ = writeln!(text, "{own} = \"{{{{ {} }}}}\"", key.spin_variable(&prefix));
        }
    }
    for key in given(&declared.platform) {
        let _ = writeln!(text, "{} = {:?}", key.name, template("", key));
    }
    let _ = write!(
        text,
        "\n[component.{name}.build]\ncommand = \"cargo xtask build --components\"\nwatch = [\"crates/**/*.rs\", \"functions/**/*\"]\n"
    );
}

/// Whom a component may reach: its objects, Google's keys and metadata server, the URLs of its
/// hosts, and itself where it chains.
fn hosts(spec: &FunctionSpec, declared: &Declarations) -> Vec<String> {
    let mut hosts = vec![
        "{{ objects_url }}".to_owned(),
        "{{ push_keys_origin }}".to_owned(),
        "{{ metadata_url }}".to_owned(),
    ];
    let urls: BTreeSet<&str> = spec
        .hosts
        .iter()
        .map(|host| host.url.trim_matches(['{', '}']))
        .collect();
    for key in spec
        .keys
        .iter()
        .filter(|key| urls.contains(key.name.as_str()))
    {
        let variable = key.spin_variable(&prefix(spec, key, declared));
        hosts.push(format!("{{{{ {variable} }}}}"));
    }
    if let Some(key) = spec.key(CHAINED)
        && key.kind == KeyType::Url
    {
        let host = key.default.trim_end_matches("/segments");
        hosts.push(host.to_owned());
    }
    hosts
}
