//! Whether what is there is what must be there.

use super::Harness;
use super::case::{Expect, Received};
use super::harness::BUCKET;
use crate::receiver::Arrived;
use crate::servers::HttpResponse;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Members of JSON objects that may differ between hosts, releases and runs: they are compared as
/// null.
pub const VARYING: &[&str] = &[
    "component_sha256",
    "peak_memory_bytes",
    "version",
    "holder",
    "revision",
    "work",
];
/// Most characters of a body in a message.
const SHOWN: usize = 600;

/// What is not as expected about an answer.
pub fn answer(expect: &Expect, answer: &HttpResponse) -> Vec<String> {
    let mut problems = Vec::new();
    let body = String::from_utf8_lossy(&answer.body);
    let shown: String = body.chars().take(SHOWN).collect();
    if answer.status != expect.status {
        problems.push(format!(
            "status {}, not {}: {shown}",
            answer.status, expect.status
        ));
    }
    for (name, value) in &expect.headers {
        let there = answer.headers.get(name);
        if there != Some(value) {
            problems.push(format!("header {name} is {there:?}, not {value:?}"));
        }
    }
    if let Some(part) = expect.text.as_ref().filter(|part| !body.contains(*part)) {
        problems.push(format!("body does not contain `{part}`: {shown}"));
    }
    if let Some(part) = expect.without.as_ref().filter(|part| body.contains(*part)) {
        problems.push(format!("body contains `{part}`: {shown}"));
    }
    if let Some(json) = &expect.json {
        match serde_json::from_slice(&answer.body) {
            Ok(there) => problems.extend(holds(&from_toml(json), &there, "body")),
            Err(error) => problems.push(format!("body is no JSON ({error}): {shown}")),
        }
    }
    problems
}

/// The checkpoint object of an answer `continued`.
pub fn checkpoint(answer: &HttpResponse) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let continued = answer.status == 200 && body["outcome"] == "continued";
    let checkpoint = body["checkpoint"].as_str().filter(|_| continued)?;
    Some(checkpoint.to_owned())
}

fn from_toml(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap()
}

/// What `there` lacks of `wanted`: objects may have more members.
fn holds(wanted: &Value, there: &Value, at: &str) -> Vec<String> {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => wanted
            .iter()
            .flat_map(|(name, value)| {
                let at = format!("{at}.{name}");
                holds(value, there.get(name).unwrap_or(&Value::Null), &at)
            })
            .collect(),
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => {
            let both = wanted.iter().zip(there).enumerate();
            both.flat_map(|(number, (wanted, there))| {
                holds(wanted, there, &format!("{at}[{number}]"))
            })
            .collect()
        }
        _ if wanted == there => Vec::new(),
        _ => vec![format!("{at} is {there}, not {wanted}")],
    }
}

/// What is not as expected about the requests that the labeling system got.
pub fn received(expected: &[Received], arrived: &[Arrived]) -> Vec<String> {
    if expected.len() != arrived.len() {
        return vec![format!(
            "the labeling system got {} requests, not {}",
            arrived.len(),
            expected.len()
        )];
    }
    let mut problems = Vec::new();
    for (number, (expected, arrived)) in expected.iter().zip(arrived).enumerate() {
        let at = format!("labeling request {number}");
        if arrived.uri != expected.path {
            problems.push(format!(
                "{at} went to {}, not {}",
                arrived.uri, expected.path
            ));
        }
        let key = expected.signed_with.as_ref();
        if key.is_some_and(|key| !arrived.is_signed_with(key)) {
            problems.push(format!("{at} has no right signature"));
        }
        let body = serde_json::from_slice(&arrived.body).unwrap_or_default();
        problems.extend(holds(&from_toml(&expected.json), &body, &at));
    }
    problems
}

/// Objects below `after/`.
pub fn after(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let after = folder.join("after");
    if !after.is_dir() {
        return BTreeMap::new();
    }
    let files = crate::files(&after);
    assert!(!files.is_empty(), "is empty: {}", after.display());
    files
}

/// Writes what is there besides `before` as what is expected.
pub fn write(folder: &Path, before: &BTreeMap<String, Vec<u8>>, harness: &Harness) {
    let after = folder.join("after");
    if after.is_dir() {
        fs::remove_dir_all(&after).unwrap();
    }
    for (name, bytes) in there(harness) {
        if before.get(&name) != Some(&bytes) {
            let path = after.join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, normal(&name, &bytes, harness)).unwrap();
        }
    }
}

fn there(harness: &Harness) -> BTreeMap<String, Vec<u8>> {
    let names = harness.gcs.names(BUCKET).into_iter();
    names
        .map(|name| {
            let object = harness.gcs.get(BUCKET, &name).unwrap();
            (harness.generic(&name), object.bytes)
        })
        .collect()
}

/// What is not as expected about the bucket.
pub fn bucket(expected: &BTreeMap<String, Vec<u8>>, harness: &Harness) -> Vec<String> {
    let there = there(harness);
    let mut problems = Vec::new();
    for name in there.keys().filter(|name| !expected.contains_key(*name)) {
        let bytes = String::from_utf8_lossy(&there[name]);
        let shown: String = bytes.chars().take(SHOWN).collect();
        problems.push(format!("object {name} should not be there: {shown}"));
    }
    for (name, wanted) in expected {
        let Some(bytes) = there.get(name) else {
            problems.push(format!("object {name} is missing"));
            continue;
        };
        let (wanted, bytes) = (normal(name, wanted, harness), normal(name, bytes, harness));
        if wanted != bytes {
            problems.push(differing(name, &wanted, &bytes));
        }
    }
    problems
}

fn differing(name: &str, wanted: &[u8], there: &[u8]) -> String {
    if let (Ok(wanted), Ok(there)) = (std::str::from_utf8(wanted), std::str::from_utf8(there)) {
        let mut lines = wanted.lines().zip(there.lines());
        if let Some((wanted, there)) = lines.find(|(wanted, there)| wanted != there) {
            return format!("object {name} has the line `{there}`, not `{wanted}`");
        }
    }
    let same = wanted.iter().zip(there).take_while(|(a, b)| a == b).count();
    format!(
        "object {name} has {} bytes, not {}, and differs at byte {same}",
        there.len(),
        wanted.len()
    )
}

/// Contents without what may vary.
fn normal(name: &str, bytes: &[u8], harness: &Harness) -> Vec<u8> {
    let parsed = std::str::from_utf8(bytes).ok();
    let parsed = parsed.and_then(|text| serde_json::from_str(&harness.generic(text)).ok());
    let Some(mut value) = parsed.filter(|_| name.ends_with(".json")) else {
        return bytes.to_vec();
    };
    blank(&mut value);
    let mut text = serde_json::to_vec_pretty(&value).unwrap();
    text.push(b'\n');
    text
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match VARYING.contains(&name.as_str()) {
                    true => *value = Value::Null,
                    false => blank(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}
