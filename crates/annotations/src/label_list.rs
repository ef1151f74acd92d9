//! `labels.json` of a dataset: a label's id, once given, is that label's for ever.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// Schema name of [`LabelList`].
pub const LABELS_SCHEMA: &str = "framemill.labels/1";

/// Colours in turn: Okabe and Ito's, which people tell apart who see colours differently.
const COLORS: [&str; 8] = [
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999",
];

/// The labels of a dataset, by id from 0. Append-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelList {
    /// [`LABELS_SCHEMA`].
    pub schema: String,
    /// The labels; each one's place is its id.
    pub labels: Vec<Label>,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Label {
    /// Its id, in every export.
    pub id: u32,
    /// What it is called now.
    pub name: String,
    /// What else it is or was called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// `#rrggbb`, to show it with.
    pub color: String,
}

/// What cannot be done to a list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelError {
    /// No such label.
    #[error("no label is called `{0}`")]
    Unknown(String),
    /// Another label has the name.
    #[error("`{name}` is label {id} already: choose another name")]
    Taken {
        /// The name.
        name: String,
        /// Who has it.
        id: u32,
    },
    /// The list is not what a list is.
    #[error("labels are damaged: {0}")]
    Damaged(String),
}

impl Default for LabelList {
    fn default() -> Self {
        Self {
            schema: LABELS_SCHEMA.to_owned(),
            labels: Vec::new(),
        }
    }
}

impl LabelList {
    /// Reads a list.
    ///
    /// # Errors
    /// [`LabelError::Damaged`] where it is no JSON of this schema, ids are not 0, 1, 2 … or a name
    /// stands for two labels.
    pub fn parse(bytes: &[u8]) -> Result<Self, LabelError> {
        let list: Self = serde_json::from_slice(bytes)
            .map_err(|error| LabelError::Damaged(error.to_string()))?;
        if list.schema != LABELS_SCHEMA {
            return Err(LabelError::Damaged(format!("schema is `{}`", list.schema)));
        }
        let mut names = BTreeSet::new();
        for (place, label) in list.labels.iter().enumerate() {
            if u32::try_from(place) != Ok(label.id) {
                let reason = format!("label {} stands in place {place}", label.id);
                return Err(LabelError::Damaged(reason));
            }
            for name in std::iter::once(&label.name).chain(&label.aliases) {
                if !names.insert(name) {
                    return Err(LabelError::Damaged(format!("`{name}` stands there twice")));
                }
            }
        }
        Ok(list)
    }

    /// The label of this name, or that had it.
    pub fn find(&self, name: &str) -> Option<&Label> {
        let called =
            |label: &&Label| label.name == name || label.aliases.iter().any(|it| it == name);
        self.labels.iter().find(called)
    }

    /// The id of a name; a new name gets the next one.
    pub fn id(&mut self, name: &str) -> u32 {
        if let Some(label) = self.find(name) {
            return label.id;
        }
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.push(Label {
            id,
            name: name.to_owned(),
            aliases: Vec::new(),
            color: COLORS[self.labels.len() % COLORS.len()].to_owned(),
        });
        id
    }

    /// Gives the names in order of the alphabet their ids, so that they do not depend on which frame was
    /// read first.
    pub fn add_all<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names.into_iter().collect::<BTreeSet<_>>() {
            self.id(name);
        }
    }

    /// Calls a label by another name; the old one stays as an alias, and the id is the same.
    ///
    /// # Errors
    /// Where there is no such label, or another one has the new name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<u32, LabelError> {
        let unknown = || LabelError::Unknown(from.to_owned());
        let id = self.find(from).ok_or_else(unknown)?.id;
        if let Some(other) = self.find(to).filter(|other| other.id != id) {
            return Err(LabelError::Taken {
                name: to.to_owned(),
                id: other.id,
            });
        }
        let label = self.labels.get_mut(id as usize).ok_or_else(unknown)?;
        if label.name != to {
            let old = std::mem::replace(&mut label.name, to.to_owned());
            label.aliases.retain(|alias| alias != to);
            label.aliases.push(old);
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_label_keeps_its_id_and_a_new_one_gets_the_next() {
        let mut list = LabelList::default();
        list.add_all(["van", "car", "bus", "car"]);
        let names: Vec<_> = list
            .labels
            .iter()
            .map(|label| label.name.as_str())
            .collect();
        assert_eq!(names, ["bus", "car", "van"]);
        assert_eq!(list.rename("car", "automobile"), Ok(1));
        assert_eq!(list.id("car"), 1);
        assert_eq!(list.id("automobile"), 1);
        assert_eq!(list.id("bike"), 3);
        let taken = LabelError::Taken {
            name: "van".to_owned(),
            id: 2,
        };
        assert_eq!(list.rename("bus", "van"), Err(taken));
        assert_eq!(list.rename("automobile", "car"), Ok(1));
        assert_eq!(list.labels[1].aliases, ["automobile"]);
        let bytes = serde_json::to_vec(&list).unwrap();
        assert_eq!(LabelList::parse(&bytes), Ok(list));
    }

    #[test]
    fn a_damaged_list_is_named() {
        let list = |ids: [u32; 2], names: [&str; 2]| {
            let label =
                |i: usize| serde_json::json!({"id": ids[i], "name": names[i], "color": "#000000"});
            serde_json::to_vec(
                &serde_json::json!({"schema": LABELS_SCHEMA, "labels": [label(0), label(1)]}),
            )
            .unwrap()
        };
        for (ids, names) in [([0, 2], ["a", "b"]), ([0, 1], ["a", "a"])] {
            let read = LabelList::parse(&list(ids, names));
            assert!(matches!(read, Err(LabelError::Damaged(_))), "{read:?}");
        }
        assert!(LabelList::parse(&list([0, 1], ["a", "b"])).is_ok());
    }
}
