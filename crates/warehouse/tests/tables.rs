//! Tables, read back from their files.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod fixture;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::DataType;
use bytes::Bytes;
use fixture::{annotation, answer, marked, parsed, sha256, time};
use framemill_annotations::{Answer, Geometry, Mask, Point, Rectangle, Shape};
use framemill_warehouse::{
    ColumnType, IndexedAnnotation, ShardTables, TABLES, TableFile, VideoContent,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn content(video: &str, frames: &[u64], annotations: Vec<IndexedAnnotation>) -> VideoContent {
    VideoContent {
        video: video.to_owned(),
        manifest: Some(parsed(video, 5, frames)),
        image_path: "images/".to_owned(),
        annotations,
        ..VideoContent::default()
    }
}

fn about(target: &str, video: &str, index: u64, answers: Vec<Answer>) -> IndexedAnnotation {
    IndexedAnnotation {
        index,
        annotation: annotation(target, video, index, answers),
    }
}

fn files(videos: &[VideoContent]) -> [TableFile; 3] {
    let mut tables = ShardTables::new().unwrap();
    for video in videos {
        tables.push(video).unwrap();
    }
    tables.finish().unwrap()
}

/// Rows of a file as text by column; NULL is left out.
fn rows(file: &TableFile) -> Vec<BTreeMap<String, String>> {
    let bytes = Bytes::from(file.bytes.clone());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let batches = reader.build().unwrap();
    let rows: Vec<_> = batches.flat_map(|batch| rows_of(&batch.unwrap())).collect();
    assert_eq!(rows.len() as u64, file.rows);
    rows
}

fn rows_of(batch: &RecordBatch) -> Vec<BTreeMap<String, String>> {
    let cell = |column: usize, row: usize| {
        let array = batch.column(column);
        let text = match array.data_type() {
            _ if array.is_null(row) => return None,
            DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
            DataType::Boolean => array.as_boolean().value(row).to_string(),
            DataType::Timestamp(_, zone) => {
                assert_eq!(zone.as_deref(), Some("UTC"));
                let array = array.as_primitive::<TimestampMicrosecondType>();
                array.value(row).to_string()
            }
            other => panic!("{other}"),
        };
        Some((batch.schema().field(column).name().clone(), text))
    };
    let row = |row| {
        (0..batch.num_columns())
            .filter_map(|column| cell(column, row))
            .collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn texts<'r>(rows: &'r [BTreeMap<String, String>], column: &str) -> Vec<&'r str> {
    rows.iter()
        .map(|row| row.get(column).map_or("NULL", String::as_str))
        .collect()
}

#[test]
fn a_video_is_a_row_with_its_facts() {
    let mut one = content("cam1/a.mp4", &[0, 30, 60], Vec::new());
    one.requested = ["cvat-2", "cvat-1"].map(str::to_owned).into();
    let [videos, frames, annotations] = files(&[one, content("b.mp4@7", &[], Vec::new())]);
    let videos = rows(&videos);
    for (column, expected) in [
        ("video", ["cam1/a.mp4", "b.mp4@7"]),
        ("camera", ["cam1", ""]),
        ("bucket", ["b", "b"]),
        ("generation", ["5", "5"]),
        ("container", ["mp4", "mp4"]),
        ("codec", ["h264", "h264"]),
        ("rotation", ["90", "90"]),
        ("duration_seconds", ["2.5", "2.5"]),
        ("frames_kept", ["3", "0"]),
        ("requested_targets", ["cvat-1,cvat-2", "NULL"]),
        ("component_sha256", ["NULL", "NULL"]),
    ] {
        assert_eq!(texts(&videos, column), expected, "{column}");
    }
    let frames = rows(&frames);
    assert_eq!(texts(&frames, "frame_index"), ["0", "30", "60"]);
    assert_eq!(texts(&frames, "image")[1], "images/cam1/a.mp4/000030.jpg");
    assert_eq!(texts(&frames, "label_state"), ["NULL"; 3]);
    assert_eq!(rows(&annotations), []);
}

#[test]
fn a_frame_says_what_is_known_of_its_labels() {
    let video = "a.mp4";
    let skipped = Answer {
        skipped: true,
        ..answer("9", "eve", 90, &[])
    };
    let mut of_another_image = about("t", video, 3, vec![answer("1", "ann", 1, &[])]);
    of_another_image.annotation.image.sha256 = sha256("another", 3);
    let frames = content(
        video,
        &[0, 1, 2, 3, 4],
        vec![
            about(
                "t",
                video,
                0,
                vec![
                    answer("1", "ann", 1, &[marked("car", 1.0)]),
                    answer("2", "bob", 2, &[]),
                ],
            ),
            // What was passed on later says less than what was said before.
            about("t", video, 1, vec![skipped]),
            about(
                "s",
                video,
                1,
                vec![answer(
                    "1",
                    "ann",
                    1,
                    &[marked("car", 1.0), marked("bus", 2.0)],
                )],
            ),
            about("t", video, 2, vec![]),
            of_another_image,
        ],
    );
    let [_, frames, annotations] = files(&[frames]);
    let frames = rows(&frames);
    for (column, expected) in [
        (
            "label_state",
            ["empty", "labeled", "deleted", "NULL", "NULL"],
        ),
        ("label_target", ["t", "s", "t", "NULL", "NULL"]),
        ("annotators", ["2", "1", "0", "NULL", "NULL"]),
        ("shapes", ["0", "2", "0", "NULL", "NULL"]),
    ] {
        assert_eq!(texts(&frames, column), expected, "{column}");
    }
    let at = time(2).as_microsecond().to_string();
    assert_eq!(texts(&frames, "label_updated_at")[0], at);
    // Answers about another image have rows too; only the frame has no label of them.
    let annotations = rows(&annotations);
    assert_eq!(
        texts(&annotations, "frame_index"),
        ["0", "0", "1", "1", "1", "3"]
    );
    assert_eq!(
        texts(&annotations, "target"),
        ["t", "t", "s", "s", "t", "t"]
    );
}

#[test]
fn an_answer_is_a_row_a_shape_or_one_without() {
    let shape = |label: &str, geometry| Shape {
        geometry,
        ..marked(label, 0.0)
    };
    let point = |x, y| Point { x, y };
    let triangle = Geometry::Polygon {
        points: vec![point(0.0, 0.0), point(10.0, 0.0), point(0.0, 10.0)],
    };
    let turned = Geometry::Box(Rectangle {
        x: 10.0,
        y: 20.0,
        width: 4.0,
        height: 2.0,
        rotation: 90.0,
    });
    let mask = Geometry::Mask(Mask::of_rows(6, 4, |x, y| x == 2 && y > 0));
    let shapes = [
        shape("triangle", triangle),
        shape("turned", turned),
        shape("mask", mask),
        shape("night", Geometry::Classification),
        shape("nose", Geometry::Point(point(3.0, 4.0))),
    ];
    let passed = Answer {
        skipped: true,
        ..answer("2", "bob", 2, &[])
    };
    let faulty = Answer {
        faults: vec!["a box has no area".to_owned()],
        annotator: None,
        ..answer("3", "", 1, &[])
    };
    let answers = vec![
        faulty,
        passed,
        answer("1", "ann", 5, &shapes),
        answer("4", "dan", 0, &[]),
    ];
    let one = content("a.mp4", &[7], vec![about("t", "a.mp4", 7, answers)]);
    let [_, _, annotations] = files(&[one]);
    let rows = rows(&annotations);
    for (column, expected) in [
        ("answer_id", ["1", "1", "1", "1", "1", "2", "3", "4"]),
        (
            "annotator",
            ["ann", "ann", "ann", "ann", "ann", "bob", "NULL", "dan"],
        ),
        (
            "counts",
            [
                "true", "true", "true", "true", "true", "false", "false", "false",
            ],
        ),
        (
            "state",
            [
                "labeled", "labeled", "labeled", "labeled", "labeled", "skipped", "labeled",
                "empty",
            ],
        ),
        ("faults", ["0", "0", "0", "0", "0", "0", "1", "0"]),
        (
            "shape_index",
            ["0", "1", "2", "3", "4", "NULL", "NULL", "NULL"],
        ),
        (
            "label",
            [
                "triangle", "turned", "mask", "night", "nose", "NULL", "NULL", "NULL",
            ],
        ),
        (
            "kind",
            [
                "polygon",
                "box",
                "mask",
                "classification",
                "point",
                "NULL",
                "NULL",
                "NULL",
            ],
        ),
        (
            "area",
            ["50", "8", "3", "NULL", "NULL", "NULL", "NULL", "NULL"],
        ),
        (
            "rotation",
            ["NULL", "90", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"],
        ),
    ] {
        assert_eq!(texts(&rows, column), expected, "{column}");
    }
    let hull = |row: usize| {
        ["x", "y", "width", "height"].map(|column| texts(&rows, column)[row].to_owned())
    };
    assert_eq!(hull(0), ["0", "0", "10", "10"]);
    assert_eq!(hull(2), ["2", "1", "1", "3"]);
    assert_eq!(hull(3), ["NULL"; 4]);
    assert_eq!(hull(4), ["3", "4", "0", "0"]);
    let turned = hull(1).map(|number| number.parse::<f64>().unwrap());
    for (edge, expected) in turned.into_iter().zip([11.0, 19.0, 2.0, 4.0]) {
        assert!((edge - expected).abs() < 1e-9, "{turned:?}");
    }
}

#[test]
fn each_file_has_the_documented_columns() {
    let empty = files(&[]);
    for (table, file) in TABLES.iter().zip(&empty) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file.bytes.clone()));
        let reader = reader.unwrap();
        assert_eq!(
            reader.metadata().file_metadata().created_by(),
            Some("framemill")
        );
        let fields = reader.schema().fields();
        assert_eq!(fields.len(), table.columns().len());
        for (field, column) in fields.iter().zip(table.columns()) {
            assert_eq!(field.name(), column.name);
            assert_eq!(field.is_nullable(), !column.required, "{}", column.name);
            let is_time = matches!(field.data_type(), DataType::Timestamp(..));
            assert_eq!(is_time, column.kind == ColumnType::Time, "{}", column.name);
            assert!(!column.doc.is_empty());
        }
    }
}

