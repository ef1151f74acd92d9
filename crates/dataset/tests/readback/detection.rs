//! What the formats of detection have in common: a frame without a shape is a negative.

use crate::export;
use crate::sample::bytes_of;
use crate::sample::detection::sample;
use framemill_dataset::export::Loss;

const IDS: [&str; 4] = ["coco", "yolo", "yolo-obb", "yolo-segment"];

#[test]
fn the_same_dataset_gives_the_same_bytes() {
    for id in IDS {
        let (sink, exported) = export(id, &sample());
        let (again, exported_again) = export(id, &sample());
        assert_eq!(exported, exported_again);
        assert!(sink.files().len() > 5, "{id}: {:?}", sink.files().keys());
        assert!(sink.files() == again.files(), "{id}: files differ");
    }
}

#[test]
fn images_go_out_byte_for_byte_and_frames_that_nobody_answered_do_not() {
    for id in IDS {
        let sample = sample();
        let (sink, exported) = export(id, &sample);
        assert_eq!(exported.frames, 4, "{id}");
        let files = sink.files();
        let mut images: Vec<_> = files
            .iter()
            .filter(|(path, _)| path.starts_with("images/"))
            .map(|(path, bytes)| {
                (
                    path.split('/').nth(1).unwrap_or_default().to_owned(),
                    bytes.clone(),
                )
            })
            .collect();
        let mut expected: Vec<_> = [0, 1, 2, 3]
            .iter()
            .map(|&place| &sample.frames[place])
            .map(|frame| (frame.split.clone(), bytes_of(&frame.image.name)))
            .collect();
        images.sort();
        expected.sort();
        assert_eq!(images, expected, "{id}");
    }
}

#[test]
fn a_frame_whose_shapes_the_format_lacks_is_no_negative() {
    for id in IDS {
        let mut sample = sample();
        // Of the rotated ones the one that is outside; of the outlines line, point and classification.
        sample.frames[2].shapes.drain(..3);
        sample.frames[3].shapes.drain(..2);
        let (sink, exported) = export(id, &sample);
        assert_eq!((exported.frames, exported.shapes), (2, 2), "{id}");
        let lost = |loss| exported.losses.get(&loss).copied();
        assert_eq!(lost(Loss::Frame), Some(2), "{id}");
        assert_eq!(
            (lost(Loss::Outside), lost(Loss::KindLost)),
            (Some(1), Some(3))
        );
        let files: Vec<_> = sink.files().into_keys().collect();
        let gone = |it: &&String| it.contains("val") || it.contains("b=mp4");
        assert_eq!(files.iter().find(gone), None, "{id}: {files:?}");
        let negatives = sample.frames.iter().filter(|it| it.shapes.is_empty());
        assert_eq!(
            negatives.count(),
            3,
            "the one that was one, and two nobody answered"
        );
    }
}
