//! What differs between two snapshots.

use crate::label_names::{by_name, names};
use crate::shape_diff::{Keyed, ShapeDiff};
use crate::{DatasetFrame, DatasetShape, FrameState, Snapshot};
use framemill_annotations::{Label, LabelList};
use serde::Serialize;
use std::cmp::Ordering;

/// Frames that are listed at most.
const MOST_LISTED: usize = 100;

/// What differs between an older and a newer snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The older one.
    pub from: Version,
    /// The newer one.
    pub to: Version,
    /// They were built by other rules.
    pub rule_changed: bool,
    /// Frames that differ, in numbers.
    pub frames: FrameDiff,
    /// Shapes that differ, in frames that are in both.
    pub shapes: ShapeDiff,
    /// Labels that differ.
    pub labels: LabelDiff,
    /// The first 100 frames that differ, by video and index.
    pub listed: Vec<FrameChange>,
}

/// A snapshot, by what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Name of the dataset.
    pub name: String,
    /// Hash of the snapshot.
    pub hash: String,
}

/// How many frames differ: one that differs in several ways counts for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameDiff {
    /// In any way.
    pub all: u64,
    /// Only in the newer snapshot.
    pub added: u64,
    /// Only in the older one.
    pub removed: u64,
    /// With another image.
    pub image: u64,
    /// In another split.
    pub split: u64,
    /// Of which something else is known.
    pub state: u64,
    /// With other shapes.
    pub shapes: u64,
}

/// A frame that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameChange {
    /// Its video.
    pub video: String,
    /// Its number there.
    pub index: u64,
    /// How.
    #[serde(flatten)]
    pub change: Changed,
}

/// How a frame differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Changed {
    /// Only in the newer snapshot.
    Added,
    /// Only in the older one.
    Removed,
    /// In both.
    Changed {
        /// The image is another one.
        image: bool,
        /// Its splits, where they differ.
        #[serde(skip_serializing_if = "Option::is_none")]
        split: Option<Moved<String>>,
        /// Its states, where they differ.
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<Moved<FrameState>>,
        /// Its shapes.
        shapes: ShapeDiff,
    },
}

/// What became of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved<T> {
    /// In the older snapshot.
    pub from: T,
    /// In the newer one.
    pub to: T,
}

/// Labels that differ; a label is the same where one of its names, now or before, is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LabelDiff {
    /// Only in the newer snapshot.
    pub added: Vec<String>,
    /// Only in the older one.
    pub removed: Vec<String>,
    /// Called otherwise.
    pub renamed: Vec<Moved<String>>,
}

impl Diff {
    /// What became of `old` in `new`.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let version = |it: &Snapshot| Version {
            name: it.meta().name.clone(),
            hash: it.hash().to_owned(),
        };
        let (labels, ids) = label_diff(old.labels(), new.labels());
        let mut diff = Self {
            from: version(old),
            to: version(new),
            rule_changed: old.meta().rule != new.meta().rule,
            frames: FrameDiff::default(),
            shapes: ShapeDiff::default(),
            labels,
            listed: Vec::new(),
        };
        for pair in Pairs::of(old.frames(), new.frames()) {
            diff.add(pair, &ids);
        }
        diff
    }

    /// Whether frames and labels are the same.
    pub fn is_empty(&self) -> bool {
        self.frames.all == 0 && self.labels == LabelDiff::default()
    }

    fn add(&mut self, pair: Pair<'_>, ids: &[Option<u32>]) {
        let (frame, change) = match pair {
            (Some(old), Some(new)) => match changed(old, new, ids) {
                Some(change) => (new, change),
                None => return,
            },
            (None, Some(new)) => (new, Changed::Added),
            (Some(old), None) => (old, Changed::Removed),
            (None, None) => return,
        };
        self.frames.add(&change);
        if let Changed::Changed { shapes, .. } = &change {
            self.shapes.add(*shapes);
        }
        if self.listed.len() < MOST_LISTED {
            self.listed.push(FrameChange {
                video: frame.video.clone(),
                index: frame.index,
                change,
            });
        }
    }
}

