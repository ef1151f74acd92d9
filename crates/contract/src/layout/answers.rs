//! Who was asked about which videos, and what was answered about which frames, read back from names.

use super::{Layout, VideoName};

/// The file of a frame's current annotation, in its folder.
pub const CURRENT_FILE: &str = "current.json";

/// A frame that a target has answered about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnnotatedFrame {
    /// Id of the target.
    pub target: String,
    /// Its video.
    pub video: VideoName,
    /// Its number there.
    pub index: u64,
}

impl Layout {
    /// Prefix of what is written about labeling by all targets, failures apart.
    pub fn all_labels(&self) -> String {
        format!("{}labels/", self.records)
    }

    /// The target and the video of a receipt; `None` where it is no receipt's name.
    pub fn asked<'n>(&self, name: &'n str) -> Option<(&'n str, VideoName)> {
        let (target, _) = name.strip_prefix(&self.all_labels())?.split_once('/')?;
        let video = self.receipt_names(target).key(name)?;
        Some((target, VideoName::parse(video)))
    }

    /// Prefix of what all targets answered.
    pub fn all_annotations(&self) -> String {
        format!("{}annotations/", self.records)
    }

    /// The annotation of a frame that counts.
    pub fn current_annotation(&self, target: &str, video: &VideoName, index: u64) -> String {
        format!(
            "{}{CURRENT_FILE}",
            self.annotations_of(target, video, index)
        )
    }

    /// The frame whose current annotation has this name; `None` where it is none's.
    pub fn annotated_frame(&self, name: &str) -> Option<AnnotatedFrame> {
        let (target, rest) = name
            .strip_prefix(&self.all_annotations())?
            .split_once('/')?;
        let (rest, file) = rest.rsplit_once('/')?;
        let (video, index) = rest.rsplit_once('/').filter(|_| file == CURRENT_FILE)?;
        let frame = AnnotatedFrame {
            target: target.to_owned(),
            video: VideoName::parse(video),
            index: index.parse().ok()?,
        };
        let given = self.current_annotation(target, &frame.video, frame.index);
        (given == name && !target.is_empty() && !video.is_empty()).then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, VideoName};
    use proptest::prelude::*;

    fn layout() -> super::Layout {
        Config::from_lookup(|_| None).unwrap().layout
    }

    #[test]
    fn other_names_are_nobodys() {
        let layout = layout();
        for name in [
            "records/annotations/t/synced.json",
            "records/annotations/t/x.mp4/000001/00000000001800000000-ab.json",
            "records/annotations/t/x.mp4/1/current.json",
            "records/annotations/t/x.mp4/+00001/current.json",
            "records/annotations/t/000001/current.json",
            "records/annotations//x.mp4/000001/current.json",
            "records/labels/t/x.mp4/000001/current.json",
            "annotations/t/x.mp4/000001/current.json",
        ] {
            assert_eq!(layout.annotated_frame(name), None, "{name}");
        }
        for name in [
            "records/labels/t/x.mp4/intent.json",
            "records/labels/t/receipt.json",
            "records/labels/receipt.json",
        ] {
            assert_eq!(layout.asked(name), None, "{name}");
        }
    }

    #[test]
    fn what_others_write_lies_beside() {
        let layout = layout();
        let check =
            |prefix: &str, videos: &str| layout.check_beside("path", prefix, videos).is_ok();
        assert!(check("warehouse/", "videos/") && check("warehouse/", ""));
        for (prefix, videos) in [
            ("", "videos/"),
            ("images/", "videos/"),
            ("images/tables/", "videos/"),
            ("records/", "videos/"),
            ("videos/warehouse/", "videos/"),
            ("all/", "all/videos/"),
        ] {
            assert!(!check(prefix, videos), "{prefix} {videos}");
        }
    }

    proptest! {
        #[test]
        fn names_lead_back(target in "[a-z0-9-]{1,9}", video in "[a-z@0-9.]{1,5}(/[a-z@0-9.]{1,5}){0,2}", index in any::<u64>()) {
            let layout = layout();
            let video = VideoName::parse(&video);
            let name = layout.current_annotation(&target, &video, index);
            let frame = layout.annotated_frame(&name).unwrap();
            prop_assert_eq!((&frame.target, &frame.video, frame.index), (&target, &video, index));
            let receipt = layout.receipt_names(&target).name(&video);
            prop_assert_eq!(layout.asked(&receipt), Some((target.as_str(), video)));
        }
    }
}
