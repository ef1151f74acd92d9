//! Which of several targets' annotations counts, and what is known by it.

use crate::fault::shape_fault;
use crate::{DatasetImage, FrameState};
use framemill_annotations::{FrameAnnotation, State};
use std::cmp::Reverse;

/// The annotation of a frame that counts.
#[derive(Debug)]
pub(crate) struct Counting {
    annotation: FrameAnnotation,
}

/// The annotation that counts, of those about one image: the newest that says what is in it, else the
/// newest that passed it on; of equally new ones the one whose target comes first in the alphabet.
pub(crate) fn counting(annotations: Vec<FrameAnnotation>) -> Option<Counting> {
    let rank = |it: &FrameAnnotation| {
        let says = matches!(it.state, State::Labeled | State::Empty);
        (says, it.updated_at, Reverse(it.target.clone()))
    };
    let given = annotations
        .into_iter()
        .filter(|it| it.state != State::Deleted);
    let newest = given.max_by(|a, b| {
        let by_rank = rank(a).cmp(&rank(b));
        by_rank.then_with(|| a.revision().cmp(&b.revision()))
    });
    newest.map(|annotation| Counting { annotation })
}

impl Counting {
    pub(crate) fn annotation(&self) -> &FrameAnnotation {
        &self.annotation
    }

    pub(crate) fn into_annotation(self) -> FrameAnnotation {
        self.annotation
    }

    /// What is known of the frame; `None` where something was marked of which nothing can be used:
    /// that is no negative.
    pub(crate) fn state(&self, image: &DatasetImage) -> Option<FrameState> {
        match self.annotation.state {
            State::Labeled => {
                let mut shapes = self.annotation.shapes.iter();
                let usable = shapes.any(|it| shape_fault(&it.geometry, image).is_none());
                usable.then_some(FrameState::Labeled)
            }
            State::Empty => Some(FrameState::Empty),
            State::Skipped => Some(FrameState::Skipped),
            State::Deleted => Some(FrameState::Unlabeled),
        }
    }

    /// Who gave the answer.
    pub(crate) fn annotator(&self) -> Option<&str> {
        let id = self.annotation.counts.as_ref()?;
        let answer = self.annotation.answers.iter().find(|it| it.id == *id)?;
        answer.annotator.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{annotation, candidate, square};
    use framemill_annotations::{Geometry, Mask, Shape};
    use proptest::prelude::*;

    fn target(annotations: &[FrameAnnotation]) -> Option<String> {
        let counting = counting(annotations.to_vec())?;
        Some(counting.annotation().target.clone())
    }

    #[test]
    fn the_newest_that_says_what_is_there_counts() {
        let of = |target: &str, at: i64, state: State| FrameAnnotation {
            state,
            ..annotation(target, 1, at, &[])
        };
        let (empty, labeled) = (of("a", 1, State::Empty), of("b", 2, State::Labeled));
        let (skipped, deleted) = (of("c", 3, State::Skipped), of("d", 4, State::Deleted));
        for (given, expected) in [
            (vec![empty.clone(), labeled.clone()], Some("b")),
            (
                vec![labeled.clone(), skipped.clone(), deleted.clone()],
                Some("b"),
            ),
            (vec![deleted.clone(), skipped], Some("c")),
            (vec![deleted], None),
            (vec![], None),
            (vec![of("z", 2, State::Empty), labeled], Some("b")),
        ] {
            assert_eq!(target(&given).as_deref(), expected);
        }
    }

    #[test]
    fn what_cannot_be_used_is_no_negative() {
        let mut faulty = annotation("a", 1, 1, &[square("car", 0.0)]);
        let image = candidate("a.mp4", 0, 1).image;
        let counted = |it: &FrameAnnotation| counting(vec![it.clone()]).unwrap().state(&image);
        assert_eq!(counted(&faulty), None);
        faulty.shapes.push(square("car", 5.0));
        assert_eq!(counted(&faulty), Some(FrameState::Labeled));
        // A mask counts where it is of all of the image.
        for (width, state) in [(639, None), (640, Some(FrameState::Labeled))] {
            let mask = Mask::of_rows(width, 480, |x, _| x == 1);
            faulty.shapes = vec![Shape {
                geometry: Geometry::Mask(mask),
                ..square("car", 1.0)
            }];
            assert_eq!(counted(&faulty), state);
        }
        faulty.shapes.clear();
        assert_eq!(counted(&faulty), None);
    }

    proptest! {
        #[test]
        fn the_order_of_targets_does_not_matter(
            given in proptest::collection::vec((0..3_u8, 0..3_i64, 0..4_usize), 0..6)
        ) {
            let states = [State::Labeled, State::Empty, State::Skipped, State::Deleted];
            let made = |&(target, at, state): &(u8, i64, usize)| FrameAnnotation {
                state: states[state],
                ..annotation(&target.to_string(), 1, at, &[])
            };
            let mut annotations: Vec<_> = given.iter().map(made).collect();
            let one = counting(annotations.clone()).map(Counting::into_annotation);
            annotations.reverse();
            prop_assert_eq!(counting(annotations).map(Counting::into_annotation), one);
        }
    }
}
