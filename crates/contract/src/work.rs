//! What decides which images come out of a video.

use crate::Tool;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Digits of the hash: enough to tell the few works on one video apart.
const DIGITS: usize = 12;

/// A configuration, run by a version of framemill: a name for all that decides which images come
/// out of a video. Two of them never write into one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work(String);

impl Work {
    /// With this hash of the configuration, by this version and component.
    pub fn new(config_hash: &str, tool: &Tool) -> Self {
        let component = tool.component_sha256.as_deref();
        let mut hash = Sha256::new();
        for part in [config_hash, &tool.version, component.unwrap_or_default()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hex::encode(hash.finalize());
        Self(hash.chars().take(DIGITS).collect())
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_differ_by_configuration_version_and_component() {
        let tool = |version: &str, component: Option<&str>| Tool {
            version: version.to_owned(),
            component_sha256: component.map(str::to_owned),
        };
        let works = [
            Work::new("a", &tool("1", None)),
            Work::new("b", &tool("1", None)),
            Work::new("a", &tool("2", None)),
            Work::new("a", &tool("1", Some("b"))),
            Work::new("a", &tool("1", Some("c"))),
        ];
        for (number, work) in works.iter().enumerate() {
            assert_eq!(work.to_string().len(), DIGITS);
            assert!(!works[..number].contains(work));
        }
        assert_eq!(works[0], Work::new("a", &tool("1", None)));
    }
}
