//! Bad input is normal input: each ends with a named error or a warning with its time range,
//! and the host goes on.

use framemill_contract::FailureRecord;
use framemill_tests::*;
use std::fs;
use std::path::Path;

/// Makes a file of the bucket out of a good clip's bytes.
fn put(data: &Path, name: &str, bytes: &[u8]) {
    let path = data.join("videos").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Where `needle` first stands.
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap()
}

fn failure_path(name: &str) -> String {
    format!("records/failures/extract-frames/{name}.json")
}

fn failure(data: &Path, name: &str) -> FailureRecord {
    let path = data.join(failure_path(name));
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn every_bad_file_has_a_failure_record_with_its_name_and_good_ones_are_done() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let good = fs::read(h264_clip("four-seconds.mp4", 4)).unwrap();
    let front = {
        let video = h264_clip("four-seconds.mp4", 4);
        fs::read(clip(
            "front.mp4",
            &[
                "-i",
                video.to_str().unwrap(),
                "-c",
                "copy",
                "-movflags",
                "+faststart",
            ],
        ))
        .unwrap()
    };
    let edited = |at: usize, new: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    let media_header = find(&good, b"mdhd");
    let descriptions = find(&good, b"stsd");
    let sample_entry = descriptions + find(&good[descriptions..], b"avc1");
    put(data, "empty.mp4", b"");
    put(
        data,
        "text.mp4",
        b"This is no video at all, it is a text.\n"
            .repeat(40)
            .as_slice(),
    );
    put(data, "truncated-moov.mp4", &front[..find(&front, b"stsz")]);
    put(data, "no-moov.mp4", &good[..find(&good, b"moov") - 100]);
    put(
        data,
        "zero-timescale.mp4",
        &edited(media_header + 16, &[0; 4]),
    );
    put(data, "unknown-codec.mp4", &edited(sample_entry, b"apcn"));
    put(data, "encrypted.mp4", &edited(sample_entry, b"encv"));
    put(
        data,
        "absurd-size.mp4",
        &edited(sample_entry + 28, &[0xff; 4]),
    );
    put(
        data,
        "no-frames.mp4",
        &edited(find(&good, b"stsz") + 12, &[0; 4]),
    );
    let audio = clip(
        "audio.m4v",
        &["-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", "-f", "mp4"],
    );
    put(data, "audio.mp4", &fs::read(audio).unwrap());
    put(data, "good.mp4", &good);
    let output = up_until_idle(data);
    assert!(
        !output.status.success(),
        "a failed video must show in the exit code"
    );
    for (name, codes) in [
        ("empty.mp4", &["empty_file"][..]),
        ("text.mp4", &["unknown_container"]),
        (
            "truncated-moov.mp4",
            &["truncated_container", "damaged_container"],
        ),
        ("no-moov.mp4", &["truncated_container"]),
        ("zero-timescale.mp4", &["damaged_container"]),
        ("unknown-codec.mp4", &["unsupported_codec"]),
        ("encrypted.mp4", &["encrypted"]),
        ("absurd-size.mp4", &["over_limit"]),
        ("no-frames.mp4", &["no_frames", "damaged_container"]),
        ("audio.mp4", &["no_video_track"]),
    ] {
        let record = failure(data, name);
        assert!(codes.contains(&record.code.as_str()), "{name}: {record:?}");
        assert!(
            !record.retry_can_help && !record.remedy.is_empty(),
            "{name}: {record:?}"
        );
        assert!(!data.join("manifests").join(format!("{name}.json")).exists());
    }
    assert_eq!(indices(&stored_manifest(data, "good.mp4")), [0, 30, 60, 90]);
    assert!(!data.join(failure_path("good.mp4")).exists());
}

