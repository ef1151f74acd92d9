//! Documents whose content follows from the declarations of keys.

use framemill_function_spec::{FunctionSpec, Key, KeyType, Keys};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All that is declared.
pub struct Declarations {
    /// Keys of the host.
    pub host: Vec<Key>,
    /// Keys of the warehouse.
    pub warehouse: Vec<Key>,
    /// The functions, in the order of the host's list.
    pub functions: Vec<FunctionSpec>,
    /// Keys that every component reads.
    pub platform: Vec<Key>,
}

impl Declarations {
    /// Reads the declarations of the repository. A function's is found by its folder.
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(root().join(path)).unwrap();
        let keys = |path: &str| Keys::parse(&text(path)).unwrap().keys;
        let mut folders: Vec<PathBuf> = fs::read_dir(root().join("functions"))
            .unwrap()
            .map(|entry| entry.unwrap().path().join("function.toml"))
            .filter(|path| path.is_file())
            .collect();
        folders.sort();
        assert!(folders.len() > 1, "no function.toml below functions/");
        let parse = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            FunctionSpec::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        Self {
            host: keys("host/host.toml"),
            warehouse: keys("host/warehouse.toml"),
            functions: folders.iter().map(parse).collect(),
            platform: keys("functions/component-sdk/platform.toml"),
        }
    }
}

/// Compares a file with what it should hold; `FRAMEMILL_WRITE_DOCS=1` writes it instead.
pub fn check(file: &str, expected: &str) {
    let path = root().join(file);
    if std::env::var_os("FRAMEMILL_WRITE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == expected,
        "{file} is out of date: FRAMEMILL_WRITE_DOCS=1 cargo xtask test follow_from"
    );
}

/// `docs/configuration.md`.
pub fn configuration(declared: &Declarations) -> String {
    let mut text = CONFIGURATION.to_owned();
    let _ = write!(
        text,
        "\n## Host keys\n\nAt the top of `framemill.toml`.\n\n{}",
        table(&declared.host)
    );
    let _ = write!(
        text,
        "\n## Warehouse (`[warehouse]`)\n\n{WAREHOUSE} Environment: `FRAMEMILL_WAREHOUSE_KEY`.\n\n{}",
        table(&declared.warehouse)
    );
    for spec in &declared.functions {
        let variable = spec.variable("KEY");
        let _ = write!(
            text,
            "\n## {} (`[{}]`)\n\n{}. Environment: `{variable}`. Beside its keys each function takes `component` \
             (another component in its place) and `source` (where its messages come from, if not from the common source).\n\n{}",
            spec.name,
            spec.table,
            capital(&spec.about),
            table(&spec.keys)
        );
    }
    let _ = write!(
        text,
        "\n## Platform keys\n\nEvery component reads these beside its own. Under framemill the host sets `host` and the limits; the others count \
         where a component stands alone, as under Spin.\n\n{}",
        table(&declared.platform)
    );
    text
}

/// What `[warehouse]` is.
const WAREHOUSE: &str = "Tables of what is in the bucket ([warehouse](warehouse.md)).";

const CONFIGURATION: &str = "\
# Configuration

Made from the declarations: [host/host.toml](../host/host.toml), [host/warehouse.toml](../host/warehouse.toml), each function's `function.toml`
([extract-frames](../functions/extract-frames/function.toml),
[request-labeling](../functions/request-labeling/function.toml),
[collect-annotations](../functions/collect-annotations/function.toml)) and
[platform.toml](../functions/component-sdk/platform.toml). Editors that know JSON Schema complete and
check `framemill.toml` with [framemill.schema.json](framemill.schema.json).

