//! Datasets: the real binary over a folder that is a bucket, whose videos were really extracted. What was
//! annotated is written here as collect-annotations writes it.

use framemill_annotations::{Answer, FrameAnnotation, Geometry, Rectangle, Shape, Task};
use framemill_contract::Manifest;
use framemill_dataset::export::EXPORTS;
use framemill_tests::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Three videos of two cameras, two of them of one name, four frames each.
fn bucket(data: &Path) {
    for (clip, name) in [
        ("dataset-a.mp4", "cam1/drive.mp4"),
        ("dataset-b.mp4", "cam1/night drive.mp4"),
        ("dataset-c.mp4", "cam2/drive.mp4"),
    ] {
        upload(data, &h264_clip(clip, 4), name, MODIFIED);
    }
    let output = up_until_idle(data);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for name in ["cam1/drive.mp4", "cam1/night drive.mp4", "cam2/drive.mp4"] {
        answer(data, name, 0, 1, Some(&["car", "person"]));
        answer(data, name, 1, 1, Some(&[]));
        answer(data, name, 2, 1, None);
    }
}

/// Someone marks a box for each label in the `n`th frame of a video, `None` passes it on.
fn answer(data: &Path, video: &str, n: usize, at: i64, labels: Option<&[&str]>) {
    answer_with_faults(data, video, n, at, labels, &[]);
}

/// As [`answer`], and marks something that cannot be used.
fn answer_with_faults(
    data: &Path,
    video: &str,
    n: usize,
    at: i64,
    labels: Option<&[&str]>,
    faults: &[&str],
) {
    let manifest = stored_manifest(data, video);
    let frame = &manifest.frames[n];
    let time = format!("2026-11-01T10:00:{at:02}Z").parse().unwrap();
    let shape = |(number, label): (usize, &&str)| Shape {
        label: (*label).to_owned(),
        label_id: None,
        geometry: Geometry::Box(Rectangle {
            x: 10.0 + number as f64,
            y: 20.0,
            width: 30.5,
            height: 40.25,
            rotation: 0.0,
        }),
        id: Some(number.to_string()),
        occluded: false,
    };
    let answer = Answer {
        id: "1".to_owned(),
        annotator: Some("ann".to_owned()),
        ground_truth: false,
        skipped: labels.is_none(),
        created_at: time,
        updated_at: time,
        shapes: labels
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(shape)
            .collect(),
        faults: faults.iter().map(|&it| it.to_owned()).collect(),
    };
    let image = framemill_annotations::AnnotatedImage {
        name: format!("images/{}/{}", manifest.image_folder, frame.name),
        sha256: frame.sha256.clone(),
        width: frame.width,
        height: frame.height,
    };
    let task = Task {
        id: "7".to_owned(),
        updated_at: time,
    };
    let key = format!("gs://bucket/videos/{video}#1/{}", frame.index);
    let annotation = FrameAnnotation::new("label-studio-1", &key, image, &task, vec![answer]);
    let folder = data.join(format!(
        "records/annotations/label-studio-1/{video}/{:06}",
        frame.index
    ));
    fs::create_dir_all(&folder).unwrap();
    let bytes = serde_json::to_vec(&annotation).unwrap();
    let revision = format!("{}.json", annotation.revision().name());
    for name in [revision.as_str(), "current.json"] {
        fs::write(folder.join(name), &bytes).unwrap();
    }
}

fn dataset(data: &Path, arguments: &[&str]) -> Output {
    let mut command = framemill();
    run(command
        .arg("dataset")
        .args(arguments)
        .arg("--data")
        .arg(data))
}