#[test]
fn a_file_that_ends_early_gives_what_is_there_and_says_what_is_missing() {
    let video = h264_clip("ten-seconds.mp4", 10);
    let front = clip(
        "front-ten.mp4",
        &[
            "-i",
            video.to_str().unwrap(),
            "-c",
            "copy",
            "-movflags",
            "+faststart",
        ],
    );
    let bytes = fs::read(front).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let (_out, _, manifest) = extracted(&path, &[]);
    assert!(
        manifest.frames.len() >= 4 && manifest.frames.len() < 10,
        "{:?}",
        indices(&manifest)
    );
    let warning = manifest
        .warnings
        .iter()
        .find(|warning| warning.code == "truncated_data");
    let warning = warning.unwrap_or_else(|| panic!("{:?}", manifest.warnings));
    assert!(warning.from_pts.is_some() && warning.to_pts.is_some());
}

#[test]
fn a_corrupted_stretch_costs_its_own_frames_only() {
    let video = test_clip(
        "all-frames.mp4",
        "320x180",
        "10",
        10,
        &[
            "-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p",
        ],
    );
    let mut bytes = fs::read(&video).unwrap();
    // Zeros over a fifth of the coded pictures: lengths of NAL units included.
    let media = find(&bytes, b"mdat");
    let (from, to) = (
        media + (bytes.len() - media) * 4 / 10,
        media + (bytes.len() - media) * 6 / 10,
    );
    bytes[from..to].fill(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hole.mp4");
    fs::write(&path, &bytes).unwrap();
    let (_out, images, whole) = extracted(&video, &["--every-frames", "5"]);
    let (_out2, damaged_images, damaged) = extracted(&path, &["--every-frames", "5"]);
    assert!(
        damaged.frames.len() >= whole.frames.len() / 2,
        "{:?}",
        indices(&damaged)
    );
    assert!(
        damaged.frames.len() < whole.frames.len(),
        "damage went unnoticed"
    );
    assert!(
        damaged
            .warnings
            .iter()
            .all(|warning| warning.from_pts.is_some())
    );
    assert!(
        damaged
            .warnings
            .iter()
            .any(|warning| warning.code == "frames_lost"),
        "{:?}",
        damaged.warnings
    );
    for index in [0, 5, 10, 95] {
        let name = format!("{index:06}.jpg");
        assert_eq!(
            fs::read(images.join(&name)).unwrap(),
            fs::read(damaged_images.join(&name)).unwrap(),
            "{name}"
        );
    }
}

/// A manifest with a few of many frames must not pass for a success.
#[test]
fn a_video_that_loses_most_of_its_frames_is_told_of_as_a_failure() {
    let encoder = [
        "-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p",
    ];
    let video = test_clip("all-frames.mp4", "320x180", "10", 10, &encoder);
    let mut bytes = fs::read(&video).unwrap();
    let media = find(&bytes, b"mdat");
    let from = media + (bytes.len() - media) / 10;
    let to = media + (bytes.len() - media) * 9 / 10;
    bytes[from..to].fill(0);
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    put(data, "hole.mp4", &bytes);

    let (_out, output) = extract(&data.join("videos/hole.mp4"), &["--json"]);
    assert!(!output.status.success(), "the loss must show in the status");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &report["videos"][0];
    assert_eq!(one["outcome"], "incomplete", "{report}");
    assert!(one["frames"].as_u64().unwrap() > 0, "{report}");
    let said = one["error"].as_str().unwrap();
    assert!(said.contains("of 10 selected frames"), "{said}");

    let output = up_until_idle(data);
    assert!(!output.status.success(), "the loss must show in the status");
    let record = failure(data, "hole.mp4");
    assert_eq!(record.code, "most_frames_lost");
    let manifest = stored_manifest(data, "hole.mp4");
    assert!(manifest.incomplete().is_some() && !manifest.frames.is_empty());
    let list = run(framemill().args(["failures", "list", "--data"]).arg(data));
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("most_frames_lost"), "{list}");
}

#[test]
fn a_folder_without_videos_is_an_error_and_not_silence() {
    let empty = tempfile::tempdir().unwrap();
    let (_out, output) = extract::<&str>(empty.path(), &[]);
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(text.contains("no video"), "{text}");
}