#[test]
fn many_rows_are_row_groups_of_one_size() {
    let frames: Vec<u64> = (0..70_000).collect();
    let [_, frames, _] = files(&[content("a.mp4", &frames, Vec::new())]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(frames.bytes)).unwrap();
    let groups = reader.metadata().row_groups().iter();
    assert_eq!(
        groups.map(|group| group.num_rows()).collect::<Vec<_>>(),
        [65_536, 4_464]
    );
}

proptest! {
    #[test]
    fn the_same_content_is_the_same_bytes_in_whatever_order_it_comes(
        given in proptest::collection::btree_map((0..20_u64, "[ab]"), proptest::collection::btree_map("[1-5]", (0..9_i64, 0..3_usize), 0..3), 0..12),
        turned in any::<bool>(),
    ) {
        let of = |backwards: bool| {
            let mut annotations: Vec<_> = given.iter().map(|((index, target), answers)| {
                let mut answers: Vec<_> = answers.iter().map(|(id, (at, shapes))| {
                    answer(id, "ann", *at, &vec![marked("car", 1.0); *shapes])
                }).collect();
                if backwards { answers.reverse(); }
                about(target, "a.mp4", *index, answers)
            }).collect();
            if backwards { annotations.reverse(); }
            let mut frames: Vec<u64> = (0..20).collect();
            if backwards { frames.reverse(); }
            files(&[content("a.mp4", &frames, annotations)])
        };
        let files = of(false);
        prop_assert_eq!(&files, &of(turned));
        let shapes: usize = given.values().flat_map(BTreeMap::values).map(|(_, shapes)| (*shapes).max(1)).sum();
        prop_assert_eq!(files[2].rows, shapes as u64);
        prop_assert_eq!(files[1].rows, 20);
    }
}
