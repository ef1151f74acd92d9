//! How many frames and shapes there are, by split, state and label.

use crate::{DatasetFrame, FrameState, SplitRule};
use framemill_annotations::LabelList;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many frames and shapes a snapshot has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counts {
    /// All frames.
    pub frames: u64,
    /// All shapes.
    pub shapes: u64,
    /// By split, in the order of the rule.
    pub splits: Vec<SplitCounts>,
    /// Frames by state, of the states that there are.
    pub states: BTreeMap<FrameState, u64>,
    /// By label, of all labels of the list.
    pub labels: Vec<LabelCounts>,
}

/// Of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SplitCounts {
    /// Its name.
    pub name: String,
    /// Groups that fall into it.
    pub groups: u64,
    /// Its frames.
    pub frames: u64,
    /// Shapes in them.
    pub shapes: u64,
}

/// Of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelCounts {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Frames with it.
    pub frames: u64,
    /// Shapes of it.
    pub shapes: u64,
}

impl Counts {
    /// Of frames with splits of the rule and labels of the list.
    pub(crate) fn of(frames: &[DatasetFrame], rule: &SplitRule, labels: &LabelList) -> Self {
        let mut counts = Self::none(rule, labels);
        let mut groups = BTreeSet::new();
        for frame in frames {
            let shapes = frame.shapes.len() as u64;
            counts.frames += 1;
            counts.shapes += shapes;
            *counts.states.entry(frame.state).or_default() += 1;
            let mut splits = counts.splits.iter_mut();
            if let Some(split) = splits.find(|it| it.name == frame.split) {
                split.groups += u64::from(groups.insert(frame.group.as_str()));
                split.frames += 1;
                split.shapes += shapes;
            }
            counts.add_labels(frame);
        }
        counts
    }

    fn none(rule: &SplitRule, labels: &LabelList) -> Self {
        let split = |name: &String| SplitCounts {
            name: name.clone(),
            ..SplitCounts::default()
        };
        let label = |label: &framemill_annotations::Label| LabelCounts {
            id: label.id,
            name: label.name.clone(),
            ..LabelCounts::default()
        };
        Self {
            splits: rule.names().iter().map(split).collect(),
            labels: labels.labels.iter().map(label).collect(),
            ..Self::default()
        }
    }

    fn add_labels(&mut self, frame: &DatasetFrame) {
        let mut found = BTreeSet::new();
        for shape in &frame.shapes {
            if let Some(label) = self.labels.get_mut(shape.label as usize) {
                label.shapes += 1;
                label.frames += u64::from(found.insert(shape.label));
            }
        }
    }
}
