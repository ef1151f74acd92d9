//! Labels by all their names.

use framemill_annotations::{Label, LabelList};
use std::collections::HashMap;

/// What a label is called, now and before.
pub(crate) fn names(label: &Label) -> impl Iterator<Item = &str> {
    let names = std::iter::once(&label.name).chain(&label.aliases);
    names.map(String::as_str)
}

/// The labels of a list by all their names: to look for each in the list takes long where it is long.
pub(crate) fn by_name(labels: &LabelList) -> HashMap<&str, &Label> {
    let labels = labels.labels.iter();
    labels
        .flat_map(|label| names(label).map(move |name| (name, label)))
        .collect()
}