/// What it prints.
fn told(data: &Path, arguments: &[&str]) -> String {
    let output = dataset(data, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// What it prints as JSON.
fn json(data: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&told(data, &arguments)).unwrap()
}

/// Why it does not do it.
fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = dataset(data, arguments);
    assert!(
        !output.status.success(),
        "{arguments:?}: {}",
        text(&output.stdout)
    );
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn datasets(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(data);
    files.retain(|name, _| name.starts_with("datasets/"));
    files
}

#[test]
fn the_same_content_is_the_same_snapshot_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("one");
    bucket(&data);
    let built = json(&data, &["build", "cars"]);
    let hash = built["hash"].as_str().unwrap().to_owned();
    // Of each video a labeled and an empty frame; neither the skipped one nor the one without an answer.
    assert_eq!(built["counts"]["frames"], 6);
    assert_eq!(built["counts"]["shapes"], 6);
    assert_eq!(
        built["counts"]["states"],
        serde_json::json!({"labeled": 3, "empty": 3})
    );
    let once = datasets(&data);
    let file = |name: &str| format!("datasets/cars/{hash}/{name}");
    for name in ["dataset.json", "frames.jsonl", "labels.json"] {
        assert!(once.contains_key(&file(name)), "{name}: {:?}", once.keys());
    }
    assert!(told(&data, &["build", "cars"]).contains("unchanged: "));
    assert_eq!(datasets(&data), once);

    // Another bucket with the same content.
    let other = folder.path().join("other");
    bucket(&other);
    assert_eq!(json(&other, &["build", "cars"])["hash"], *hash);
    assert_eq!(datasets(&other), once);

    // As after a kill between two files: what is missing comes, what is there stays.
    fs::remove_file(data.join(file("dataset.json"))).unwrap();
    for name in ["dataset.json", "frames.jsonl"] {
        let _gone = fs::remove_file(data.join(file(name)));
        assert!(!told(&data, &["list"]).contains("cars@"), "without {name}");
        assert!(told(&data, &["build", "cars"]).contains("written: "));
        assert_eq!(datasets(&data), once);
        fs::remove_file(data.join(file("dataset.json"))).unwrap();
    }
    told(&data, &["build", "cars"]);
    assert!(told(&data, &["list"]).contains("cars@"));

    // A file that is another one is never taken for the snapshot's, nor replaced.
    fs::write(data.join(file("frames.jsonl")), b"{}").unwrap();
    assert!(refused(&data, &["build", "cars"]).contains("not what the dataset says"));
    assert!(refused(&data, &["show", "cars"]).contains("frames.jsonl"));
}

