//! COCO, read by pycocotools.

use crate::export;
use crate::python::{assert_near, numbers, read};
use crate::sample::detection::{LABELS, TIP, is_in_mask, sample};
use crate::sample::{HASH, HEIGHT, WIDTH};
use framemill_annotations::Geometry;
use framemill_dataset::DatasetImage;
use framemill_dataset::export::{Loss, Sink, SinkFile, find};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn pycocotools_finds_images_negatives_and_all_labels() {
    let (sink, exported) = export("coco", &sample());
    let found = read("coco.py", sink.path());
    assert_eq!(exported.shapes, 7);
    let splits: Vec<&String> = found.as_object().expect("splits").keys().collect();
    assert_eq!(splits, ["train", "val"]);
    for split in splits {
        let categories: Vec<Value> = (1..)
            .zip(LABELS)
            .map(|(id, name)| json!({"id": id, "name": name, "supercategory": ""}))
            .collect();
        assert_eq!(found[split]["categories"], json!(categories));
        let info = json!({"description": "streets", "version": HASH});
        assert_eq!(found[split]["info"], info);
    }
    let images = &found["train"]["images"];
    assert_eq!(images.as_object().map(serde_json::Map::len), Some(3));
    // Places in the whole dataset: 3 is in the other split.
    assert_eq!(images["1"]["annotations"], json!([1, 2]));
    assert_eq!(images["2"]["annotations"], json!([]), "a negative");
    assert_eq!(images["4"]["annotations"], json!([3, 4]));
    assert_eq!(found["val"]["images"]["3"]["annotations"], json!([5, 6, 7]));
    assert_eq!(found["train"]["by_category"]["5"], json!([4]));
    assert_eq!(images["4"]["file_name"], "b=mp4-000000.jpg");
    let sample = sample();
    let origin = json!({
        "video": "Cam 1/Straße.mp4", "index": 5, "seconds": 0.2, "sha256": sample.frames[1].image.sha256,
    });
    assert_eq!(images["2"]["framemill"], origin);
    for image in images.as_object().expect("images").values() {
        assert_eq!(image["is_there"], true, "{image}");
        assert_eq!(
            (image["width"].as_u64(), image["height"].as_u64()),
            (Some(64), Some(48))
        );
    }
}

#[test]
fn pycocotools_sees_what_was_marked() {
    let (sink, exported) = export("coco", &sample());
    let found = read("coco.py", sink.path());
    let train = found["train"]["annotations"].as_array().expect("a list");
    let [inside, cut, polygon, mask] = train.as_slice() else {
        panic!("{train:?}")
    };
    assert_near(&numbers(&inside["bbox"]), &[1.5, 2.25, 10.0, 20.0]);
    assert_eq!(
        (&inside["area"], inside.get("attributes")),
        (&json!(200.0), None)
    );
    assert_near(&numbers(&cut["bbox"]), &[0.0, 40.0, 8.0, 8.0]);
    assert_near(&numbers(&cut["mask_bbox"]), &[0.0, 40.0, 8.0, 8.0]);
    assert_eq!(
        (&cut["area"], &cut["mask_area"]),
        (&json!(64.0), &json!(64))
    );
    assert_eq!(
        (&cut["category_id"], &cut["attributes"]),
        (&json!(2), &json!({"occluded": true}))
    );

    assert_near(&numbers(&polygon["bbox"]), &[10.0, 10.0, 20.0, 30.0]);
    assert_near(&numbers(&polygon["mask_bbox"]), &[10.0, 10.0, 20.0, 30.0]);
    assert_eq!(
        (&polygon["area"], &polygon["mask_area"]),
        (&json!(400.0), &json!(400))
    );

    let pixels: Vec<[u32; 2]> = (0..WIDTH)
        .flat_map(|x| (0..HEIGHT).map(move |y| [x, y]))
        .filter(|&[x, y]| is_in_mask(x, y))
        .collect();
    assert_eq!(mask["pixels"], json!(pixels));
    assert_eq!(mask["area"], json!(pixels.len() as f64));
    assert_near(&numbers(&mask["bbox"]), &numbers(&mask["mask_bbox"]));
    assert_eq!(mask["iscrowd"], 0);

    let val = found["val"]["annotations"].as_array().expect("a list");
    let [square, tip_outside, centre_outside] = val.as_slice() else {
        panic!("{val:?}")
    };
    let around = |centre: f64| [centre - TIP, 24.0 - TIP, 2.0 * TIP, 2.0 * TIP];
    assert_near(&numbers(&square["bbox"]), &around(32.0));
    assert_near(&[square["area"].as_f64().expect("a number")], &[400.0]);
    let cut_at_zero = [0.0, 24.0 - TIP, 10.0 + TIP, 2.0 * TIP];
    assert_near(&numbers(&tip_outside["bbox"]), &cut_at_zero);
    let lost = TIP - 10.0;
    assert_near(
        &[tip_outside["area"].as_f64().expect("a number")],
        &[400.0 - lost * lost],
    );
    let seen = TIP - 2.0;
    assert_near(
        &numbers(&centre_outside["bbox"]),
        &[0.0, 24.0 - seen, seen, 2.0 * seen],
    );
    for turned in val {
        let (area, pixels) = (turned["area"].as_f64(), turned["mask_area"].as_f64());
        let off = area
            .zip(pixels)
            .map_or(f64::MAX, |(area, pixels)| (area - pixels).abs());
        assert!(off < 2.0 * TIP, "{turned}");
    }
    let losses: Vec<_> = exported.losses.into_iter().collect();
    assert_eq!(
        losses,
        [
            (Loss::Clipped, 3),
            (Loss::Outside, 1),
            (Loss::KindLost, 3),
            (Loss::Unanswered, 2),
        ]
    );
}

/// Counts what is written, and keeps nothing.
#[derive(Default)]
struct Counter {
    largest: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

impl Sink for Counter {
    fn file(&mut self, _: &str) -> io::Result<Box<dyn SinkFile>> {
        let (largest, all) = (self.largest.clone(), self.all.clone());
        Ok(Box::new(Counter { largest, all }))
    }

    fn expect(&mut self, _: u64) {}

    fn image(&mut self, _: &DatasetImage, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn image_bytes(&mut self, _: &DatasetImage) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn image_uri(&self, _: &DatasetImage) -> Option<String> {
        None
    }
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.largest.fetch_max(bytes.len(), Ordering::Relaxed);
        self.all.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SinkFile for Counter {
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_file_is_written_piece_by_piece() {
    let mut sample = sample();
    let mut frame = sample.frames[0].clone();
    frame.shapes.truncate(1);
    assert!(matches!(frame.shapes[0].geometry, Geometry::Box(_)));
    frame.shapes = vec![frame.shapes[0].clone(); 5];
    sample.frames = (0..20_000)
        .map(|index| {
            frame.index = index;
            frame.clone()
        })
        .collect();
    let mut sink = Counter::default();
    let coco = find("coco").expect("a format");
    let exported = coco.write(&sample.dataset(), &mut sink).expect("it fits");
    assert_eq!((exported.frames, exported.shapes), (20_000, 100_000));
    assert!(sink.all.load(Ordering::Relaxed) > 10_000_000);
    assert!(sink.largest.load(Ordering::Relaxed) < 100_000);
}
