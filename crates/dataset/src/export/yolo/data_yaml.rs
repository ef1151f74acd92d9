//! `data.yaml`: where the splits are, and the names of labels.

use framemill_annotations::LabelList;
use std::fmt::Write;

/// The file. Without `path`, so that the folders are found beside it, wherever it is put.
pub(super) fn data_yaml(splits: &[&str], labels: &LabelList) -> String {
    let mut yaml = String::new();
    for split in splits {
        let _ = writeln!(
            yaml,
            "{}: {}",
            quoted(split),
            quoted(&format!("images/{split}"))
        );
    }
    if labels.labels.is_empty() {
        yaml.push_str("names: {}\n");
        return yaml;
    }
    yaml.push_str("names:\n");
    for label in &labels.labels {
        let _ = writeln!(yaml, "  {}: {}", label.id, quoted(&label.name));
    }
    yaml
}

/// A string in double quotes (YAML 1.2, 7.3.1), so that `no`, `1e3` and `a: b` stay strings. All that
/// is no letter or sign of every reader's repertoire is escaped: PyYAML refuses control characters,
/// takes some for line breaks, and Ultralytics removes what it cannot print.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' | '\\' => write!(quoted, "\\{character}"),
            ' '..='~' | '\u{a1}'..='\u{1fff}' | '\u{3001}'..='\u{d7ff}' => {
                write!(quoted, "{character}")
            }
            other => write!(quoted, "\\U{:08X}", u32::from(other)),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_splits_and_labels() {
        let mut labels = LabelList::default();
        labels.id("Fuß");
        labels.id("a: \"b\" \\ #\n");
        assert_eq!(
            data_yaml(&["train", "val"], &labels),
            "\"train\": \"images/train\"\n\"val\": \"images/val\"\nnames:\n  0: \"Fuß\"\n  1: \"a: \\\"b\\\" \\\\ #\\U0000000A\"\n"
        );
        assert_eq!(data_yaml(&[], &LabelList::default()), "names: {}\n");
    }
}
