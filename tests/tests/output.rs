//! What `framemill extract` leaves in its output folder: images and manifests, and who has which
//! folder stays known without more.

use framemill_contract::Manifest;
use framemill_tests::*;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Extracts; gives the report of each video.
fn extract_all(videos: &[&Path], out: &Path, options: &[&str]) -> Vec<Value> {
    let mut command = framemill();
    command.arg("extract").args(videos).arg("-o").arg(out);
    let output = run(command.args(options).arg("--json"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    report["videos"].as_array().unwrap().clone()
}

fn outcomes(reports: &[Value]) -> Vec<&str> {
    let outcomes = reports.iter();
    outcomes
        .map(|report| report["outcome"].as_str().unwrap())
        .collect()
}

/// The video that a manifest of the output folder is about, and its number of frames.
fn about(path: &Path) -> (String, usize) {
    let manifest: Manifest = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    (manifest.source.name, manifest.frames.len())
}

fn put(folder: &Path, name: &str, video: &Path) -> PathBuf {
    let path = folder.join(name);
    fs::copy(video, &path).unwrap();
    path
}

#[test]
fn nothing_but_images_and_manifests_is_left_behind() {
    let (videos, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = h264_clip("four-seconds.mp4", 4);
    let good = put(videos.path(), "good.mp4", &video);
    let junk = videos.path().join("junk.mp4");
    fs::write(&junk, "this is no video").unwrap();
    for expected in ["extracted", "unchanged"] {
        let reports = extract_all(&[&good, &junk], out.path(), &[]);
        assert_eq!(outcomes(&reports), [expected, "rejected"]);
        let manifest = out.path().join("good.mp4/manifest.json");
        assert_eq!(reports[0]["record"], manifest.to_str().unwrap());
        assert!(reports[1]["error"].as_str().unwrap().contains("video"));
        let names: Vec<String> = files(out.path()).into_keys().collect();
        let frames = [0, 30, 60, 90].map(|index| format!("good.mp4/{index:06}.jpg"));
        let manifest = ["good.mp4/manifest.json".to_owned()];
        assert_eq!(names, [&frames[..], &manifest].concat());
        assert!(!out.path().join(".framemill").exists());
    }
}

#[test]
fn another_version_of_a_video_gets_a_folder_of_its_own() {
    let (videos, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = put(videos.path(), "x.mp4", &h264_clip("four-seconds.mp4", 4));
    assert_eq!(
        outcomes(&extract_all(&[&video], out.path(), &[])),
        ["extracted"]
    );
    let first = files(out.path());
    fs::remove_file(&video).unwrap();
    put(videos.path(), "x.mp4", &h264_clip("ten-seconds.mp4", 10));
    for expected in ["extracted", "unchanged"] {
        let reports = extract_all(&[&video], out.path(), &[]);
        assert_eq!(outcomes(&reports), [expected]);
        let record = PathBuf::from(reports[0]["record"].as_str().unwrap());
        let folder = record.parent().unwrap().file_name().unwrap();
        assert!(folder.to_str().unwrap().starts_with("x.mp4@"), "{folder:?}");
        assert_eq!(about(&record).1, 10);
        let after = files(out.path());
        let untouched = |(name, bytes): (&String, _)| after.get(name) == Some(bytes);
        assert!(first.iter().all(untouched));
    }
}

/// With `naming = "sample"` the folder does not tell the two apart; the manifest in it does.
#[test]
fn two_videos_that_want_one_folder_do_not_mix_over_several_runs() {
    let (videos, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = put(videos.path(), "x.mp4", &h264_clip("four-seconds.mp4", 4));
    let second = put(videos.path(), "x.m4v", &h264_clip("ten-seconds.mp4", 10));
    let naming = ["--naming", "sample"];
    for expected in ["extracted", "unchanged"] {
        for (video, frames) in [(&first, 4), (&second, 10)] {
            let reports = extract_all(&[video], out.path(), &naming);
            assert_eq!(outcomes(&reports), [expected]);
            let record = PathBuf::from(reports[0]["record"].as_str().unwrap());
            let name = video.file_name().unwrap().to_str().unwrap();
            assert_eq!(about(&record), (format!("videos/{name}"), frames));
            assert!(record.with_file_name("30.jpg").is_file());
        }
    }
    let names = fs::read_dir(out.path()).unwrap();
    assert_eq!(names.count(), 2, "x and x@…");
}
