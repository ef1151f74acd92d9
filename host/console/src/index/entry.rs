//! A video, as far as names of objects tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An object that was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    pub(crate) generation: i64,
    pub(crate) updated_micros: i64,
    pub(crate) size: u64,
}

/// Something that could not be done with a video.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Failure {
    /// Which function says so.
    pub(crate) function: String,
    /// Stable name of the reason; `unreadable` where the record is.
    pub(crate) code: String,
    /// In words.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: String,
    pub(crate) stamp: Stamp,
}

/// A video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct VideoEntry {
    /// As names of objects say it: the path, and `@generation` behind it where it is needed.
    pub(crate) name: String,
    pub(crate) upload: Option<Stamp>,
    pub(crate) manifest: Option<Stamp>,
    pub(crate) failures: Vec<Failure>,
    /// Targets that were asked for labels.
    pub(crate) asked: BTreeSet<String>,
    /// By target: frames with a current annotation, and its generation.
    pub(crate) answered: BTreeMap<String, Vec<(u64, i64)>>,
}

/// How far a video is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum VideoState {
    /// It lies there, and nothing has come of it.
    Waiting,
    /// There are images.
    Extracted,
    /// Someone was asked to label them.
    Asked,
    /// Someone has answered.
    Answered,
    /// Something could not be done.
    Failed,
}

impl VideoState {
    /// All, in the order of the way.
    pub(crate) const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Extracted,
        Self::Asked,
        Self::Answered,
        Self::Failed,
    ];

    /// In an address.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Extracted => "extracted",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for VideoState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Extracted => "extracted",
            Self::Asked => "labels asked for",
            Self::Answered => "labeled",
            Self::Failed => "failed",
        })
    }
}

impl VideoEntry {
    pub(crate) fn state(&self) -> VideoState {
        if !self.failures.is_empty() {
            VideoState::Failed
        } else if !self.answered.is_empty() {
            VideoState::Answered
        } else if !self.asked.is_empty() {
            VideoState::Asked
        } else if self.manifest.is_some() {
            VideoState::Extracted
        } else {
            VideoState::Waiting
        }
    }

    /// When something was last written about it.
    pub(crate) fn updated_micros(&self) -> i64 {
        let failures = self.failures.iter().map(|it| it.stamp);
        let all = self.upload.into_iter().chain(self.manifest).chain(failures);
        all.map(|it| it.updated_micros).max().unwrap_or(0)
    }

    /// The folder it lies in: a camera, where folders are cameras.
    pub(crate) fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// How many frames have an answer of any target.
    pub(crate) fn answered_frames(&self) -> usize {
        let frames = self.answered.values().flatten();
        frames
            .map(|(index, _)| index)
            .collect::<BTreeSet<_>>()
            .len()
    }
}
