//! A video, as the names of all objects about it say it.

use crate::{Naming, Work};
use std::fmt;

/// A video in the names of all objects about it: its path below `video_path`, with its ending,
/// and its generation where another upload has the plain name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VideoName {
    path: String,
    generation: Option<i64>,
}

impl VideoName {
    /// Of a video with this path below `video_path`.
    pub fn plain(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            generation: None,
        }
    }

    /// From what [`VideoName`]'s `Display` gives.
    pub fn parse(text: &str) -> Self {
        let of_generation = || {
            let (path, number) = text.rsplit_once('@')?;
            let generation: i64 = number.parse().ok()?;
            (generation.to_string() == number).then_some((path, generation))
        };
        match of_generation() {
            Some((path, generation)) => Self::plain(path).of_generation(generation),
            None => Self::plain(text),
        }
    }

    /// The name of a generation whose plain name is another's.
    #[must_use]
    pub fn of_generation(&self, generation: i64) -> Self {
        Self {
            path: self.path.clone(),
            generation: Some(generation),
        }
    }

    /// The folder of its images, below `image_path` and without a slash behind it.
    pub fn folder(&self, naming: Naming) -> String {
        let path = self.stem(naming);
        let generation = self.generation;
        generation.map_or_else(|| path.to_owned(), |it| format!("{path}@{it}"))
    }

    /// The folder of the images that a work on a generation makes where another work has
    /// [`Self::folder`].
    pub fn folder_of_work(&self, naming: Naming, generation: i64, work: &Work) -> String {
        format!("{}{work}", self.folders_of_works(naming, generation))
    }

    /// How the folders of all works on a generation start.
    pub fn folders_of_works(&self, naming: Naming, generation: i64) -> String {
        format!("{}@{generation}-", self.stem(naming))
    }

    fn stem(&self, naming: Naming) -> &str {
        match (naming, self.path.rsplit_once('.')) {
            (Naming::Sample, Some((stem, _))) => stem,
            _ => &self.path,
        }
    }
}

impl fmt::Display for VideoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            Some(generation) => write!(f, "{}@{generation}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_videos_name_survives_being_written(text in "[a@.0-9/-]{1,12}") {
            proptest::prop_assert_eq!(VideoName::parse(&text).to_string(), text);
        }
    }
}
