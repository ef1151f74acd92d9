//! Names of frames in one flat folder.

use crate::DatasetFrame;
use sha2::{Digest, Sha256};

/// Bytes of a name, its ending included: file systems take 255, and tools append to it.
const MOST_BYTES: usize = 200;
/// Characters of an ending.
const MOST_ENDING: usize = 8;
/// Hex digits of a hash.
const HASH_DIGITS: usize = 20;
/// Characters of a name that is told apart by its hash.
const MOST_READABLE: usize = 140;

/// The name of a frame's image in a folder with all others: [`flat_stem`] and the image's ending.
pub(super) fn flat_name(frame: &DatasetFrame) -> String {
    let stem = flat_stem(&frame.video, frame.index);
    match ending(&frame.image.name) {
        Some(ending) => format!("{stem}.{ending}"),
        None => stem,
    }
}

/// A video's path and a frame's number as one part of a path, without a dot: what stands before the
/// first dot is the key in WebDataset, and before the last one in YOLO.
///
/// ```text
/// cam_1/clip.mp4, 12 ─▶ cam_1~clip=mp4-000012                        one to one
/// Cam 1/clip.mp4, 12 ─▶ Cam_1~clip=mp4-000012-x33d5a5…               with a hash of the video's path
/// ```
///
/// Two frames never have the same name, also where upper and lower case are one, as on Windows and
/// macOS: only lower-case letters, digits, `_`, `-`, `/` and `.` go out one to one. Behind every other
/// path stands its hash; such a name ends with `x…`, and one without ends with the number.
/// `~` and `=` mean nothing to file systems, URL paths, YAML and tar.
pub(super) fn flat_stem(video: &str, index: u64) -> String {
    let readable: String = video.chars().map(flat).collect();
    let plain = format!("{readable}-{index:06}");
    if is_plain(video) && plain.len() + 1 + MOST_ENDING <= MOST_BYTES {
        return plain;
    }
    let hash = hex::encode(Sha256::digest(video));
    let hash: String = hash.chars().take(HASH_DIGITS).collect();
    let readable: String = readable
        .trim_start_matches(['-', '~'])
        .chars()
        .take(MOST_READABLE)
        .collect();
    format!("{readable}-{index:06}-x{hash}")
}

/// Whether a path is the only one with its flat form, and no name that an option or a root begins like.
fn is_plain(video: &str) -> bool {
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "_-/.".contains(it);
    !video.is_empty() && !video.starts_with(['-', '/']) && video.chars().all(plain)
}

fn flat(character: char) -> char {
    match character {
        '/' => '~',
        '.' => '=',
        '-' => '-',
        other if other.is_ascii_alphanumeric() => other,
        _ => '_',
    }
}

/// The ending of an image's name, where it has one.
fn ending(image: &str) -> Option<String> {
    let (_, ending) = image.rsplit_once('.')?;
    let known = (1..=MOST_ENDING).contains(&ending.len())
        && ending.chars().all(|it| it.is_ascii_alphanumeric());
    known.then(|| ending.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_readable() {
        assert_eq!(flat_stem("cam_1/clip.mp4", 12), "cam_1~clip=mp4-000012");
        let other = flat_stem("Cam 1/clip.mp4", 12);
        assert!(other.starts_with("Cam_1~clip=mp4-000012-x"), "{other}");
        assert_eq!(flat_stem("a", u64::MAX), "a-18446744073709551615");
        assert_eq!(ending("frames/a.mp4/000001.JPG"), Some("jpg".to_owned()));
        assert_eq!(ending("frames/a.mp4/000001"), None);
    }

    #[test]
    fn likely_and_contrived_twins_differ() {
        let hashed = flat_stem("A", 0);
        let twins = [
            "a",
            "A",
            "a.b",
            "a/b",
            "a~b",
            "a=b",
            "a_b",
            "a b",
            "a-b",
            "a+b",
            "ä",
            "a\u{308}",
            "",
            "/",
            "-",
            "--",
            "a/",
            "/a",
            "-a",
            "a-000000",
            "a/.",
            "a./",
            "_",
            "\u{e000}",
            "a\nb",
            hashed.as_str(),
            "a@1",
            "a@2",
        ];
        let mut names: Vec<String> = twins
            .iter()
            .flat_map(|video| [0, 1, 1_000_000].map(|index| flat_stem(video, index)))
            .map(|name| name.to_lowercase())
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    fn video() -> impl Strategy<Value = String> {
        prop_oneof![
            "[aA/._~= -]{0,4}",
            "[a-z0-9_/.-]{0,20}",
            "[ab]{170,260}",
            "\\PC{0,60}",
            "[a-]{0,3}-[0-9]{6}(-x[0-9a-f]{20})?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn two_frames_never_have_one_name(
            a in video(), b in video(), i in 0..3_u64, j in prop_oneof![0..3_u64, any::<u64>()],
        ) {
            let same = flat_stem(&a, i).eq_ignore_ascii_case(&flat_stem(&b, j));
            prop_assert_eq!(same, (a, i) == (b, j));
        }

        #[test]
        fn a_name_is_one_safe_part_of_a_path(video in video(), index: u64) {
            let stem = flat_stem(&video, index);
            prop_assert!(stem.len() + 1 + MOST_ENDING <= MOST_BYTES);
            prop_assert!(stem.chars().all(|it| it.is_ascii_alphanumeric() || "_-~=".contains(it)));
            prop_assert!(!stem.starts_with('~'));
        }
    }
}
