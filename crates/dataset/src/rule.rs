//! What of the frames at hand becomes a dataset.

use crate::{FrameFilter, FrameState, GroupRule, SplitRule};
use serde::{Deserialize, Serialize};

/// What a snapshot is built by. With the same frames, annotations and labels it gives the same snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuildRule {
    /// Splits, and the salt.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::split::SplitText"))]
    pub split: SplitRule,
    /// What is never divided among splits: `video`, or a regular expression over the video's path.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub group: GroupRule,
    /// Conditions that all frames meet: `FIELD OP VALUE`.
    #[serde(rename = "where", default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub wheres: Vec<FrameFilter>,
    /// Only shapes of these labels are kept; a frame that thereby has none is a negative. None: all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// What must be known of frames.
    pub min_state: MinState,
}

/// What must be known of a frame at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MinState {
    /// Someone said what is in it, be it nothing: labeled and empty frames.
    #[default]
    Labeled,
    /// Those that were passed on, too.
    Skipped,
    /// All frames.
    Unlabeled,
}

impl MinState {
    /// Whether as much is known.
    pub(crate) fn allows(self, state: FrameState) -> bool {
        state
            >= match self {
                Self::Labeled => FrameState::Empty,
                Self::Skipped => FrameState::Skipped,
                Self::Unlabeled => FrameState::Unlabeled,
            }
    }
}

impl BuildRule {
    /// In one form: the order of conditions and labels does not matter, nor that one stands there twice.
    #[must_use]
    pub(crate) fn normalised(mut self) -> Self {
        self.wheres.sort_by_key(ToString::to_string);
        self.wheres.dedup();
        if let Some(labels) = &mut self.labels {
            labels.sort();
            labels.dedup();
        }
        self
    }
}
