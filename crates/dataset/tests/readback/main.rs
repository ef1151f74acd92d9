//! What is exported, read back by the tools that people use, or by their rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod coco;
mod croissant;
mod datumaro;
mod detection;
mod folder_sink;
mod hugging_face;
mod python;
mod sample;
mod ultralytics;
mod vertex;
mod web_dataset;
mod yolo;

use folder_sink::FolderSink;
use framemill_dataset::export::{ExportError, Exported, Loss, find};
use sample::{Sample, hub};

const IDS: [&str; 5] = [
    "croissant",
    "huggingface",
    "huggingface-parquet",
    "vertex",
    "webdataset",
];
/// Formats with columns for what a shape is.
const WITH_OBJECTS: [&str; 4] = [
    "croissant",
    "huggingface",
    "huggingface-parquet",
    "webdataset",
];

/// Writes a dataset in this format into a new folder.
fn export(id: &str, sample: &Sample) -> (FolderSink, Exported) {
    let mut sink = FolderSink::new();
    let format = find(id).expect("a format");
    let exported = format
        .write(&sample.dataset(), &mut sink)
        .expect("the sample fits");
    sink.assert_finished();
    (sink, exported)
}

/// Why a dataset does not go into this format, and that nothing was written.
fn refusal(id: &str, sample: &Sample, sink: &mut FolderSink) -> String {
    let refused = find(id).expect("a format").write(&sample.dataset(), sink);
    let Err(ExportError::Unfit { format, reason }) = refused else {
        panic!("{id} took it: {refused:?}")
    };
    assert_eq!(format, id);
    let written: Vec<_> = sink.files().into_keys().collect();
    assert_eq!(written, Vec::<String>::new(), "{reason}");
    reason
}

#[test]
fn the_same_dataset_gives_the_same_bytes() {
    for id in IDS {
        let (sink, exported) = export(id, &hub::sample());
        let (again, exported_again) = export(id, &hub::sample());
        assert_eq!(exported, exported_again);
        assert!(sink.files().len() >= 3, "{id}: {:?}", sink.files().keys());
        assert!(sink.files() == again.files(), "{id}: files differ");
    }
}

#[test]
fn what_is_lost_is_counted() {
    for id in WITH_OBJECTS {
        let (_, exported) = export(id, &hub::sample());
        assert_eq!((exported.frames, exported.shapes), (6, 7), "{id}");
        let losses: Vec<_> = exported.losses.into_iter().collect();
        let expected = [
            (Loss::OutlineLost, 1),
            (Loss::Clipped, 2),
            (Loss::Outside, 2),
            (Loss::KindLost, 3),
        ];
        assert_eq!(losses, expected, "{id}");
    }
}

#[test]
fn a_dataset_without_frames_is_written() {
    for id in IDS {
        let (sink, exported) = export(id, &hub::without_frames());
        assert_eq!(exported, Exported::default(), "{id}");
        let paths: Vec<_> = sink.files().into_keys().collect();
        let expected: &[&str] = match id {
            "croissant" => &["annotations.parquet", "croissant.json", "frames.parquet"],
            "huggingface" | "huggingface-parquet" => &["README.md"],
            _ => &[],
        };
        assert_eq!(paths, expected, "{id}");
    }
}

#[test]
fn a_label_that_is_not_in_the_list_is_named() {
    for id in IDS {
        let mut sample = hub::sample();
        sample.frames[0].shapes[0].label = 9;
        let format = find(id).expect("a format");
        let refused = format.write(&sample.dataset(), &mut FolderSink::new());
        let error = refused.expect_err("there is no such label").to_string();
        assert!(
            error.starts_with(&format!(
                "{id}: a shape has label 9, of 4 in the label list"
            )),
            "{error}"
        );
    }
}
