//! Candidates to a snapshot.

use crate::answer::{Counting, counting};
use crate::build_error::BuildError;
use crate::candidate::frame_name;
use crate::counts::Counts;
use crate::duplicates::near_duplicates;
use crate::meta::{DATASET_SCHEMA, EXPORTER_VERSION, SnapshotMeta, is_name};
use crate::report::LeftOut;
use crate::resolve::Resolved;
use crate::warning::empty_splits;
use crate::{BuildReport, BuildRule, Candidate, DatasetFrame, DatasetShape, FrameState, Snapshot};
use framemill_annotations::{LabelList, Shape};
use std::collections::{BTreeMap, HashMap};

/// Builds a snapshot of candidates, which come one by one and in any order.
///
/// Labels are names until the end: all names are known only then, and those that are new get ids in the
/// order of the alphabet ([`LabelList::add_all`]).
#[derive(Debug)]
pub struct SnapshotBuilder {
    name: String,
    rule: BuildRule,
    /// Frames whose shapes have places in `names` as labels.
    frames: Vec<DatasetFrame>,
    /// Names of labels, and each one's place in the order in which they came.
    names: HashMap<String, u32>,
    report: BuildReport,
    left_out: LeftOut,
}

impl SnapshotBuilder {
    /// Of a dataset with this name.
    ///
    /// # Errors
    /// [`BuildError::Name`].
    pub fn new(name: &str, rule: BuildRule) -> Result<Self, BuildError> {
        if !is_name(name) {
            return Err(BuildError::Name(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            rule: rule.normalised(),
            frames: Vec::new(),
            names: HashMap::new(),
            report: BuildReport::default(),
            left_out: LeftOut::default(),
        })
    }

    /// Takes a candidate in, or counts why not.
    ///
    /// # Errors
    /// [`BuildError::Candidate`].
    pub fn add(&mut self, mut candidate: Candidate) -> Result<(), BuildError> {
        if let Some(reason) = candidate.fault() {
            let frame = candidate.name();
            return Err(BuildError::Candidate { frame, reason });
        }
        self.report.candidates += 1;
        if !self.rule.wheres.iter().all(|it| it.fits_frame(&candidate)) {
            self.report.filtered += 1;
            return Ok(());
        }
        let counting = self.counting(&mut candidate);
        let state = counting.as_ref().map(|it| it.state(&candidate.image));
        let state = match state.unwrap_or(Ok(FrameState::Unlabeled)) {
            Ok(state) => state,
            Err(fault) => {
                self.left_out
                    .faulty
                    .add(format!("{}: {fault}", candidate.name()));
                return Ok(());
            }
        };
        let fits = |it: &crate::FrameFilter| it.fits_answer(state, counting.as_ref());
        if !self.rule.wheres.iter().all(fits) {
            self.report.filtered += 1;
        } else if !self.rule.min_state.allows(state) {
            self.report.below_min_state += 1;
        } else {
            let frame = self.frame(candidate, state, counting);
            self.frames.push(frame);
        }
        Ok(())
    }

    /// Counts an annotation of a frame that is no candidate, as no manifest has it.
    pub fn orphaned(&mut self, video: &str, index: u64, target: &str) {
        let example = format!("{} ({target})", frame_name(video, index));
        self.left_out.orphaned.add(example);
    }

    /// The annotation that counts, of those about the candidate's image.
    fn counting(&mut self, candidate: &mut Candidate) -> Option<Counting> {
        let annotations = std::mem::take(&mut candidate.annotations);
        let is_stale = |sha256: &str| sha256 != candidate.image.sha256;
        let (stale, of_image): (Vec<_>, Vec<_>) = annotations
            .into_iter()
            .partition(|it| is_stale(&it.image.sha256));
        for annotation in stale {
            let example = format!("{} ({})", candidate.name(), annotation.target);
            self.left_out.stale.add(example);
        }
        counting(of_image)
    }

    fn frame(
        &mut self,
        candidate: Candidate,
        state: FrameState,
        counting: Option<Counting>,
    ) -> DatasetFrame {
        let annotation = counting.map(Counting::into_annotation);
        let revision = annotation.as_ref().map(|it| it.revision().name());
        let (target, shapes) = match annotation {
            Some(it) if state == FrameState::Labeled => (Some(it.target), it.shapes),
            Some(it) => (Some(it.target), Vec::new()),
            None => (None, Vec::new()),
        };
        let shapes = shapes.into_iter().map(|shape| self.shape(shape)).collect();
        let group = self.rule.group.group_of(&candidate.video).to_owned();
        DatasetFrame {
            split: self.rule.split.split_of(&group).to_owned(),
            group,
            index: candidate.index,
            seconds: candidate.seconds,
            image: candidate.image,
            state,
            target,
            revision,
            shapes,
            video: candidate.video,
        }
    }

    fn shape(&mut self, shape: Shape) -> DatasetShape {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let known = self.names.get(&shape.label).copied();
        DatasetShape {
            label: known.unwrap_or_else(|| *self.names.entry(shape.label).or_insert(next)),
            geometry: shape.geometry,
            occluded: shape.occluded,
        }
    }

    /// Names of all labels of the frames that were taken in, in no order.
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Ends it: labels get their ids, and conditions on labels are looked at.
    ///
    /// # Errors
    /// [`BuildError::Twice`], and [`BuildError::UnknownLabel`] where a label of a shape or of the rule
    /// is not in the list.
    pub fn finish(mut self, labels: &LabelList) -> Result<(Snapshot, BuildReport), BuildError> {
        let resolved = Resolved::new(&self.rule, &self.names, labels)?;
        let order = |it: &DatasetFrame, other: &DatasetFrame| {
            (&it.video, it.index).cmp(&(&other.video, other.index))
        };
        self.frames.sort_unstable_by(order);
        let twice = self.frames.windows(2).find_map(|pair| match pair {
            [a, b] if order(a, b).is_eq() => Some(frame_name(&a.video, a.index)),
            _ => None,
        });
        if let Some(twice) = twice {
            return Err(BuildError::Twice(twice));
        }
        let before = self.frames.len();
        self.frames.retain_mut(|frame| resolved.apply(frame));
        let filtered = before.saturating_sub(self.frames.len()) as u64;
        self.report.filtered = self.report.filtered.saturating_add(filtered);
        self.report.frames = self.frames.len() as u64;
        let report = std::mem::take(&mut self.left_out).told(std::mem::take(&mut self.report));
        Ok((self.snapshot(labels), report))
    }

    fn snapshot(self, labels: &LabelList) -> Snapshot {
        let counts = Counts::of(&self.frames, &self.rule.split, labels);
        let mut warnings = empty_splits(&self.rule.split, &counts, &self.frames);
        warnings.extend(near_duplicates(&self.frames));
        let meta = SnapshotMeta {
            schema: DATASET_SCHEMA.to_owned(),
            name: self.name,
            hash: String::new(),
            exporter_version: EXPORTER_VERSION,
            rule: self.rule,
            counts,
            warnings,
            files: BTreeMap::new(),
        };
        Snapshot::new(meta, self.frames, labels.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{annotation, answered, built, candidate, in_state, mixed, square};
    use crate::{MinState, WarningCode};
    use framemill_annotations::State;

    fn rule(wheres: &[&str], labels: Option<&[&str]>, min_state: MinState) -> BuildRule {
        let owned = |labels: &[&str]| labels.iter().map(|&it| it.to_owned()).collect();
        BuildRule {
            wheres: wheres.iter().map(|it| it.parse().unwrap()).collect(),
            labels: labels.map(owned),
            min_state,
            ..BuildRule::default()
        }
    }

    /// `video#index`, state and number of shapes of each frame.
    fn frames(snapshot: &Snapshot) -> Vec<(String, FrameState, usize)> {
        let frame =
            |it: &DatasetFrame| (frame_name(&it.video, it.index), it.state, it.shapes.len());
        snapshot.frames().iter().map(frame).collect()
    }

    fn names(rule: BuildRule) -> Vec<String> {
        let (snapshot, _) = built(rule, mixed());
        frames(&snapshot).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn frames_that_were_looked_at_come_in_and_the_others_are_counted() {
        let (snapshot, report) = built(BuildRule::default(), mixed());
        let expected = [
            ("8.mp4#4", FrameState::Labeled, 1),
            ("a.mp4#0", FrameState::Labeled, 2),
            ("a.mp4#1", FrameState::Empty, 0),
            ("c.mp4#5", FrameState::Labeled, 1),
        ];
        let expected = expected.map(|(name, state, shapes)| (name.to_owned(), state, shapes));
        assert_eq!(frames(&snapshot), expected);
        let expected = BuildReport {
            candidates: 8,
            frames: 4,
            below_min_state: 3,
            faulty: 1,
            stale: 1,
            warnings: report.warnings.clone(),
            ..BuildReport::default()
        };
        assert_eq!(report, expected);
        let warnings = &report.warnings;
        let found = |code| warnings.iter().find(|it| it.code == code).unwrap();
        let faulty = found(WarningCode::FaultyAnnotations);
        assert_eq!(
            (faulty.count, faulty.examples.as_slice()),
            (1, &["c.mp4#6: car: a box has no area".to_owned()][..])
        );
        let stale = found(WarningCode::StaleAnnotations);
        assert_eq!(stale.examples, ["d.mp4@7#7 (cvat)"]);
        let first = &snapshot.frames()[0];
        assert_eq!(first.target.as_deref(), Some("label-studio"));
        assert_eq!(first.split, "test");
        let name = mixed()[4].annotations[0].revision().name();
        assert_eq!(first.revision, Some(name));
        let labels: Vec<_> = snapshot.frames()[1]
            .shapes
            .iter()
            .map(|it| it.label)
            .collect();
        assert_eq!(labels, [1, 2], "bus, car, van");
    }

    #[test]
    fn what_is_left_out_does_not_change_the_snapshot() {
        let labels = |builder: &SnapshotBuilder| {
            let mut labels = LabelList::default();
            labels.add_all(builder.label_names());
            labels
        };
        let built = |candidates: Vec<Candidate>, orphans: u64| {
            let mut builder = SnapshotBuilder::new("cars", BuildRule::default()).unwrap();
            for index in 0..orphans {
                builder.orphaned("gone.mp4", index, "cvat");
            }
            for candidate in candidates {
                builder.add(candidate).unwrap();
            }
            let labels = labels(&builder);
            builder.finish(&labels).unwrap()
        };
        let (all, report) = built(mixed(), 2);
        let orphaned = report.warnings.last().unwrap();
        assert_eq!(
            (orphaned.code, orphaned.count, report.orphaned),
            (WarningCode::OrphanedAnnotations, 2, 2)
        );
        assert_eq!(
            orphaned.examples,
            ["gone.mp4#0 (cvat)", "gone.mp4#1 (cvat)"]
        );
        let (few, report) = built(mixed().into_iter().take(6).collect(), 0);
        assert_eq!(report.warnings, []);
        assert_eq!(all.files(), few.files());
    }

    #[test]
    fn less_may_be_known_of_frames() {
        let skipped = names(rule(&[], None, MinState::Skipped));
        assert_eq!(
            skipped,
            ["8.mp4#4", "a.mp4#0", "a.mp4#1", "b.mp4#2", "c.mp4#5"]
        );
        let all = names(rule(&[], None, MinState::Unlabeled));
        let expected = [
            "8.mp4#4",
            "a.mp4#0",
            "a.mp4#1",
            "b.mp4#2",
            "b.mp4#3",
            "c.mp4#5",
            "d.mp4@7#7",
        ];
        assert_eq!(
            all, expected,
            "but for the one with a mark that cannot be used"
        );
    }

    #[test]
    fn conditions_leave_frames_out() {
        for (wheres, expected) in [
            (&["label = car"][..], &["8.mp4#4", "a.mp4#0"][..]),
            (&["label != car"], &["a.mp4#1", "c.mp4#5"]),
            (&["label = car", "label = van"], &["a.mp4#0"]),
            (&["video = a.*"], &["a.mp4#0", "a.mp4#1"]),
            (&["state = empty"], &["a.mp4#1"]),
            (&["index > 1", "index < 5"], &["8.mp4#4"]),
            (&["annotator = bob"], &[]),
        ] {
            assert_eq!(
                names(rule(wheres, None, MinState::Labeled)),
                expected,
                "{wheres:?}"
            );
        }
        let (_, report) = built(
            rule(&["label = van", "index < 5"], None, MinState::Labeled),
            mixed(),
        );
        assert_eq!((report.filtered, report.frames), (5, 1));
        assert_eq!(
            (report.faulty, report.stale),
            (0, 0),
            "c.mp4#6 and d.mp4#7 are not looked at"
        );
    }

    #[test]
    fn a_frame_without_shapes_of_the_labels_is_a_negative() {
        let (snapshot, _) = built(rule(&[], Some(&["van", "bus"]), MinState::Labeled), mixed());
        let states: Vec<_> = frames(&snapshot)
            .into_iter()
            .map(|it| (it.1, it.2))
            .collect();
        let (none, one) = ((FrameState::Empty, 0), (FrameState::Labeled, 1));
        assert_eq!(states, [none, one, none, one]);
        assert_eq!(
            snapshot.labels().labels.len(),
            3,
            "ids are those of the whole list"
        );
    }

    #[test]
    fn a_label_that_no_list_has_is_named_with_those_that_are_like_it() {
        let error = |rule: BuildRule, labels: &LabelList| {
            let mut builder = SnapshotBuilder::new("cars", rule).unwrap();
            builder
                .add(answered("a.mp4", 0, &[square("car", 1.0)]))
                .unwrap();
            builder.finish(labels).unwrap_err().to_string()
        };
        let mut labels = LabelList::default();
        let found = error(BuildRule::default(), &labels);
        assert_eq!(found, "no label is called `car`");
        labels.add_all(["car", "cart", "bus"]);
        let found = error(rule(&[], Some(&["Car"]), MinState::Labeled), &labels);
        assert_eq!(found, "no label is called `Car`: is it `car` or `cart`");
        let found = error(rule(&["label = buss"], None, MinState::Labeled), &labels);
        assert_eq!(found, "no label is called `buss`: is it `bus`");
    }

    #[test]
    fn labels_go_by_what_they_were_called_too() {
        let mut labels = LabelList::default();
        labels.add_all(["bus", "car"]);
        labels.rename("car", "automobile").unwrap();
        for label in ["car", "automobile"] {
            let rule = rule(
                &[&format!("label = {label}")],
                Some(&[label]),
                MinState::Labeled,
            );
            let mut builder = SnapshotBuilder::new("cars", rule).unwrap();
            builder
                .add(answered(
                    "a.mp4",
                    0,
                    &[square("car", 1.0), square("bus", 1.0)],
                ))
                .unwrap();
            let (snapshot, _) = builder.finish(&labels).unwrap();
            let labels: Vec<_> = snapshot.frames()[0]
                .shapes
                .iter()
                .map(|it| it.label)
                .collect();
            assert_eq!(labels, [1]);
        }
    }

    #[test]
    fn of_several_targets_the_one_that_counts_gives_the_shapes() {
        let mut both = answered("a.mp4", 0, &[square("car", 1.0)]);
        both.annotations.push(annotation("cvat", 1, 200, &[]));
        both.annotations
            .push(annotation("scale", 9, 300, &[square("car", 1.0)]));
        let (snapshot, report) = built(BuildRule::default(), vec![both]);
        let frame = &snapshot.frames()[0];
        assert_eq!(
            (frame.state, frame.target.as_deref()),
            (FrameState::Empty, Some("cvat"))
        );
        assert_eq!(report.stale, 1);
    }

    #[test]
    fn what_was_taken_back_is_unlabeled() {
        let gone = in_state(State::Deleted, answered("a.mp4", 0, &[square("car", 1.0)]));
        let (snapshot, _) = built(rule(&[], None, MinState::Unlabeled), vec![gone]);
        let frame = &snapshot.frames()[0];
        assert_eq!(
            (frame.state, &frame.target, &frame.revision),
            (FrameState::Unlabeled, &None, &None)
        );
        assert!(frame.shapes.is_empty());
    }

    #[test]
    fn what_cannot_be_is_named() {
        for name in ["", ".", "..", "a/b", "a b", &"a".repeat(101)] {
            let built = SnapshotBuilder::new(name, BuildRule::default());
            assert_eq!(built.unwrap_err(), BuildError::Name(name.to_owned()));
        }
        let builder = || SnapshotBuilder::new("cars", BuildRule::default()).unwrap();
        let mut twice = builder();
        for _ in 0..2 {
            twice.add(answered("a.mp4", 3, &[])).unwrap();
        }
        let twice = twice.finish(&LabelList::default()).unwrap_err();
        assert_eq!(twice, BuildError::Twice("a.mp4#3".to_owned()));
        let good = || candidate("a.mp4", 0, 1);
        for damage in [
            (|it: &mut Candidate| it.seconds = f64::NAN) as fn(&mut Candidate),
            |it| it.image.sha256.push('0'),
            |it| it.image.sha256 = "G".repeat(64),
            |it| it.image.phash.clear(),
            |it| it.image.width = 0,
        ] {
            let mut candidate = good();
            damage(&mut candidate);
            let error = builder().add(candidate).unwrap_err();
            assert!(matches!(error, BuildError::Candidate { .. }), "{error}");
        }
        assert!(builder().add(good()).is_ok());
    }
}
