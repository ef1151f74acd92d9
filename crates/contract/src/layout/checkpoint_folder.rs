//! Where the checkpoints of one work on a video are.

use super::{JSON, VideoName};
use crate::Config;

/// The checkpoints of one work on a generation of a video: others plan it differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFolder {
    of_generation: String,
    prefix: String,
}

impl CheckpointFolder {
    /// Of this generation of a video.
    pub fn new(config: &Config, video: &VideoName, generation: i64) -> Self {
        let all = config.layout.checkpoint_names().prefix;
        let of_generation = format!("{all}{video}/{generation}-");
        Self {
            prefix: format!("{of_generation}{}/", config.work()),
            of_generation,
        }
    }

    /// Prefix of the checkpoints.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Prefix of all checkpoints of the generation, whatever the configuration.
    pub fn of_generation(&self) -> &str {
        &self.of_generation
    }

    /// Name of the checkpoint that number `number`, from 1, leaves.
    pub fn name(&self, number: u64) -> String {
        format!("{}{number:06}{JSON}", self.prefix)
    }

    /// The number that left the checkpoint of this name; `None` for other names.
    pub fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.prefix)?.strip_suffix(JSON)?;
        let number: u64 = digits.parse().ok()?;
        (self.name(number) == name).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_lead_back_to_their_number() {
        let video = VideoName::plain("cam1/x.mp4");
        let config = |pairs: &[(&str, &str)]| {
            let lookup = |key: &str| {
                let found = pairs.iter().find(|(k, _)| *k == key)?;
                Some(found.1.to_owned())
            };
            Config::from_lookup(lookup).unwrap()
        };
        let layout = config(&[]).layout;
        let folder = |pairs| CheckpointFolder::new(&config(pairs), &video, 5);
        let checkpoints = folder(&[]);
        let name = checkpoints.name(7);
        assert!(
            name.starts_with("records/checkpoints/cam1/x.mp4/5-"),
            "{name}"
        );
        assert!(name.starts_with(checkpoints.of_generation()));
        assert!(layout.checkpoint_names().key(&name).is_some());
        assert_eq!(checkpoints.number(&name), Some(7));
        let large = checkpoints.name(1_234_567);
        assert_eq!(checkpoints.number(&large), Some(1_234_567));
        let short = format!("{}7.json", checkpoints.prefix());
        for other in ["records/checkpoints/x.json", "", &short] {
            assert_eq!(checkpoints.number(other), None, "{other}");
        }
        assert_ne!(folder(&[("quality", "80")]), checkpoints);
    }
}
