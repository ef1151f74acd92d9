//! Which of several targets' annotations counts, and what is known by it.

use crate::fault::shape_fault;
use crate::{DatasetImage, FrameState};
use framemill_annotations::{Answer, FrameAnnotation, Shape, State};
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

    /// What is known of the frame.
    ///
    /// # Errors
    /// What is wrong with the first of what was marked and cannot be used. The others alone would teach
    /// that there is nothing in its place.
    pub(crate) fn state(&self, image: &DatasetImage) -> Result<FrameState, String> {
        match self.annotation.state {
            State::Labeled => match self.fault(image) {
                Some(fault) => Err(fault),
                None => Ok(FrameState::Labeled),
            },
            State::Empty => Ok(FrameState::Empty),
            State::Skipped => Ok(FrameState::Skipped),
            State::Deleted => Ok(FrameState::Unlabeled),
        }
    }

    fn fault(&self, image: &DatasetImage) -> Option<String> {
        let found = self.answer().and_then(|answer| answer.faults.first());
        if let Some(found) = found {
            return Some(found.clone());
        }
        let shapes = &self.annotation.shapes;
        let unfit = |it: &Shape| {
            Some(format!(
                "{}: {}",
                it.label,
                shape_fault(&it.geometry, image)?
            ))
        };
        let fault = shapes.iter().find_map(unfit);
        fault.or_else(|| shapes.is_empty().then(|| "nothing is marked".to_owned()))
    }

    /// The answer that the shapes are of.
    fn answer(&self) -> Option<&Answer> {
        let id = self.annotation.counts.as_ref()?;
        self.annotation.answers.iter().find(|it| it.id == *id)
    }

    /// Who gave the answer.
    pub(crate) fn annotator(&self) -> Option<&str> {
        self.answer()?.annotator.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{annotation, candidate, square};
    use framemill_annotations::{Geometry, Mask};
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
    fn a_frame_is_labeled_where_all_that_is_marked_can_be_used() {
        let mut annotation = annotation("a", 1, 1, &[square("car", 5.0)]);
        let image = candidate("a.mp4", 0, 1).image;
        let state = |it: &FrameAnnotation| counting(vec![it.clone()]).unwrap().state(&image);
        assert_eq!(state(&annotation), Ok(FrameState::Labeled));
        annotation.answers[0].faults = vec!["region r: a circle".to_owned()];
        assert_eq!(state(&annotation), Err("region r: a circle".to_owned()));
        // What is wrong with an answer that does not count does not matter.
        annotation.answers[0].id = "8".to_owned();
        assert_eq!(state(&annotation), Ok(FrameState::Labeled));
        annotation.shapes.push(square("van", 0.0));
        let fault = state(&annotation).unwrap_err();
        assert!(fault.starts_with("van: "), "{fault}");
        // A mask counts where it is of all of the image.
        for (width, is_usable) in [(639, false), (640, true)] {
            let mask = Mask::of_rows(width, 480, |x, _| x == 1);
            annotation.shapes = vec![Shape {
                geometry: Geometry::Mask(mask),
                ..square("car", 1.0)
            }];
            assert_eq!(state(&annotation).is_ok(), is_usable);
        }
        annotation.shapes.clear();
        assert_eq!(state(&annotation), Err("nothing is marked".to_owned()));
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