#[test]
fn what_is_added_later_moves_nothing_and_labels_keep_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    bucket(data);
    let first = json(data, &["build", "cars", "--split", "train=0.5,val=0.5"]);
    let first = first["hash"].as_str().unwrap().to_owned();
    let splits = |hash: &str| -> BTreeMap<String, String> {
        let path = data.join(format!("datasets/cars/{hash}/frames.jsonl"));
        let lines = fs::read_to_string(path).unwrap();
        let frames = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |frame: &Value, key: &str| frame[key].as_str().unwrap().to_owned();
        frames
            .map(|frame| (word(&frame, "video"), word(&frame, "split")))
            .collect()
    };
    let before = splits(&first);

    upload(
        data,
        &h264_clip("dataset-d.mp4", 2),
        "cam3/new.mp4",
        MODIFIED,
    );
    assert!(up_until_idle(data).status.success());
    // In the alphabet it stands before all others.
    answer(data, "cam3/new.mp4", 0, 1, Some(&["ambulance"]));
    answer(data, "cam1/drive.mp4", 0, 2, Some(&["car"]));
    answer(data, "cam1/drive.mp4", 2, 2, Some(&["car"]));
    told(data, &["rename-label", "cars", "person", "pedestrian"]);
    let second = json(data, &["build", "cars", "--split", "train=0.5,val=0.5"]);
    let labels: Vec<(u64, &str)> = second["counts"]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| {
            (
                label["id"].as_u64().unwrap(),
                label["name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(labels, [(0, "car"), (1, "pedestrian"), (2, "ambulance")]);
    let second = second["hash"].as_str().unwrap();
    let after = splits(second);
    for (video, split) in &before {
        assert_eq!(after[video], *split, "{video}");
    }

    let from = format!("cars@{}", &first[..10]);
    let diff = told(data, &["diff", &from, "cars"]);
    for word in ["cam3/new.mp4", "cam1/drive.mp4", "pedestrian", "ambulance"] {
        assert!(diff.contains(word), "{word}: {diff}");
    }
    assert_eq!(told(data, &["list"]).lines().count(), 2);
    assert!(refused(data, &["show", "cars@ffffffffff"]).contains("no such snapshot"));
    assert!(
        refused(data, &["rename-label", "cars", "car", "ambulance"]).contains("is label 2 already")
    );
}

#[test]
fn every_format_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("bucket");
    bucket(&data);
    told(&data, &["build", "cars", "--split", "train=0.5,val=0.5"]);
    let formats: Vec<&str> = EXPORTS.iter().map(|export| export.id()).collect();
    // Vertex AI reads images where they are, which a folder is not.
    for format in formats.iter().filter(|format| **format != "vertex") {
        let out = folder.path().join(format);
        let path = out.to_str().unwrap();
        let exported = json(&data, &["export", "cars", "--format", format, "-o", path]);
        assert_eq!(
            (&exported["frames"], &exported["shapes"]),
            (&6.into(), &6.into()),
            "{format}"
        );
        let again = refused(&data, &["export", "cars", "--format", format, "-o", path]);
        assert!(again.contains("no empty folder"), "{again}");

        let exported = json(&data, &["export", "cars", "--format", format]);
        let place = data.join(exported["place"].as_str().unwrap());
        let mut in_bucket = files(&place);
        assert!(in_bucket.remove("export.json").is_some());
        assert_eq!(in_bucket, files(&out), "{format}");
        assert_eq!(
            json(&data, &["export", "cars", "--format", format]),
            exported
        );
    }
    let out = folder.path().join("vertex");
    let path = out.to_str().unwrap();
    let reason = refused(&data, &["export", "cars", "--format", "vertex", "-o", path]);
    assert!(reason.contains("gs://"), "{reason}");
    assert!(!out.exists());

    assert!(told(&data, &["verify", "cars"]).contains("6 images intact, 0 changed"));
    let manifest: Manifest = stored_manifest(&data, "cam1/drive.mp4");
    let image = format!(
        "images/{}/{}",
        manifest.image_folder, manifest.frames[0].name
    );
    fs::write(data.join(&image), b"another").unwrap();
    let output = dataset(&data, &["verify", "cars"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains(&image),
        "{}",
        text(&output.stdout)
    );
    let out = folder.path().join("later");
    let path = out.to_str().unwrap();
    let reason = refused(&data, &["export", "cars", "--format", "coco", "-o", path]);
    assert!(reason.contains(&image), "{reason}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(
        left.len(),
        formats.len(),
        "the bucket and the exports before: {left:?}"
    );
}

#[test]
fn what_cannot_be_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    bucket(data);
    for (arguments, words) in [
        (&["build", "a/b"][..], "no name of a dataset"),
        (
            &["build", "cars", "--split", "train=0.5"],
            "add up to 0.5, not 1",
        ),
        (&["build", "cars", "--group", "("], "group"),
        (&["build", "cars", "--where", "colour=red"], "colour"),
        (&["build", "cars", "--labels", "cars"], "car"),
        (&["export", "cars", "--format", "pascal"], "coco"),
        (&["show", "cars"], "no such snapshot: cars"),
    ] {
        let reason = refused(data, arguments);
        assert!(reason.contains(words), "{arguments:?}: {reason}");
    }
    let current =
        data.join("records/annotations/label-studio-1/cam1/drive.mp4/000000/current.json");
    let before = fs::read(&current).unwrap();
    fs::write(&current, b"{").unwrap();
    let reason = refused(data, &["build", "cars"]);
    assert!(
        reason.contains("1 records cannot be read") && reason.contains("current.json"),
        "{reason}"
    );
    let other = String::from_utf8_lossy(&before).replace("annotation/1", "annotation/2");
    fs::write(&current, other).unwrap();
    let reason = refused(data, &["build", "cars"]);
    assert!(
        reason.contains("schema is `framemill.annotation/2`, not `framemill.annotation/1`"),
        "{reason}"
    );
    fs::write(&current, before).unwrap();
    let snapshots = datasets(data)
        .into_keys()
        .filter(|name| name.ends_with("dataset.json"));
    assert_eq!(snapshots.count(), 0);
    told(data, &["build", "cars"]);
}

#[test]
fn what_is_left_out_is_told_and_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    bucket(data);
    let all = json(data, &["build", "cars"]);
    assert_eq!(all["report"]["warnings"], serde_json::json!([]));

    // Of frame 3 some marks are of no use: the others alone would teach that there is nothing.
    let drive = "cam1/drive.mp4";
    answer_with_faults(data, drive, 3, 1, Some(&["car"]), &["region r9: a circle"]);
    // A frame that the next extraction did not take.
    let annotations = data.join("records/annotations/label-studio-1").join(drive);
    let gone = annotations.join("000999");
    fs::create_dir(&gone).unwrap();
    fs::copy(
        annotations.join("000000/current.json"),
        gone.join("current.json"),
    )
    .unwrap();
    let output = told(data, &["build", "cars"]);
    for words in [
        "unchanged: ",
        "not in it: 1 frames in which something is marked that cannot be used",
        "region r9: a circle",
        "no manifest has their frames",
        "cam1/drive.mp4#999 (label-studio-1)",
    ] {
        assert!(output.contains(words), "{words}: {output}");
    }
    let report = json(data, &["build", "cars"])["report"].clone();
    let index = stored_manifest(data, drive).frames[3].index;
    assert_eq!(
        (&report["faulty"], &report["orphaned"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        report["warnings"][0]["examples"][0],
        format!("{drive}#{index}: region r9: a circle")
    );
}

#[test]
fn a_name_means_what_was_written_last() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    bucket(data);
    let first = json(data, &["build", "cars"]);
    assert_eq!(first["is_newest"], true);
    let second = json(data, &["build", "cars", "--labels", "car"]);
    assert_eq!(
        (&second["is_new"], &second["is_newest"]),
        (&true.into(), &true.into())
    );
    let again = told(data, &["build", "cars"]);
    let hash = first["hash"].as_str().unwrap();
    let words = format!(
        "`cars` alone means a snapshot that was written later: this one is cars@{}",
        &hash[..12]
    );
    assert!(
        again.contains("unchanged: ") && again.contains(&words),
        "{again}"
    );
    assert_eq!(json(data, &["show", "cars"])["hash"], second["hash"]);
}

#[test]
fn exports_that_cannot_be_finished_are_refused_at_their_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("bucket");
    bucket(&data);
    let hash = json(&data, &["build", "cars"])["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&empty, &link).unwrap();
    let here = empty.join(".");
    for (out, words) in [(&link, "no empty folder"), (&here, "cannot be replaced")] {
        let out = out.to_str().unwrap();
        let reason = refused(&data, &["export", "cars", "--format", "coco", "-o", out]);
        assert!(reason.contains(words), "{out}: {reason}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        3,
        "nothing else"
    );

    // As another version of framemill has left it.
    let prefix = format!("datasets/cars/{hash}/exports/coco/");
    let begun = data.join(&prefix).join("annotations/instances_train.json");
    fs::create_dir_all(begun.parent().unwrap()).unwrap();
    fs::write(&begun, b"{}").unwrap();
    let reason = refused(&data, &["export", "cars", "--format", "coco"]);
    assert!(
        reason.contains(&format!("remove {prefix} and export again")),
        "{reason}"
    );
    fs::remove_dir_all(data.join(&prefix)).unwrap();
    told(&data, &["export", "cars", "--format", "coco"]);
}
