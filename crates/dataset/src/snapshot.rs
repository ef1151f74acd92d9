//! A version of a dataset: three files, and what they say.

use crate::DatasetFrame;
use crate::check::check;
use crate::counts::Counts;
use crate::export::ExportDataset;
use crate::meta::{DATASET_SCHEMA, FileSum, SnapshotMeta, Summing, is_name, pretty};
use framemill_annotations::{LabelError, LabelList};
use serde::Deserialize;
use std::io::{self, Write};
use thiserror::Error;

/// The frames: a [`DatasetFrame`] a line, by video and index.
pub const FRAMES_FILE: &str = "frames.jsonl";
/// The labels: a [`LabelList`].
pub const LABELS_FILE: &str = "labels.json";
/// The rest: a [`SnapshotMeta`].
pub const DATASET_FILE: &str = "dataset.json";

/// A version of a dataset. What it holds fits together: built by [`SnapshotBuilder`] or checked by
/// [`Snapshot::parse`].
///
/// [`SnapshotBuilder`]: crate::SnapshotBuilder
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    meta: SnapshotMeta,
    frames: Vec<DatasetFrame>,
    labels: LabelList,
}

/// Why files are no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// It is no JSON of its kind.
    #[error("dataset.json is damaged: {0}")]
    Json(serde_json::Error),
    /// Another version wrote it.
    #[error("schema of dataset.json is `{0}`, this version reads framemill.dataset/1")]
    Schema(String),
    /// It was changed after it was written.
    #[error("dataset.json is not as it was written: its hash is {found}, and it says {said}")]
    Hash {
        /// What it is.
        found: String,
        /// What stands there.
        said: String,
    },
    /// It has the right hash, but another form.
    #[error("dataset.json is not in the form in which it is written")]
    Form,
    /// The dataset cannot be called so.
    #[error("`{0}` in dataset.json is no name of a dataset")]
    Name(String),
    /// A file is another one.
    #[error("{0} is not the one that dataset.json names: another size or checksum")]
    File(&'static str),
    /// Labels.
    #[error("labels.json: {0}")]
    Labels(#[from] LabelError),
    /// A frame cannot be.
    #[error("line {line} of frames.jsonl: {reason}")]
    Frame {
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The numbers of `dataset.json` are those of other frames.
    #[error("the counts of dataset.json are not those of its frames")]
    Counts,
}

impl Snapshot {
    /// From frames in order and a `meta` that wants nothing but files and hash.
    pub(crate) fn new(
        mut meta: SnapshotMeta,
        frames: Vec<DatasetFrame>,
        labels: LabelList,
    ) -> Self {
        let mut sums = Summing::default();
        // Sums are never full.
        let _ = write_frames(&frames, &mut sums);
        let sums = [
            (FRAMES_FILE, sums.sum()),
            (LABELS_FILE, FileSum::of(&pretty(&labels))),
        ];
        meta.files = sums.map(|(name, sum)| (name.to_owned(), sum)).into();
        meta.hash = meta.content_hash();
        Self {
            meta,
            frames,
            labels,
        }
    }

    /// What it is, how it was built, how much there is.
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Frames by video and index.
    pub fn frames(&self) -> &[DatasetFrame] {
        &self.frames
    }

    /// Its labels: those of the list when it was built.
    pub fn labels(&self) -> &LabelList {
        &self.labels
    }

    /// SHA-256 of all it holds, lower-case hex: the same frames, annotations, labels and rules have the same.
    pub fn hash(&self) -> &str {
        &self.meta.hash
    }

    /// As exports read it.
    pub fn as_export(&self) -> ExportDataset<'_> {
        ExportDataset {
            name: &self.meta.name,
            hash: &self.meta.hash,
            splits: self.meta.rule.split.names(),
            labels: &self.labels,
            frames: &self.frames,
        }
    }

    /// Its files by name, in the order in which they are to be written: with `dataset.json`, the last
    /// one, the snapshot is there.
    pub fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        let size = self.meta.files.get(FRAMES_FILE).map_or(0, |it| it.bytes);
        let mut frames = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // Memory is never full.
        let _ = write_frames(&self.frames, &mut frames);
        [
            (FRAMES_FILE, frames),
            (LABELS_FILE, pretty(&self.labels)),
            (DATASET_FILE, self.meta.to_bytes()),
        ]
    }

    /// Reads a snapshot from its files, and checks all of it.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn parse(dataset: &[u8], frames: &[u8], labels: &[u8]) -> Result<Self, SnapshotError> {
        let meta = parsed_meta(dataset)?;
        for (name, bytes) in [(FRAMES_FILE, frames), (LABELS_FILE, labels)] {
            if meta.files.get(name) != Some(&FileSum::of(bytes)) {
                return Err(SnapshotError::File(name));
            }
        }
        let labels = LabelList::parse(labels)?;
        let frames = parsed_frames(frames, &meta, &labels)?;
        if meta.counts != Counts::of(&frames, &meta.rule.split, &labels) {
            return Err(SnapshotError::Counts);
        }
        Ok(Self {
            meta,
            frames,
            labels,
        })
    }
}

