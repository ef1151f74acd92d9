//! The main job: videos of every kind become the right frames, in the right colours.

use framemill_contract::DropReason;
use framemill_tests::*;
use image::ImageReader;
use std::path::Path;

/// ffmpeg's most accurate conversion: what our images are compared with.
const CONVERSION: &str = "scale=flags=bicubic+accurate_rnd+full_chroma_int";

fn rgb(path: &Path) -> Vec<u8> {
    ImageReader::open(path)
        .unwrap()
        .decode()
        .unwrap()
        .to_rgb8()
        .into_raw()
}

/// Largest difference of any channel, and how much of all channels differ by more than 2.
fn compare(ours: &[u8], reference: &[u8]) -> (u8, f64) {
    assert_eq!(ours.len(), reference.len(), "image sizes differ");
    let differences = ours.iter().zip(reference).map(|(a, b)| a.abs_diff(*b));
    let most = differences.clone().max().unwrap();
    let above = differences.filter(|difference| *difference > 2).count();
    (most, above as f64 / ours.len() as f64)
}

/// Extracts as PNG and compares each image with ffmpeg's frame of the same number.
fn check_pixels(video: &Path, expected: &[u64], options: &[&str], conversion: &str) {
    let options = [&["--format", "png"], options].concat();
    let (_out, folder, manifest) = extracted(video, &options);
    assert_eq!(indices(&manifest), expected, "{}", video.display());
    assert_eq!(manifest.warnings, [], "{}", video.display());
    let reference = reference_rgb(video, expected, conversion);
    for (frame, reference) in manifest.frames.iter().zip(&reference) {
        let (most, above) = compare(&rgb(&folder.join(&frame.name)), reference);
        assert!(
            most <= 2,
            "{} frame {}: off by {most} ({above:.5} of all by more than 2)",
            video.display(),
            frame.index
        );
    }
}

#[test]
fn one_frame_per_second_of_each_codec_and_container_is_ffmpegs() {
    let each_second: Vec<u64> = vec![0, 25, 50];
    let x264 = [
        "-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-bf", "2", "-pix_fmt",
    ];
    let clips: [(&str, &[&str]); 10] = [
        ("a.mp4", &[&x264[..], &["yuv420p"]].concat()),
        (
            "end.mov",
            &[&x264[..], &["yuv420p", "-movflags", "-faststart"]].concat(),
        ),
        (
            "frag.mp4",
            &[
                &x264[..],
                &["yuv420p", "-movflags", "frag_keyframe+empty_moov"],
            ]
            .concat(),
        ),
        ("a.mkv", &[&x264[..], &["yuv420p"]].concat()),
        ("a.ts", &[&x264[..], &["yuv420p"]].concat()),
        (
            "hevc.mp4",
            &[
                "-c:v",
                "libx265",
                "-x265-params",
                "log-level=error:keyint=20",
                "-tag:v",
                "hvc1",
                "-pix_fmt",
                "yuv420p",
            ],
        ),
        (
            "av1.mp4",
            &[
                "-c:v",
                "libsvtav1",
                "-preset",
                "8",
                "-g",
                "20",
                "-pix_fmt",
                "yuv420p",
            ],
        ),
        (
            "vp9.webm",
            &[
                "-c:v",
                "libvpx-vp9",
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-pix_fmt",
                "yuv420p",
            ],
        ),
        (
            "vp8.webm",
            &[
                "-c:v",
                "libvpx",
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-pix_fmt",
                "yuv420p",
            ],
        ),
        (
            "h264.avi",
            &[
                "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "20", "-pix_fmt",
                "yuv420p",
            ],
        ),
    ];
    for (name, encoder) in clips {
        let video = test_clip(name, "320x180", "25", 3, encoder);
        check_pixels(&video, &each_second, &[], CONVERSION);
    }
}

#[test]
fn ten_bit_and_tagged_colours_are_ffmpegs() {
    for (name, matrix, range) in [
        ("601", "smpte170m", "tv"),
        ("709", "bt709", "tv"),
        ("709f", "bt709", "pc"),
        ("2020", "bt2020nc", "tv"),
    ] {
        let primaries = if name == "2020" { "bt2020" } else { matrix };
        let format = if name == "2020" {
            "yuv420p10le"
        } else {
            "yuv420p"
        };
        let params = format!(
            "log-level=error:colormatrix={matrix}:colorprim={primaries}:transfer=bt709:range={}",
            if range == "pc" { "full" } else { "limited" }
        );
        let convert = format!(
            "scale=out_color_matrix={}:out_range={range}",
            matrix
                .replace("smpte170m", "bt601")
                .replace("bt2020nc", "bt2020")
        );
        let encoder = [
            "-vf",
            &convert,
            "-c:v",
            "libx265",
            "-x265-params",
            &params,
            "-colorspace",
            matrix,
            "-color_range",
            range,
            "-pix_fmt",
            format,
            "-tag:v",
            "hvc1",
        ];
        let video = test_clip(&format!("color-{name}.mp4"), "320x180", "10", 2, &encoder);
        check_pixels(&video, &[0, 10], &[], CONVERSION);
    }
}

