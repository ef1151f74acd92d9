//! The checks find what they are there to find: each piece of damage to a finished folder.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use crate::bucket::{Bucket, Version, sha256};
use crate::check::{self, Memory, Violation};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};
use std::fs;
use std::io::Cursor;
use std::path::Path;

const MANIFEST: &str = "manifests/a.mp4.json";
const IMAGE: &str = "images/a.mp4/000000.jpg";
const FAILURE: &str = "records/failures/extract-frames/b.mp4.json";

fn write(data: &Path, object: &str, bytes: &[u8]) {
    let path = data.join(object);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn jpeg(width: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(width, 8, image::Rgb([200, 10, 10]));
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn frame(name: &str, bytes: &[u8]) -> Value {
    json!({ "name": name, "width": 16, "height": 8, "bytes": bytes.len(), "sha256": sha256(bytes) })
}

fn manifest(generation: i64, frames: &[Value]) -> Vec<u8> {
    let manifest = json!({
        "source": { "name": "videos/a.mp4", "generation": generation },
        "selection": { "config_hash": "c" },
        "frames": frames, "dropped": [], "warnings": [], "image_folder": "a.mp4",
        "stats": { "frames_selected": frames.len() },
    });
    serde_json::to_vec(&manifest).unwrap()
}

fn failure(code: &str) -> Vec<u8> {
    let source = json!({ "name": "videos/b.mp4", "generation": 7 });
    let failure = json!({ "source": source, "code": code, "message": "m" });
    serde_json::to_vec(&failure).unwrap()
}

/// A folder with a video that gave an image, and one that failed.
fn finished() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = jpeg(16);
    write(folder.path(), IMAGE, &image);
    let manifest = manifest(5, &[frame("000000.jpg", &image)]);
    write(folder.path(), MANIFEST, &manifest);
    write(folder.path(), FAILURE, &failure("no_frames"));
    folder
}

fn version(name: &str, generation: i64) -> Version {
    Version {
        name: name.to_owned(),
        generation,
    }
}

/// Everything that is checked once nothing runs.
fn all(data: &Path) -> Vec<Violation> {
    let bucket = Bucket::read(data).unwrap();
    let mut found = check::records(&bucket);
    found.extend(check::strays(&bucket));
    found.extend(check::unfinished(&bucket));
    for version in [version("videos/a.mp4", 5), version("videos/b.mp4", 7)] {
        found.extend(check::outcome(&bucket, &version).err());
    }
    found
}

#[test]
fn a_finished_folder_is_as_it_must_be() {
    assert_eq!(all(finished().path()), []);
}

#[test]
fn each_damage_to_a_finished_folder_is_found() {
    let mut altered = jpeg(16);
    *altered.last_mut().unwrap() ^= 1;
    let wide = jpeg(24);
    let (image, no_image) = (jpeg(16), [0; 100]);
    let one = |frame: Value| manifest(5, &[frame]);
    let twice = [frame("000000.jpg", &image), frame("000000.jpg", &image)];
    let damages: &[(&str, &str, Option<&[u8]>)] = &[
        ("cannot be read", IMAGE, None),
        ("has hash", IMAGE, Some(&altered)),
        ("bytes, not", IMAGE, Some(&image[..image.len() - 1])),
        ("does not name", "images/a.mp4/000001.jpg", Some(&image)),
        ("left behind", ".framemill/tmp/1-2.tmp", Some(b"x")),
        ("is no manifest", MANIFEST, Some(b"{\"source\"")),
        ("neither", MANIFEST, None),
        ("without a frame", MANIFEST, Some(&manifest(5, &[]))),
        ("twice", MANIFEST, Some(&manifest(5, &twice))),
        (
            "neither",
            MANIFEST,
            Some(&manifest(4, &[frame("000000.jpg", &image)])),
        ),
        ("again", "manifests/a.mp4@5.json", Some(&manifest(5, &[]))),
        ("no fault of a file", FAILURE, Some(&failure("given_up"))),
        ("is no record", FAILURE, Some(b"[]")),
        ("neither", FAILURE, None),
    ];
    for (expected, object, bytes) in damages {
        let folder = finished();
        match bytes {
            Some(bytes) => write(folder.path(), object, bytes),
            None => fs::remove_file(folder.path().join(object)).unwrap(),
        }
        let found = all(folder.path());
        let names_it = |it: &Violation| it.what.contains(expected);
        assert!(found.iter().any(names_it), "{object} {expected}: {found:?}");
    }
    for (expected, bytes) in [("is no image", &no_image[..]), ("is 24x8", &wide)] {
        let folder = finished();
        write(folder.path(), IMAGE, bytes);
        write(folder.path(), MANIFEST, &one(frame("000000.jpg", bytes)));
        let found = all(folder.path());
        assert!(
            found.iter().any(|it| it.what.contains(expected)),
            "{found:?}"
        );
    }
}

#[test]
fn a_failure_beside_a_manifest_is_found() {
    let folder = finished();
    let record = json!({
        "source": { "name": "videos/a.mp4", "generation": 5 }, "code": "no_frames", "message": "m"
    });
    let record = serde_json::to_vec(&record).unwrap();
    write(
        folder.path(),
        "records/failures/extract-frames/a.mp4.json",
        &record,
    );
    let found = all(folder.path());
    assert!(
        found
            .iter()
            .any(|it| it.what.contains("beside it, not none")),
        "{found:?}"
    );
}

#[test]
fn an_incomplete_manifest_wants_its_failure_record() {
    let folder = finished();
    let mut lost: Value =
        serde_json::from_slice(&manifest(5, &[frame("000000.jpg", &jpeg(16))])).unwrap();
    lost["stats"]["frames_selected"] = json!(3);
    write(folder.path(), MANIFEST, &serde_json::to_vec(&lost).unwrap());
    let found = all(folder.path());
    let wanted = |it: &Violation| {
        it.what
            .contains("record none beside it, not most_frames_lost")
    };
    assert!(found.iter().any(wanted), "{found:?}");
    let record = json!({
        "source": { "name": "videos/a.mp4", "generation": 5 },
        "code": "most_frames_lost", "message": "m"
    });
    let record = serde_json::to_vec(&record).unwrap();
    let name = "records/failures/extract-frames/a.mp4.json";
    write(folder.path(), name, &record);
    assert_eq!(all(folder.path()), []);
}

#[test]
fn what_was_committed_is_remembered() {
    let folder = finished();
    let mut memory = Memory::default();
    let mut compare = || memory.compare(&Bucket::read(folder.path()).unwrap());
    assert_eq!((compare(), compare()), (vec![], vec![]));
    let image = jpeg(16);
    fs::remove_file(folder.path().join(IMAGE)).unwrap();
    write(folder.path(), "images/a.mp4/000009.jpg", &image);
    let other = manifest(5, &[frame("000009.jpg", &image)]);
    write(folder.path(), MANIFEST, &other);
    let found = compare();
    assert!(
        found.iter().any(|it| it.what.contains("is another now")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|it| it.what.contains("cannot be read")),
        "{found:?}"
    );
    fs::remove_file(folder.path().join(MANIFEST)).unwrap();
    assert!(compare().iter().any(|it| it.what.contains("is gone")));
}

#[test]
fn images_lie_where_the_manifest_says() {
    let folder = finished();
    fs::rename(
        folder.path().join("images/a.mp4"),
        folder.path().join("images/else"),
    )
    .unwrap();
    let image = jpeg(16);
    let mut told: Value =
        serde_json::from_slice(&manifest(5, &[frame("000000.jpg", &image)])).unwrap();
    assert!(!all(folder.path()).is_empty());
    told["image_folder"] = json!("else");
    write(folder.path(), MANIFEST, &serde_json::to_vec(&told).unwrap());
    assert_eq!(all(folder.path()), []);
}
