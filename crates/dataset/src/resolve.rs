//! What a rule says of labels, by their ids.

use crate::build_error::BuildError;
use crate::label_names::by_name;
use crate::{BuildRule, DatasetFrame, FrameState};
use framemill_annotations::LabelList;
use std::collections::{BTreeSet, HashMap};

/// Names that are like one that is not known, at most.
const MOST_NEAR: usize = 3;
/// How alike they are at least, from 0 to 1.
const LEAST_ALIKE: f64 = 0.75;

/// A rule and the names of shapes' labels, by ids.
pub(crate) struct Resolved {
    /// Id of each name, by its place.
    ids: Vec<u32>,
    /// Conditions: a label, and whether frames must have it or must not.
    conditions: Vec<(u32, bool)>,
    /// Labels whose shapes are kept; none: of all.
    kept: Option<BTreeSet<u32>>,
}

impl Resolved {
    /// With the names' places.
    ///
    /// # Errors
    /// [`BuildError::UnknownLabel`]: of several the first in the alphabet.
    pub(crate) fn new(
        rule: &BuildRule,
        names: &HashMap<String, u32>,
        labels: &LabelList,
    ) -> Result<Self, BuildError> {
        let known = by_name(labels);
        let id = |name: &str| {
            known
                .get(name)
                .map(|it| it.id)
                .ok_or_else(|| unknown(name, labels))
        };
        let conditions = rule.wheres.iter().filter_map(|it| it.label());
        let conditions = conditions.map(|(name, has)| Ok((id(name)?, has)));
        let conditions: Result<_, BuildError> = conditions.collect();
        let kept = rule.labels.as_ref();
        let kept = kept.map(|names| names.iter().map(|name| id(name)).collect());
        let mut sorted: Vec<_> = names.iter().collect();
        sorted.sort();
        let mut ids = vec![0; sorted.len()];
        for (name, &place) in sorted {
            if let Some(it) = ids.get_mut(place as usize) {
                *it = id(name)?;
            }
        }
        Ok(Self {
            ids,
            conditions: conditions?,
            kept: kept.transpose()?,
        })
    }

    /// Gives shapes the ids of their labels and leaves out those that are not kept; false where the frame
    /// does not meet a condition.
    pub(crate) fn apply(&self, frame: &mut DatasetFrame) -> bool {
        for shape in &mut frame.shapes {
            // Each name has a place.
            shape.label = self
                .ids
                .get(shape.label as usize)
                .copied()
                .unwrap_or(u32::MAX);
        }
        let has = |id: u32| frame.shapes.iter().any(|shape| shape.label == id);
        if self
            .conditions
            .iter()
            .any(|&(id, wanted)| has(id) != wanted)
        {
            return false;
        }
        if let Some(kept) = &self.kept {
            frame.shapes.retain(|shape| kept.contains(&shape.label));
            if frame.shapes.is_empty() && frame.state == FrameState::Labeled {
                frame.state = FrameState::Empty;
            }
        }
        true
    }
}

fn unknown(name: &str, labels: &LabelList) -> BuildError {
    let lower = name.to_lowercase();
    let alike = |it: &str| strsim::jaro_winkler(&lower, &it.to_lowercase());
    let near = labels.labels.iter().map(|it| (alike(&it.name), &it.name));
    let mut near: Vec<_> = near.filter(|(alike, _)| *alike >= LEAST_ALIKE).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    BuildError::UnknownLabel {
        name: name.to_owned(),
        near: near
            .into_iter()
            .take(MOST_NEAR)
            .map(|it| it.1.clone())
            .collect(),
    }
}