#[test]
fn rotation_is_applied() {
    let upright = h264_clip("upright.mp4", 2);
    // A quarter turn clockwise, written into the track header's matrix (ISO 14496-12, 8.3.2):
    // ffmpeg's option for it has another name in each version.
    let mut bytes = std::fs::read(&upright).unwrap();
    let header = bytes
        .windows(4)
        .position(|window| window == b"tkhd")
        .unwrap();
    let matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 180 << 16, 0, 1 << 30];
    for (at, value) in (header + 44..).step_by(4).zip(matrix) {
        bytes[at..at + 4].copy_from_slice(&i32::to_be_bytes(value));
    }
    let place = tempfile::tempdir().unwrap();
    let turned = place.path().join("turned.mp4");
    std::fs::write(&turned, bytes).unwrap();
    let (_out, folder, manifest) = extracted(&turned, &["--format", "png"]);
    assert_eq!(
        (manifest.frames[0].width, manifest.frames[0].height),
        (180, 320)
    );
    // Turned after the conversion: ffmpeg turns first, and then chroma's place differs.
    let options = format!("{CONVERSION},format=rgb24,transpose=clock");
    let reference = reference_rgb(&upright, &indices(&manifest), &options);
    let (most, _) = compare(&rgb(&folder.join(&manifest.frames[0].name)), &reference[0]);
    assert!(most <= 2, "off by {most}");
}

#[test]
fn indices_are_those_of_the_python_sample() {
    let video = h264_clip("four-seconds.mp4", 4);
    let (_out, folder, manifest) = extracted(&video, &[]);
    assert_eq!(indices(&manifest), [0, 30, 60, 90]);
    assert_eq!(manifest.frames[1].name, "000030.jpg");
    assert_eq!(manifest.video.frame_count, 120);
    for frame in &manifest.frames {
        let bytes = std::fs::read(folder.join(&frame.name)).unwrap();
        assert_eq!(bytes.len() as u64, frame.bytes);
        assert_eq!((frame.width, frame.height), (320, 180));
    }
    let (_out, folder, _) = extracted_sample(&video);
    assert!(folder.join("30.jpg").is_file());
}

