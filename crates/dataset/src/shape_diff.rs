//! What differs between the shapes of a frame in two snapshots.

use crate::DatasetShape;
use serde::Serialize;
use std::collections::BTreeMap;

/// Shapes that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShapeDiff {
    /// Those that are new.
    pub added: u64,
    /// Those that are gone.
    pub removed: u64,
    /// Those with another label at the same place, or with the same label elsewhere.
    pub changed: u64,
}

impl ShapeDiff {
    /// Between shapes whose labels have ids of the same list; `None` where it is a label of the older
    /// snapshot alone. Their order does not matter.
    pub(crate) fn between(old: &[Keyed], new: &[Keyed]) -> Self {
        let (mut old, mut new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
        pair_off(&mut old, &mut new, |it| it);
        let relabeled = pair_off(&mut old, &mut new, |it| &it.place);
        let moved = pair_off(&mut old, &mut new, |it| &it.label);
        Self {
            added: new.len() as u64,
            removed: old.len() as u64,
            changed: relabeled.saturating_add(moved),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.added = self.added.saturating_add(other.added);
        self.removed = self.removed.saturating_add(other.removed);
        self.changed = self.changed.saturating_add(other.changed);
    }
}

/// A shape as it can be sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Keyed {
    label: Option<u32>,
    /// Geometry and what stands before it, as JSON.
    place: String,
}

impl Keyed {
    /// Of a shape, with the label's id in the newer list.
    pub(crate) fn new(shape: &DatasetShape, label: Option<u32>) -> Self {
        let place = (&shape.geometry, shape.occluded);
        Self {
            label,
            place: serde_json::to_string(&place).unwrap_or_default(),
        }
    }
}

/// Takes out of both what has the same key in the other, one for one, and says how many pairs there were.
fn pair_off<'a, K: Ord + 'a>(
    old: &mut Vec<&'a Keyed>,
    new: &mut Vec<&'a Keyed>,
    key: impl Fn(&'a Keyed) -> &'a K,
) -> u64 {
    let mut free: BTreeMap<&K, (u64, u64)> = BTreeMap::new();
    new.iter()
        .for_each(|it| free.entry(key(it)).or_default().0 += 1);
    let mut pairs = 0;
    // Of each key as many leave the one as there are in the other.
    old.retain(|it| match free.get_mut(key(it)) {
        Some((left, taken)) if *left > 0 => {
            (*left, *taken) = (*left - 1, *taken + 1);
            pairs += 1;
            false
        }
        _ => true,
    });
    new.retain(|it| match free.get_mut(key(it)) {
        Some((_, taken)) if *taken > 0 => {
            *taken -= 1;
            false
        }
        _ => true,
    });
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyed(label: u32, place: u8) -> Keyed {
        Keyed {
            label: Some(label),
            place: place.to_string(),
        }
    }

    #[test]
    fn shapes_are_new_gone_or_changed() {
        let diff = |old: &[(u32, u8)], new: &[(u32, u8)]| {
            let all =
                |list: &[(u32, u8)]| list.iter().map(|it| keyed(it.0, it.1)).collect::<Vec<_>>();
            let it = ShapeDiff::between(&all(old), &all(new));
            (it.added, it.removed, it.changed)
        };
        assert_eq!(diff(&[(0, 1), (1, 2)], &[(1, 2), (0, 1)]), (0, 0, 0));
        assert_eq!(diff(&[(0, 1)], &[(0, 1), (0, 1)]), (1, 0, 0));
        assert_eq!(diff(&[(0, 1), (0, 1)], &[(0, 1)]), (0, 1, 0));
        assert_eq!(diff(&[(0, 1)], &[(1, 1)]), (0, 0, 1), "relabeled");
        assert_eq!(diff(&[(0, 1)], &[(0, 2)]), (0, 0, 1), "moved");
        assert_eq!(diff(&[(0, 1)], &[(1, 2)]), (1, 1, 0), "another one");
        // The place is looked at first.
        assert_eq!(diff(&[(0, 1), (0, 2)], &[(0, 3), (1, 1)]), (0, 0, 2));
    }

    proptest! {
        #[test]
        fn what_is_added_and_removed_makes_up_for_how_many_there_are(
            old in proptest::collection::vec((0..3_u32, 0..4_u8), 0..9),
            new in proptest::collection::vec((0..3_u32, 0..4_u8), 0..9),
        ) {
            let all = |list: &[(u32, u8)]| list.iter().map(|it| keyed(it.0, it.1)).collect::<Vec<_>>();
            let (a, b) = (all(&old), all(&new));
            let there = ShapeDiff::between(&a, &b);
            let back = ShapeDiff::between(&b, &a);
            prop_assert_eq!(old.len() as u64 + there.added, new.len() as u64 + there.removed);
            prop_assert_eq!((there.added, there.removed, there.changed), (back.removed, back.added, back.changed));
            prop_assert!(ShapeDiff::between(&a, &a).is_none());
        }
    }
}