A value is taken from the first of these that has one: a flag (`--every 2s`), an environment variable
(`FRAMEMILL_EVERY`, `FRAMEMILL_LABELING_TARGET`), `framemill.toml` (`--config`, or the file of that
name in the current folder), the default. `every`, `every_frames`, `count`, `keyframes` and `at` are
one choice: a layer that makes it hides that of the layers below. Secrets stand in no file and no
flag: they are environment variables, or files that a key names. Sizes are written `512MiB`, times
`500ms`, `1.5s`, `2m`, `1h`. Everything that is wrong is said at once, each with its key, where it was
given, and what is allowed; `framemill check` looks at the rest of a set-up too.
";

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A table of keys.
fn table(keys: &[Key]) -> String {
    let row = |key: &Key| {
        let default = match key.default.as_str() {
            "" => String::new(),
            text => format!("`{text}`"),
        };
        let mut doc = key.doc.replace('|', "\\|");
        if key.secret {
            doc = format!("secret; {doc}");
        }
        if let Some(from) = &key.from {
            doc = format!("that of {from}; {doc}");
        }
        let kind = kind(key);
        format!("| `{}` | {kind} | {default} | {doc} |\n", key.name)
    };
    let rows: String = keys.iter().map(row).collect();
    format!("| key | type | default | what it does |\n|---|---|---|---|\n{rows}")
}

/// A key's type, with its limits and unit.
fn kind(key: &Key) -> String {
    let name = match key.kind {
        KeyType::Text => "text",
        KeyType::Prefix => "prefix",
        KeyType::Url => "URL",
        KeyType::Boolean => "boolean",
        KeyType::Integer => "integer",
        KeyType::Number => "number",
        KeyType::Duration => "time",
        KeyType::Size => "size",
        KeyType::Budget => "time and size",
        KeyType::Choice => "choice",
        KeyType::List => "list",
        KeyType::Durations => "list of times",
        KeyType::Address => "address",
        KeyType::Object => "JSON object",
    };
    let range = match (key.min, key.max) {
        (Some(min), Some(max)) => format!(" {min} to {max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" to {max}"),
        (None, None) => String::new(),
    };
    let unit = match key.unit.as_str() {
        "" => String::new(),
        unit => format!(", {unit}"),
    };
    format!("{name}{range}{unit}")
}

/// The JSON Schema of `framemill.toml`, for editors.
pub fn toml_schema(declared: &Declarations) -> String {
    let tables = json!({ "type": "array", "items": { "type": "object" } });
    let mut properties = properties(&declared.host);
    for spec in &declared.functions {
        let mut own = self::properties(&spec.keys);
        for name in ["component", "source", "token_file"] {
            own.insert(name.to_owned(), json!({ "type": "string" }));
        }
        if !spec.hosts.is_empty() {
            own.insert("credentials".to_owned(), tables.clone());
        }
        let table = json!({
            "type": "object",
            "description": spec.about,
            "additionalProperties": false,
            "properties": own,
        });
        properties.insert(spec.table.clone(), table);
    }
    let warehouse = json!({
        "type": "object",
        "description": "Tables of what is in the bucket",
        "additionalProperties": false,
        "properties": self::properties(&declared.warehouse),
    });
    properties.insert("warehouse".to_owned(), warehouse);
    properties.insert("pipeline".to_owned(), tables);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "framemill.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    let settable = keys
        .iter()
        .filter(|key| !key.internal && !key.secret && key.from.is_none());
    settable
        .map(|key| (key.name.clone(), property(key)))
        .collect()
}

fn property(key: &Key) -> Value {
    let text = json!({ "type": "string" });
    let mut schema = match key.kind {
        KeyType::Boolean => json!({ "type": "boolean" }),
        KeyType::Integer | KeyType::Number => {
            let name = if key.kind == KeyType::Integer {
                "integer"
            } else {
                "number"
            };
            let mut number = json!({ "type": name });
            for (bound, value) in [("minimum", key.min), ("maximum", key.max)] {
                if let Some(value) = value {
                    number[bound] = json!(value);
                }
            }
            match key.words.as_slice() {
                [] => number,
                words => json!({ "anyOf": [number, { "enum": words }] }),
            }
        }
        KeyType::Choice if key.choices.iter().all(|choice| !choice.ends_with('*')) => {
            json!({ "enum": key.choices })
        }
        KeyType::List | KeyType::Durations => {
            json!({ "anyOf": [text, { "type": "array", "items": { "type": "string" } }] })
        }
        _ => text,
    };
    schema["description"] = json!(key.doc);
    if !key.default.is_empty() {
        schema["default"] = json!(key.default);
    }
    schema
}
