//! Names that only work on one object may write: those with the object's stem in them.

use crate::spec::{FOLDER, STEM};
use crate::template::expand;

/// Names that have the stem of the object that started the function in them. A `*` behind it stands
/// for one part of a path.
///
/// Behind the stem may stand `@<generation>`, and behind that `-<work>`: names of other versions of
/// the same object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNames {
    root: String,
    before: String,
    after: String,
    /// Whether the stem has no file name ending in them.
    without_ending: bool,
}

impl OwnNames {
    /// From `before{stem}after`, or `before{folder}after` where `{folder}` is the stem, without
    /// its ending if so told; `None` where neither is in it.
    pub(crate) fn parse(
        template: &str,
        value: impl Fn(&str) -> String,
        folder_without_ending: bool,
    ) -> Option<Self> {
        let around = |mark: &str| template.split_once(format!("{{{mark}}}").as_str());
        let (without_ending, (before, after)) = match around(STEM) {
            Some(parts) => (false, parts),
            None => (folder_without_ending, around(FOLDER)?),
        };
        let root = before.find('}').and_then(|end| before.get(..=end));
        Some(Self {
            root: expand(root.unwrap_or(before), &value),
            before: expand(before, &value),
            after: expand(after, &value),
            without_ending,
        })
    }

    /// Whether work on the object with this stem may write this name.
    pub fn allow(&self, stem: &str, name: &str) -> bool {
        // The stem may be that of another version: `x.mp4@5`.
        let stem =
            stem.rsplit_once('@')
                .map_or(stem, |(before, version)| match is_generation(version) {
                    true => before,
                    false => stem,
                });
        let stem = match stem.rsplit_once('.') {
            Some((before, _)) if self.without_ending => before,
            _ => stem,
        };
        let rest = name.strip_prefix(&self.before);
        let rest = rest.and_then(|rest| rest.strip_prefix(stem));
        rest.is_some_and(|rest| fits(without_version(rest), &self.after))
    }

    /// Prefix of all names of the kind, whatever the stem: the value of the first key.
    pub fn root(&self) -> &str {
        &self.root
    }
}

fn is_generation(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is left behind `@<generation>` or `@<generation>-<work>`, if that is there.
fn without_version(text: &str) -> &str {
    let Some(version) = text.strip_prefix('@') else {
        return text;
    };
    let end = version.find(['/', '.']).unwrap_or(version.len());
    let (version, rest) = version.split_at(end);
    let of_generation = match version.rsplit_once('-') {
        Some((generation, work)) if is_generation(generation) => {
            !work.is_empty() && work.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        _ => is_generation(version),
    };
    if of_generation { rest } else { text }
}

/// Whether a text is like a pattern.
fn fits(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => {
            let Some(rest) = text.strip_prefix(before) else {
                return false;
            };
            let end = rest.find('/').unwrap_or(rest.len());
            let (part, behind) = rest.split_at(end);
            let behind_fits = match after.is_empty() {
                true => behind.is_empty(),
                false => fits(behind, after),
            };
            !matches!(part, "" | "." | "..") && behind_fits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(template: &str, without_ending: bool) -> OwnNames {
        let value = |key: &str| format!("{key}/");
        OwnNames::parse(template, value, without_ending).unwrap()
    }

    #[test]
    fn names_of_the_object_are_allowed_and_no_others() {
        let images = own("{images}{folder}/*", false);
        assert_eq!(images.root(), "images/");
        let sample = own("{images}{folder}/*", true);
        let manifest = own("{manifests}{stem}.json", true);
        let checkpoints = own("{records}checkpoints/{stem}/*/*", false);
        assert_eq!(checkpoints.root(), "records/");
        let stem = "cam1/x.mp4";
        for (names, allowed) in [
            (
                &images,
                &[
                    "images/cam1/x.mp4/000000.jpg",
                    "images/cam1/x.mp4@5/000000.jpg",
                    "images/cam1/x.mp4@-5/000000.jpg",
                    "images/cam1/x.mp4@5-0123456789ab/000000.jpg",
                ][..],
            ),
            (&sample, &["images/cam1/x/0.jpg", "images/cam1/x@5/0.jpg"]),
            (
                &manifest,
                &["manifests/cam1/x.mp4.json", "manifests/cam1/x.mp4@5.json"],
            ),
            (
                &checkpoints,
                &["records/checkpoints/cam1/x.mp4/5-ab/000001.json"],
            ),
        ] {
            for name in allowed {
                assert!(names.allow(stem, name), "{name}");
                // Asked for by an object of this version.
                assert!(names.allow("cam1/x.mp4@7", name), "{name}");
                assert!(!names.allow("cam1/y.mp4", name), "{name}");
                assert!(!names.allow("x.mp4", name), "{name}");
            }
        }
        for other in [
            "images/cam1/x.mp4/",
            "images/cam1/x.mp4",
            "images/cam1/x.mp4/y.mp4/000000.jpg",
            "images/cam1/x.mp4@5.mp4/000000.jpg",
            "images/cam1/x.mp4@5-/000000.jpg",
            "images/cam1/x.mp4@y/000000.jpg",
            "images/cam1/x.mp4x/000000.jpg",
            "images/cam1/x.mp4/../y.mp4/000000.jpg",
            "images/x.mp4/000000.jpg",
            "images/cam1/000000.jpg",
            "manifests/cam1/x.mp4.json",
            "",
        ] {
            assert!(!images.allow(stem, other), "{other}");
        }
        assert!(!manifest.allow(stem, "manifests/cam1/x.mp4.json.json"));
        for other in ["x.mp4/1.json", "x.mp4/../1.json", "x.mp4/5-ab/.."] {
            let other = format!("records/checkpoints/cam1/{other}");
            assert!(!checkpoints.allow(stem, &other), "{other}");
        }
    }

    #[test]
    fn a_template_without_a_stem_is_a_prefix() {
        assert_eq!(OwnNames::parse("{images}", str::to_owned, false), None);
    }
}