fn write_frames(frames: &[DatasetFrame], to: &mut impl Write) -> io::Result<()> {
    for frame in frames {
        serde_json::to_writer(&mut *to, frame)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

fn parsed_meta(bytes: &[u8]) -> Result<SnapshotMeta, SnapshotError> {
    #[derive(Deserialize)]
    struct Schema {
        schema: String,
    }
    // First: what another version writes need not have the fields of this one.
    let Schema { schema } = serde_json::from_slice(bytes).map_err(SnapshotError::Json)?;
    if schema != DATASET_SCHEMA {
        return Err(SnapshotError::Schema(schema));
    }
    let meta: SnapshotMeta = serde_json::from_slice(bytes).map_err(SnapshotError::Json)?;
    let found = meta.content_hash();
    if found != meta.hash {
        let said = meta.hash;
        return Err(SnapshotError::Hash { found, said });
    }
    // The hash is of what was read: what a reader passes over would not be noticed by it.
    if meta.to_bytes() != bytes {
        return Err(SnapshotError::Form);
    }
    if !is_name(&meta.name) {
        return Err(SnapshotError::Name(meta.name));
    }
    Ok(meta)
}

fn parsed_frames(
    bytes: &[u8],
    meta: &SnapshotMeta,
    labels: &LabelList,
) -> Result<Vec<DatasetFrame>, SnapshotError> {
    let mut frames: Vec<DatasetFrame> = Vec::new();
    for (place, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let damaged = |reason: String| SnapshotError::Frame {
            line: place + 1,
            reason,
        };
        let frame: DatasetFrame =
            serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        check(&frame, frames.last(), &meta.rule.split, labels).map_err(damaged)?;
        frames.push(frame);
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answered, built, candidate, mixed, square};
    use crate::{BuildRule, Candidate, MinState, WarningCode};
    use proptest::prelude::*;

    fn rule() -> BuildRule {
        BuildRule {
            group: r"[^/]+\.mp4".parse().unwrap(),
            wheres: vec!["seconds < 100".parse().unwrap()],
            min_state: MinState::Unlabeled,
            ..BuildRule::default()
        }
    }

    fn files() -> [(&'static str, Vec<u8>); 3] {
        built(rule(), mixed()).0.files()
    }

    fn parse(files: &[(&'static str, Vec<u8>); 3]) -> Result<Snapshot, SnapshotError> {
        let [(_, frames), (_, labels), (_, dataset)] = files;
        Snapshot::parse(dataset, frames, labels)
    }

    /// The files after frames or numbers were changed by someone who knows how hashes are made.
    fn forged(change: impl Fn(&mut Snapshot)) -> Result<Snapshot, SnapshotError> {
        let mut snapshot = built(rule(), mixed()).0;
        change(&mut snapshot);
        parse(&Snapshot::new(snapshot.meta, snapshot.frames, snapshot.labels).files())
    }

    /// Where this fails, the same frames, annotations, labels and rules give another snapshot than they
    /// did: is it meant, [`crate::EXPORTER_VERSION`] goes up.
    #[test]
    fn a_snapshot_is_the_same_for_ever() {
        let snapshot = built(rule(), mixed()).0;
        assert_eq!(
            snapshot.hash(),
            "4c736721f97d027382abd7138da631605e9045b51e8abc5c75910ddf96feb3fa"
        );
    }

    #[test]
    fn a_snapshot_is_read_back_and_anyone_can_check_its_hash() {
        let snapshot = built(rule(), mixed()).0;
        let files = snapshot.files();
        assert_eq!(
            files.each_ref().map(|it| it.0),
            [FRAMES_FILE, LABELS_FILE, DATASET_FILE]
        );
        assert_eq!(parse(&files).unwrap(), snapshot);
        let dataset = String::from_utf8(files[2].1.clone()).unwrap();
        let lines = dataset.split_inclusive('\n');
        let without: String = lines
            .filter(|line| !line.starts_with("  \"hash\": "))
            .collect();
        assert_eq!(FileSum::of(without.as_bytes()).sha256, snapshot.hash());
        let export = snapshot.as_export();
        assert_eq!(export.splits, ["train", "val", "test"]);
        let train = export.frames_of("train").count() as u64;
        assert_eq!(
            (export.hash, train),
            (snapshot.hash(), snapshot.meta().counts.splits[0].frames)
        );
    }

    #[test]
    fn counts_are_those_of_the_frames() {
        let json = serde_json::to_value(&built(rule(), mixed()).0.meta().counts).unwrap();
        let expected = serde_json::json!({
            "frames": 7, "shapes": 4,
            "splits": [
                {"name": "train", "groups": 3, "frames": 5, "shapes": 2},
                {"name": "val", "groups": 1, "frames": 1, "shapes": 1},
                {"name": "test", "groups": 1, "frames": 1, "shapes": 1},
            ],
            "states": {"unlabeled": 2, "skipped": 1, "empty": 1, "labeled": 3},
            "labels": [
                {"id": 0, "name": "bus", "frames": 1, "shapes": 1},
                {"id": 1, "name": "car", "frames": 2, "shapes": 2},
                {"id": 2, "name": "van", "frames": 1, "shapes": 1},
            ],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn damage_is_named() {
        let damaged = |file: usize, change: &dyn Fn(String) -> String| {
            let mut files = files();
            let text = String::from_utf8(files[file].1.clone()).unwrap();
            files[file].1 = change(text).into_bytes();
            parse(&files).unwrap_err()
        };
        let error = damaged(0, &|it| it.replace("a.mp4", "b.mp4"));
        assert!(matches!(error, SnapshotError::File(FRAMES_FILE)), "{error}");
        let error = damaged(1, &|it| it.replace("car", "cat"));
        assert!(matches!(error, SnapshotError::File(LABELS_FILE)), "{error}");
        let error = damaged(2, &|it| it.replace("\"frames\": 7", "\"frames\": 8"));
        assert!(matches!(error, SnapshotError::Hash { .. }), "{error}");
        let error = damaged(2, &|it| it.replace("dataset/1", "dataset/2"));
        assert!(matches!(error, SnapshotError::Schema(_)), "{error}");
        let error = damaged(2, &|it| it.replace("  ", ""));
        assert!(matches!(error, SnapshotError::Form), "{error}");
        let error = damaged(2, &|it| it.replace("\"salt\"", "\"x\": 1, \"salt\""));
        assert!(matches!(error, SnapshotError::Form), "{error}");
        let error = damaged(2, &|it| it.replace("train=0.8", "train=0.9"));
        assert!(
            error.to_string().contains("add up to 1.1, not 1"),
            "{error}"
        );
        let error = damaged(2, &|it| it[..it.len() / 2].to_owned());
        assert!(matches!(error, SnapshotError::Json(_)), "{error}");
    }

    #[test]
    fn what_does_not_fit_together_is_named_even_with_the_right_hash() {
        assert!(forged(|_| ()).is_ok());
        for (change, reason) in [
            (
                (|it| it.frames.swap(0, 1)) as fn(&mut Snapshot),
                "stands behind",
            ),
            (|it| it.frames[1] = it.frames[0].clone(), "stands behind"),
            (
                |it| it.frames[0].split = "train".to_owned(),
                "is in split `train`",
            ),
            (|it| it.frames[0].shapes[0].label = 3, "no label has id 3"),
            (|it| it.frames[0].shapes.clear(), "has 0 shapes"),
            (|it| it.frames[0].image.phash.clear(), "perceptual hash"),
            (|it| it.labels.labels[1].id = 0, "labels are damaged"),
            (|it| drop(it.frames.pop()), "counts of dataset.json"),
            (|it| it.meta.counts.shapes = 9, "counts of dataset.json"),
            (
                |it| it.meta.name = "../x".to_owned(),
                "no name of a dataset",
            ),
        ] {
            let error = forged(change).unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn a_dataset_may_be_empty() {
        let snapshot = built(BuildRule::default(), Vec::new()).0;
        let codes: Vec<_> = snapshot.meta().warnings.iter().map(|it| it.code).collect();
        assert_eq!(codes, [WarningCode::EmptySplit; 3]);
        assert_eq!(parse(&snapshot.files()).unwrap(), snapshot);
    }

    /// A shape is read and written in one form, and nothing is so slow that many would not do.
    #[test]
    fn many_frames_are_built_and_read_back() {
        let frame = |i: u64| {
            let shape = |n: u64| {
                square(
                    ["car", "van", "bus"][(n % 3) as usize],
                    1.0 / (n + 3) as f64,
                )
            };
            let shapes: Vec<_> = (i..i + 5).map(shape).collect();
            answered(&format!("{}.mp4", i / 100), i, &shapes)
        };
        let snapshot = built(BuildRule::default(), (0..20_000).map(frame).collect()).0;
        let counts = &snapshot.meta().counts;
        assert_eq!((counts.frames, counts.shapes), (20_000, 100_000));
        assert!(counts.splits.iter().all(|split| split.groups > 5));
        assert_eq!(parse(&snapshot.files()).unwrap(), snapshot);
    }

    fn frames() -> impl Strategy<Value = Vec<Candidate>> {
        let shape = ("[a-c]", 0.5..1e6_f64).prop_map(|(label, side)| square(&label, side));
        let shapes = proptest::option::of(proptest::collection::vec(shape, 0..3));
        let frame = ("[a-e]", shapes);
        proptest::collection::vec(frame, 0..12).prop_map(|frames| {
            let made = |(i, (video, shapes)): (usize, (String, Option<Vec<_>>))| {
                let (video, i) = (format!("{video}.mp4"), i as u64);
                shapes.map_or_else(|| candidate(&video, i, i), |it| answered(&video, i, &it))
            };
            frames.into_iter().enumerate().map(made).collect()
        })
    }

    proptest! {
        #[test]
        fn snapshots_do_not_depend_on_the_order_and_survive(
            (one, other) in frames().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()))
        ) {
            let (one, other) = (built(rule(), one), built(rule(), other));
            prop_assert_eq!(one.0.files(), other.0.files());
            prop_assert_eq!(&one.1, &other.1);
            prop_assert_eq!(parse(&one.0.files()).unwrap(), one.0);
        }

        #[test]
        fn more_frames_move_none(
            (all, count) in frames().prop_flat_map(|it| { let n = it.len(); (Just(it), 0..=n) })
        ) {
            let before = built(rule(), all[..count].to_vec()).0;
            let after = built(rule(), all).0;
            for frame in before.frames() {
                let name = (&frame.video, frame.index);
                let now = after.frames().iter().find(|it| (&it.video, it.index) == name).unwrap();
                prop_assert_eq!((&now.group, &now.split), (&frame.group, &frame.split));
            }
        }

        #[test]
        fn any_change_of_a_byte_is_noticed(file in 0..3_usize, at: prop::sample::Index, by in 1..=255_u8) {
            let mut files = files();
            let at = at.index(files[file].1.len());
            files[file].1[at] ^= by;
            prop_assert!(parse(&files).is_err());
        }

        #[test]
        fn any_bytes_are_no_snapshot(bytes: Vec<u8>, file in 0..3_usize) {
            let mut files = files();
            files[file].1 = bytes;
            prop_assert!(parse(&files).is_err());
        }

        #[test]
        fn any_line_with_the_right_sums_is_a_frame_or_an_error(line in "[\\[{\"a:1,}\\] \n]{0,30}") {
            let mut snapshot = built(rule(), mixed()).0;
            let mut files = snapshot.files();
            files[0].1.extend_from_slice(line.as_bytes());
            let sum = FileSum::of(&files[0].1);
            snapshot.meta.files.insert(FRAMES_FILE.to_owned(), sum);
            snapshot.meta.hash = snapshot.meta.content_hash();
            files[2].1 = snapshot.meta.to_bytes();
            let read = parse(&files);
            prop_assert_eq!(read.is_ok(), line.is_empty());
        }
    }
}