impl FrameDiff {
    fn add(&mut self, change: &Changed) {
        self.all += 1;
        match change {
            Changed::Added => self.added += 1,
            Changed::Removed => self.removed += 1,
            Changed::Changed {
                image,
                split,
                state,
                shapes,
            } => {
                self.image += u64::from(*image);
                self.split += u64::from(split.is_some());
                self.state += u64::from(state.is_some());
                self.shapes += u64::from(!shapes.is_none());
            }
        }
    }
}

/// How a frame that is in both differs; `None` where it does not.
fn changed(old: &DatasetFrame, new: &DatasetFrame, ids: &[Option<u32>]) -> Option<Changed> {
    let image = old.image.sha256 != new.image.sha256;
    let split = (old.split != new.split).then(|| Moved {
        from: old.split.clone(),
        to: new.split.clone(),
    });
    let state = (old.state != new.state).then_some(Moved {
        from: old.state,
        to: new.state,
    });
    let renumbered = |it: &DatasetShape| ids.get(it.label as usize).copied().flatten();
    let before: Vec<_> = old
        .shapes
        .iter()
        .map(|it| Keyed::new(it, renumbered(it)))
        .collect();
    let now = new.shapes.iter().map(|it| Keyed::new(it, Some(it.label)));
    let shapes = ShapeDiff::between(&before, &now.collect::<Vec<_>>());
    let is_changed = image || split.is_some() || state.is_some() || !shapes.is_none();
    is_changed.then_some(Changed::Changed {
        image,
        split,
        state,
        shapes,
    })
}

/// A frame in the older and in the newer snapshot.
type Pair<'a> = (Option<&'a DatasetFrame>, Option<&'a DatasetFrame>);

/// The frames of two snapshots side by side.
struct Pairs<'a> {
    old: &'a [DatasetFrame],
    new: &'a [DatasetFrame],
}