/// With `naming = "sample"` the folder has the video's name without its ending.
fn extracted_sample(video: &Path) -> (tempfile::TempDir, std::path::PathBuf, ()) {
    let (out, output) = extract(video, &["--naming", "sample"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = out.path().join(video.file_stem().unwrap());
    (out, folder, ())
}

#[test]
fn rates_that_are_no_whole_number_take_the_frame_on_display() {
    let encoder = [
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
    ];
    let ntsc = test_clip("ntsc.mp4", "160x90", "30000/1001", 4, &encoder);
    // Frame 30 comes at 1.001 s: at 1 s frame 29 is on display. The last one is until 4.004 s.
    assert_eq!(indices(&extracted(&ntsc, &[]).2), [0, 29, 59, 89, 119]);
    let half = test_clip("half.mp4", "160x90", "25/2", 4, &encoder);
    assert_eq!(indices(&extracted(&half, &[]).2), [0, 12, 25, 37]);
}

#[test]
fn each_selection_takes_what_it_says() {
    let video = h264_clip("four-seconds.mp4", 4);
    let cases: [(&[&str], &[u64]); 7] = [
        (&["--every", "500ms"], &[0, 15, 30, 45, 60, 75, 90, 105]),
        (&["--every-frames", "50"], &[0, 50, 100]),
        (&["--count", "3"], &[0, 40, 80]),
        (&["--keyframes"], &[0, 30, 60, 90]),
        (&["--at", "0.5s,2s,3.99s"], &[15, 60, 119]),
        (
            &["--every", "700ms", "--snap", "keyframe"],
            &[0, 30, 60, 90],
        ),
        (&["--every", "4s"], &[0]),
    ];
    for (options, expected) in cases {
        assert_eq!(
            indices(&extracted(&video, options).2),
            expected,
            "{options:?}"
        );
    }
}

#[test]
fn only_what_the_plan_needs_is_read_and_decoded() {
    let video = h264_clip("ten-seconds.mp4", 10);
    let size = std::fs::metadata(&video).unwrap().len();
    let (_out, _, at_sync) = extracted(&video, &[]);
    assert_eq!(at_sync.stats.access_units_total, 300);
    assert_eq!(
        at_sync.stats.access_units_decoded, 10,
        "a sync sample stands at each target"
    );
    assert!(
        at_sync.stats.bytes_read < size / 2,
        "{} of {size}",
        at_sync.stats.bytes_read
    );
    let (_out, _, between) = extracted(&video, &["--at", "0.5s"]);
    assert!(
        between.stats.access_units_decoded <= 18,
        "{:?}",
        between.stats
    );
}

#[test]
fn formats_and_sizes_are_as_asked() {
    let video = h264_clip("four-seconds.mp4", 4);
    let lossless: Vec<Vec<u8>> = ["png", "webp"]
        .map(|format| {
            let (_out, folder, manifest) = extracted(&video, &["--format", format]);
            assert!(manifest.frames[0].name.ends_with(format));
            rgb(&folder.join(&manifest.frames[0].name))
        })
        .into();
    assert_eq!(lossless[0], lossless[1]);
    let (_out, folder, manifest) = extracted(&video, &["--max-side", "100", "--quality", "80"]);
    let image = ImageReader::open(folder.join("000000.jpg"))
        .unwrap()
        .decode()
        .unwrap();
    assert_eq!((image.width(), image.height()), (100, 56));
    assert_eq!(
        (manifest.frames[0].width, manifest.frames[0].height),
        (100, 56)
    );
}

#[test]
fn a_still_scene_keeps_one_image_and_says_what_became_of_the_others() {
    let video = clip(
        "still-then-moving.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "smptehdbars=s=320x180:r=10:d=5",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=10:d=3",
            "-filter_complex",
            "[0]noise=alls=8:allf=t[a];[1]setpts=PTS-STARTPTS[b];[a][b]concat",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "10",
        ],
    );
    let (_out, folder, all) = extracted(&video, &[]);
    assert!(all.frames.len() >= 8, "{:?}", indices(&all));
    drop(folder);
    // One segment or many: the same frames stay.
    for segment_frames in ["10", "1000"] {
        let (_out, folder, manifest) = extracted(
            &video,
            &["--dedupe", "on", "--segment-frames", segment_frames],
        );
        let still: Vec<u64> = indices(&manifest)
            .into_iter()
            .filter(|index| *index < 50)
            .collect();
        assert_eq!(still, [0], "segment_frames {segment_frames}");
        assert!(manifest.frames.len() >= 2);
        assert_eq!(
            manifest.frames.len() + manifest.dropped.len(),
            all.frames.len()
        );
        assert!(
            manifest
                .dropped
                .iter()
                .all(|frame| frame.reason == DropReason::Duplicate && frame.like == Some(0))
        );
        let images = std::fs::read_dir(&folder).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|extension| extension == "jpg")
        });
        assert_eq!(images.count(), manifest.frames.len());
    }
}

#[test]
fn blank_and_blurred_frames_can_be_dropped() {
    let video = clip(
        "black-blur-sharp.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "color=black:s=320x180:r=10:d=2",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=10:d=2,gblur=sigma=12",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=10:d=2",
            "-filter_complex",
            "concat=n=3",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
        ],
    );
    let (_out, _, manifest) = extracted(&video, &["--drop-blank", "--min-sharpness", "100"]);
    assert_eq!(indices(&manifest), [40, 50], "{:?}", manifest.dropped);
    let reasons: Vec<_> = manifest
        .dropped
        .iter()
        .map(|frame| (frame.index, frame.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            (0, DropReason::Blank),
            (10, DropReason::Blank),
            (20, DropReason::Blurred),
            (30, DropReason::Blurred)
        ]
    );
}

#[test]
fn hdr_is_tone_mapped_and_says_so() {
    let params =
        "log-level=error:colormatrix=bt2020nc:colorprim=bt2020:transfer=smpte2084:range=limited";
    let encoder = [
        "-c:v",
        "libx265",
        "-x265-params",
        params,
        "-colorspace",
        "bt2020nc",
        "-color_primaries",
        "bt2020",
        "-color_trc",
        "smpte2084",
        "-pix_fmt",
        "yuv420p10le",
        "-tag:v",
        "hvc1",
    ];
    let (_out, _, manifest) = extracted(&test_clip("hdr.mp4", "320x180", "10", 1, &encoder), &[]);
    assert!(
        manifest.video.color.tone_mapped,
        "{:?}",
        manifest.video.color
    );
}

#[test]
fn the_same_video_and_settings_give_the_same_bytes() {
    let video = h264_clip("ten-seconds.mp4", 10);
    let trees = ["30", "100", "5000"].map(|segment_frames| {
        let (out, _, _) = extracted(
            &video,
            &["--every", "300ms", "--segment-frames", segment_frames],
        );
        tree(out.path())
    });
    assert!(trees[0].len() > 30);
    assert!(trees[0] == trees[1] && trees[1] == trees[2]);
}
