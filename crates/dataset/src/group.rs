//! Which frames are never divided among splits.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How a rule is written by which each video is a group of its own.
const VIDEO: &str = "video";
/// Bytes of a pattern at most.
const MOST_BYTES: usize = 1_000;
/// Bytes of a compiled pattern at most: `\w{1000}` would take 35 MB.
const MOST_COMPILED: usize = 1 << 20;

/// What a group is: a video, or what a regular expression finds in its path below `videos/`.
///
/// Another upload of a path is in the same group: `@<generation>` is no part of what is searched.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupRule {
    /// None: the whole path.
    pattern: Option<Regex>,
}

/// Why it is no group rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// It is empty or too long.
    #[error("the pattern of groups has {0} bytes, allowed are 1 to 1000")]
    Length(usize),
    /// It is no regular expression.
    #[error("the pattern of groups is no regular expression: {0}")]
    Pattern(String),
    /// It would take too much memory.
    #[error("the pattern of groups takes over 1 MiB when compiled: repeat less in it")]
    TooLarge,
}

impl GroupRule {
    /// The group of a video, by its name. With a pattern: its first group that takes part in the match,
    /// else all that matches; the path where nothing, or nothing but the empty string, is found.
    pub fn group_of<'v>(&self, video: &'v str) -> &'v str {
        let path = path(video);
        let Some(pattern) = &self.pattern else {
            return path;
        };
        let Some(captures) = pattern.captures(path) else {
            return path;
        };
        let mut groups = captures.iter().skip(1).flatten();
        let found = groups.next().or_else(|| captures.get(0));
        let found = found.map(|found| found.as_str());
        found.filter(|found| !found.is_empty()).unwrap_or(path)
    }
}

/// The path of a video below `videos/`: its name without `@<generation>`, which a name has where
/// another upload has the plain one.
pub(crate) fn path(video: &str) -> &str {
    match video.rsplit_once('@') {
        // As it is written there: `@007` is the end of a path.
        Some((path, number)) if number.parse().is_ok_and(|it: i64| it.to_string() == number) => {
            path
        }
        _ => video,
    }
}

impl FromStr for GroupRule {
    type Err = GroupError;

    fn from_str(text: &str) -> Result<Self, GroupError> {
        if text == VIDEO {
            return Ok(Self::default());
        }
        if text.is_empty() || text.len() > MOST_BYTES {
            return Err(GroupError::Length(text.len()));
        }
        let pattern = RegexBuilder::new(text).size_limit(MOST_COMPILED).build();
        let pattern = pattern.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => GroupError::TooLarge,
            other => GroupError::Pattern(last_line(&other.to_string())),
        })?;
        Ok(Self {
            pattern: Some(pattern),
        })
    }
}

/// What is wrong, without the picture of the pattern above it.
fn last_line(error: &str) -> String {
    let line = error.lines().next_back().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

impl fmt::Display for GroupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pattern.as_ref().map_or(VIDEO, Regex::as_str))
    }
}

impl PartialEq for GroupRule {
    fn eq(&self, other: &Self) -> bool {
        let text = |rule: &Self| rule.pattern.as_ref().map(|it| it.as_str().to_owned());
        text(self) == text(other)
    }
}

impl From<GroupRule> for String {
    fn from(rule: GroupRule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for GroupRule {
    type Error = GroupError;

    fn try_from(text: String) -> Result<Self, GroupError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group<'v>(rule: &str, video: &'v str) -> &'v str {
        rule.parse::<GroupRule>().unwrap().group_of(video)
    }

    #[test]
    fn a_group_is_the_video_or_what_the_pattern_finds() {
        let name = "site-3/cam1/2026-01-02.mp4";
        for (rule, video, expected) in [
            ("video", name, name),
            ("video", "a.mp4@12", "a.mp4"),
            (r"^([^/]+)/", name, "site-3"),
            (r"cam\d", name, "cam1"),
            (r"cam(\d)/(.*)", name, "1"),
            (r"site(x)|cam(\d)", name, "1"),
            (r"cam1(x)?", name, "cam1"),
            (r"nothing", name, name),
            (r"x*", name, name),
            (r"(x*)cam", name, name),
            (r"(?i)CAM", name, "cam"),
            (r".*", "a.mp4@12", "a.mp4"),
        ] {
            assert_eq!(group(rule, video), expected, "{rule} {video}");
        }
    }

    #[test]
    fn a_generation_is_a_number_as_it_is_written() {
        for (video, expected) in [
            ("a.mp4", "a.mp4"),
            ("a.mp4@0", "a.mp4"),
            ("a.mp4@-1", "a.mp4"),
            ("a.mp4@-0", "a.mp4@-0"),
            ("a.mp4@+1", "a.mp4@+1"),
            ("a.mp4@007", "a.mp4@007"),
            ("a.mp4@", "a.mp4@"),
            ("a@1.mp4", "a@1.mp4"),
            ("a.mp4@1@2", "a.mp4@1"),
            ("a.mp4@9223372036854775807", "a.mp4"),
            ("a.mp4@9223372036854775808", "a.mp4@9223372036854775808"),
            ("@1", ""),
        ] {
            assert_eq!(path(video), expected);
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        let error = |text: &str| text.parse::<GroupRule>().unwrap_err();
        assert_eq!(error(""), GroupError::Length(0));
        assert_eq!(error(&"a".repeat(1001)), GroupError::Length(1001));
        assert_eq!(
            error("(a"),
            GroupError::Pattern("unclosed group".to_owned())
        );
        assert_eq!(
            error(r"((\w{100}){100}){100}"),
            GroupError::TooLarge,
            "a gigabyte"
        );
    }

    #[test]
    fn a_rule_is_a_json_string() {
        for text in ["video", r"^([^/]+)/"] {
            let rule: GroupRule = text.parse().unwrap();
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(json, serde_json::to_string(text).unwrap());
            assert_eq!(serde_json::from_str::<GroupRule>(&json).unwrap(), rule);
        }
    }

    proptest! {
        #[test]
        fn the_path_is_what_stands_before_the_generation(path_ in "[a@./]{0,6}[a.]", generation: i64) {
            let name = format!("{path_}@{generation}");
            prop_assert_eq!(path(&name), path_.as_str());
        }

        #[test]
        fn any_text_is_a_rule_or_an_error(text in r"[a-c(){}0-9*+?|\\\[\]w]{0,20}", video in any::<String>()) {
            if let Ok(rule) = text.parse::<GroupRule>() {
                prop_assert!(video.contains(rule.group_of(&video)));
            }
        }
    }
}
