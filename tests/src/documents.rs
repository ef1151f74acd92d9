//! Documents whose content follows from the code.

use framemill_contract::ConfigKey;
use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
        "{file} is out of date: FRAMEMILL_WRITE_DOCS=1 cargo xtask test readme_lists schemas_are"
    );
}

/// The README with this table in place of the first one below a heading.
pub fn with_table(readme: &str, heading: &str, keys: &[ConfigKey]) -> String {
    const START: &str = "| key | default | what it does |\n|---|---|---|\n";
    let table: String = keys
        .iter()
        .map(|key| {
            let default = match key.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            format!("| `{}` | {default} | {} |\n", key.name, key.doc)
        })
        .collect();
    let section = readme.find(heading);
    let section = section.unwrap_or_else(|| panic!("README has no heading {heading}"));
    let start = readme[section..]
        .find(START)
        .expect("README has no table of keys");
    let start = section + start + START.len();
    let end = readme[start..].find("\n\n");
    let end = end.map_or(readme.len(), |end| start + end + 1);
    format!("{}{table}{}", &readme[..start], &readme[end..])
}