impl<'a> Pairs<'a> {
    fn of(old: &'a [DatasetFrame], new: &'a [DatasetFrame]) -> Self {
        Self { old, new }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        let order = match (self.old.first(), self.new.first()) {
            (Some(old), Some(new)) => (&old.video, old.index).cmp(&(&new.video, new.index)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let take = |frames: &mut &'a [DatasetFrame]| {
            let (first, rest) = frames.split_first()?;
            *frames = rest;
            Some(first)
        };
        let old = if order.is_le() {
            take(&mut self.old)
        } else {
            None
        };
        let new = if order.is_ge() {
            take(&mut self.new)
        } else {
            None
        };
        Some((old, new))
    }
}

/// What differs, and the newer list's id of each label of the older one.
fn label_diff(old: &LabelList, new: &LabelList) -> (LabelDiff, Vec<Option<u32>>) {
    let (in_old, in_new) = (by_name(old), by_name(new));
    let mut diff = LabelDiff::default();
    let mut ids = Vec::new();
    for label in &old.labels {
        let found = names(label).find_map(|name| in_new.get(name));
        ids.push(found.map(|it| it.id));
        match found.map(|it| it.name.clone()) {
            Some(name) if name != label.name => diff.renamed.push(Moved {
                from: label.name.clone(),
                to: name,
            }),
            Some(_) => {}
            None => diff.removed.push(label.name.clone()),
        }
    }
    let is_new = |label: &&Label| !names(label).any(|name| in_old.contains_key(name));
    let added = new.labels.iter().filter(is_new);
    diff.added = added.map(|label| label.name.clone()).collect();
    (diff, ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answered, built, candidate, in_state, mixed, square};
    use crate::{BuildRule, Candidate, MinState, SnapshotBuilder};
    use framemill_annotations::State;

    fn snapshot(candidates: Vec<Candidate>) -> Snapshot {
        let rule = BuildRule {
            min_state: MinState::Unlabeled,
            ..BuildRule::default()
        };
        built(rule, candidates).0
    }

    #[test]
    fn a_snapshot_is_as_itself() {
        let it = snapshot(mixed());
        let diff = Diff::between(&it, &it);
        assert!(diff.is_empty() && diff.listed.is_empty() && !diff.rule_changed);
        assert!(diff.to_string().ends_with("the same frames and labels\n"));
    }

    #[test]
    fn frames_come_go_and_change() {
        let old = snapshot(vec![
            answered("a.mp4", 0, &[square("car", 1.0), square("car", 2.0)]),
            answered("a.mp4", 1, &[square("car", 1.0)]),
            answered("a.mp4", 2, &[]),
            answered("a.mp4", 3, &[]),
        ]);
        let new = snapshot(vec![
            answered("a.mp4", 0, &[square("car", 2.0), square("van", 1.0)]),
            in_state(State::Skipped, answered("a.mp4", 1, &[square("car", 1.0)])),
            candidate("a.mp4", 3, 77),
            answered("a.mp4", 4, &[]),
        ]);
        let diff = Diff::between(&old, &new);
        let frames = FrameDiff {
            all: 5,
            added: 1,
            removed: 1,
            image: 1,
            split: 0,
            state: 2,
            shapes: 2,
        };
        assert_eq!(diff.frames, frames);
        let shapes = ShapeDiff {
            added: 0,
            removed: 1,
            changed: 1,
        };
        assert_eq!(diff.shapes, shapes);
        assert_eq!(diff.labels.added, ["van"]);
        let text = diff.to_string();
        let listed: Vec<_> = text.lines().skip(4).collect();
        let expected = [
            "a.mp4#0: shapes +0 -0 ~1",
            "a.mp4#1: labeled → skipped, shapes +0 -1 ~0",
            "a.mp4#2: removed",
            "a.mp4#3: another image, empty → unlabeled",
            "a.mp4#4: added",
        ];
        assert_eq!(listed, expected, "{text}");
        let json = serde_json::to_value(&diff.listed[1]).unwrap();
        let expected = serde_json::json!({
            "video": "a.mp4", "index": 1, "change": "changed", "image": false,
            "state": {"from": "labeled", "to": "skipped"},
            "shapes": {"added": 0, "removed": 1, "changed": 0},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn another_salt_moves_frames_and_a_rule_is_seen() {
        let frames = || {
            (0..40)
                .map(|i| candidate(&format!("{i}.mp4"), 0, i))
                .collect()
        };
        let old = snapshot(frames());
        let rule = BuildRule {
            min_state: MinState::Unlabeled,
            split: crate::SplitRule::default().with_salt("other").unwrap(),
            ..BuildRule::default()
        };
        let new = built(rule, frames()).0;
        let diff = Diff::between(&old, &new);
        let pairs = old.frames().iter().zip(new.frames());
        let moved = pairs.filter(|(a, b)| a.split != b.split).count() as u64;
        assert!(diff.rule_changed && moved > 0);
        assert_eq!((diff.frames.split, diff.frames.all), (moved, moved));
    }

    #[test]
    fn a_renamed_label_is_the_same_and_another_lists_ids_are_others() {
        let finish = |labels: &LabelList| {
            let mut builder = SnapshotBuilder::new("cars", BuildRule::default()).unwrap();
            builder
                .add(answered("a.mp4", 0, &[square("car", 1.0)]))
                .unwrap();
            builder.finish(labels).unwrap().0
        };
        let mut labels = LabelList::default();
        labels.add_all(["car"]);
        let old = finish(&labels);
        labels.rename("car", "automobile").unwrap();
        let diff = Diff::between(&old, &finish(&labels));
        assert_eq!(diff.frames.all, 0);
        let renamed = Moved {
            from: "car".to_owned(),
            to: "automobile".to_owned(),
        };
        assert_eq!(diff.labels.renamed, [renamed]);
        assert!(diff.to_string().contains("label car: is automobile now"));

        let mut other = LabelList::default();
        other.add_all(["bus", "car"]);
        let diff = Diff::between(&old, &finish(&other));
        assert_eq!(
            (diff.frames.all, diff.labels.added),
            (0, vec!["bus".to_owned()])
        );
    }

    #[test]
    fn only_so_many_frames_are_listed() {
        let all = (0..300).map(|i| candidate("a.mp4", i, i)).collect();
        let diff = Diff::between(&snapshot(vec![]), &snapshot(all));
        assert_eq!((diff.frames.added, diff.listed.len()), (300, 100));
        assert!(diff.to_string().ends_with("… and 200 more\n"));
    }
}
