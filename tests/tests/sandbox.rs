//! The sandbox: small, and its death costs one GOP.

use framemill_tests::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::fs;

/// What small wasm clouds give a function.
const SMALL: u64 = 128 << 20;

#[test]
fn full_hd_fits_a_small_sandbox() {
    for (name, encoder) in [
        (
            "hd-h264.mp4",
            &[
                "-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p", "-g", "60",
            ][..],
        ),
        (
            "hd-av1.mp4",
            &[
                "-c:v",
                "libsvtav1",
                "-preset",
                "10",
                "-pix_fmt",
                "yuv420p",
                "-g",
                "60",
            ],
        ),
    ] {
        let video = test_clip(name, "1920x1080", "30", 4, encoder);
        let (_out, _, manifest) = extracted(&video, &[]);
        assert_eq!(indices(&manifest), [0, 30, 60, 90], "{name}");
        let peak = manifest.stats.peak_memory_bytes;
        assert!(peak > 1 << 20 && peak < SMALL, "{name}: {} MiB", peak >> 20);
    }
}

/// rav1d panics on some damaged streams. Its sandbox traps, the segment is tried GOP by GOP,
/// the GOP that traps again becomes a warning with its time range, all others are there.
#[test]
fn a_decoder_that_panics_costs_its_own_gop() {
    let encoder = [
        "-c:v",
        "libsvtav1",
        "-preset",
        "10",
        "-g",
        "10",
        "-pix_fmt",
        "yuv420p",
    ];
    let video = test_clip("gops-av1.mp4", "176x144", "10", 5, &encoder);
    let good = fs::read(&video).unwrap();
    let (_out, images, whole) = extracted(&video, &["--every-frames", "5"]);
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..60 {
        let mut bytes = good.clone();
        let mut random = SmallRng::seed_from_u64(seed);
        // Only the third GOP: the middle of the coded data, whose order is that of time.
        let (from, to) = (good.len() * 45 / 100, good.len() * 52 / 100);
        for _ in 0..12 {
            let at = random.random_range(from..to);
            bytes[at] ^= random.random_range(1..=255u8);
        }
        let path = folder.path().join(format!("damaged-{seed}.mp4"));
        fs::write(&path, &bytes).unwrap();
        let (_out, output) = extract(&path, &["--every-frames", "5"]);
        assert!(
            output.status.success(),
            "seed {seed}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let folder = _out.path().join(path.file_name().unwrap());
        let damaged = manifest(&folder);
        let Some(warning) = damaged
            .warnings
            .iter()
            .find(|w| w.code == "decoder_crashed")
        else {
            continue;
        };
        assert!(
            warning.from_pts.is_some() && warning.to_pts.is_some(),
            "{warning:?}"
        );
        assert!(
            warning.message.contains("extract-frames"),
            "names no component: {warning:?}"
        );
        for index in [0, 5, 45] {
            let name = format!("{index:06}.jpg");
            assert_eq!(
                fs::read(images.join(&name)).unwrap(),
                fs::read(folder.join(&name)).unwrap()
            );
        }
        assert!(
            damaged.frames.len() + 4 >= whole.frames.len(),
            "{:?}",
            indices(&damaged)
        );
        return;
    }
    panic!("no damage of 60 made rav1d panic: if it is fixed, this test needs another way to trap");
}

/// Two hours of video: the index is the one thing that grows with the length.
#[test]
fn a_long_video_fits_a_small_sandbox() {
    let encoder = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "300",
        "-bf",
        "2",
        "-pix_fmt",
        "yuv420p",
    ];
    let video = test_clip("two-hours.mp4", "64x64", "30", 7200, &encoder);
    let (_out, _, manifest) = extracted(&video, &["--count", "5"]);
    assert_eq!(indices(&manifest), [0, 43_200, 86_400, 129_600, 172_800]);
    assert_eq!(manifest.video.frame_count, 216_000);
    let peak = manifest.stats.peak_memory_bytes;
    assert!(peak > 1 << 20 && peak < SMALL, "{} MiB", peak >> 20);
}

/// Ten minutes of full HD under exactly what a small cloud gives each request: 128 MiB, 30 s, and
/// 10 MiB a body. One request alone could not do it; over several requests all of it is there.
#[test]
fn ten_minutes_of_full_hd_pass_in_a_small_cloud() {
    let encoder = [
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50", "-bf", "2",
        "-t", "60",
    ];
    let minute = test_clip("hd-minute.mp4", "1920x1080", "25", 60, &encoder);
    let minute = minute.to_str().unwrap();
    let again = ["-stream_loop", "9", "-i", minute, "-c", "copy"];
    let video = clip("hd-ten-minutes.mp4", &again);
    let data = tempfile::tempdir().unwrap();
    upload(data.path(), &video, "long.mp4", MODIFIED);
    let mut up = framemill();
    let up = up.args(["up", "--until-idle", "--limits", "akamai", "--data"]);
    let output = run(up.arg(data.path()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let manifest = stored_manifest(data.path(), "long.mp4");
    assert_eq!(manifest.warnings, [], "{said}");
    let expected: Vec<u64> = (0..600).map(|second| second * 25).collect();
    assert_eq!(indices(&manifest), expected);
    let peak = manifest.stats.peak_memory_bytes;
    assert!(peak > 1 << 20 && peak < SMALL, "{} MiB", peak >> 20);
    assert!(said.contains("continued"), "in one turn: {said}");
    let checkpoints = data.path().join("checkpoints");
    assert!(
        !checkpoints.exists() || tree(&checkpoints).is_empty(),
        "{said}"
    );
}

/// What a sandbox lacks of memory is nothing that the video did: it is named, and no manifest says
/// that the rest is all.
#[test]
fn a_memory_limit_that_is_too_low_is_named_and_commits_nothing() {
    let video = test_clip("low-memory-vp9.mp4", "1280x720", "24", 1, VP9);
    let (out, output) = extract(&video, &["--memory-limit", "24MiB", "--every-frames", "5"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("out of memory")
            && said.contains("memory limit (24 MiB) hit: raise memory_limit"),
        "{said}"
    );
    let written = tree(out.path());
    assert!(
        !written.keys().any(|name| name.ends_with("manifest.json")),
        "{said}"
    );
    let (_out, _, manifest) = extracted(&video, &["--every-frames", "5"]);
    assert_eq!((manifest.frames.len(), manifest.warnings.len()), (5, 0));
}
