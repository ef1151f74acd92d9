//! COCO and YOLO, read by Datumaro.

use crate::export;
use crate::python::{numbers, read_with_datumaro};
use crate::sample::detection::{LABELS, TIP, sample};
use crate::sample::{HEIGHT, WIDTH};
use serde_json::{Value, json};

/// It rounds to two digits.
const NEAR: f64 = 0.01;

/// The boxes of an item: label, left, top, width, height, by label.
fn boxes(item: &Value) -> Vec<(u64, Vec<f64>)> {
    let shapes = item["shapes"].as_array().expect("shapes").iter();
    let boxes = shapes.filter(|shape| shape["kind"] == "bbox");
    let of = |shape: &Value| {
        (
            shape["label"].as_u64().expect("a label"),
            numbers(&shape["box"]),
        )
    };
    let mut boxes: Vec<_> = boxes.map(of).collect();
    boxes.sort_by_key(|it| it.0);
    boxes
}

#[test]
fn datumaro_reads_all_images_and_boxes() {
    let (part, seen) = (10.0 + TIP, TIP - 2.0);
    let expected: [(&str, Vec<[f64; 4]>, u64); 4] = [
        (
            "train/Cam_1~Stra_e=mp4-000000-",
            vec![[1.5, 2.25, 10.0, 20.0], [0.0, 40.0, 8.0, 8.0]],
            0,
        ),
        ("train/Cam_1~Stra_e=mp4-000005-", vec![], 0),
        (
            "train/b=mp4-000000",
            vec![[10.0, 10.0, 20.0, 30.0], [3.0, 0.0, 59.0, 48.0]],
            3,
        ),
        (
            "val/Cam_1~stra_e=mp4-000000-",
            vec![
                [32.0 - TIP, 24.0 - TIP, 2.0 * TIP, 2.0 * TIP],
                [0.0, 24.0 - TIP, part, 2.0 * TIP],
                [0.0, 24.0 - seen, seen, 2.0 * seen],
            ],
            0,
        ),
    ];
    for (id, format) in [("coco", "coco_instances"), ("yolo", "yolo")] {
        let (sink, _) = export(id, &sample());
        let found = read_with_datumaro(sink.path(), format);
        assert_eq!(found["labels"], json!(LABELS), "{id}");
        let items = found["items"].as_object().expect("items");
        assert_eq!(items.len(), expected.len(), "{id}: {:?}", items.keys());
        for (begin, shapes, first_label) in &expected {
            let item = items.iter().find(|(name, _)| name.starts_with(begin));
            let (_, item) = item.unwrap_or_else(|| panic!("{id}: no {begin}: {items:?}"));
            assert_eq!(item["size"], json!([HEIGHT, WIDTH]), "{id}: {begin}");
            let found = boxes(item);
            assert_eq!(found.len(), shapes.len(), "{id}: {begin}: {item}");
            for (label, (box_, expected)) in (*first_label..).zip(found.iter().zip(shapes)) {
                let near = box_
                    .1
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < NEAR);
                assert!(
                    box_.0 == label && near,
                    "{id}: {begin}: {box_:?} is not {expected:?}"
                );
            }
        }
    }
}
