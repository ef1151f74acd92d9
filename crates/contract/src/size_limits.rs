//! Sizes that all parts agree on: what one of them may write, every other can read.

use crate::config::declared;
use crate::platform::KEYS;
use framemill_function_spec::{ConfigError, Values};

/// Most bytes of what passes between the host, its components and a bucket. What is larger is
/// refused by name, and for good. Samples of a video have a limit of their own,
/// [`framemill_video::MAX_SAMPLE_SIZE`], since they follow from the largest picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// An object that is written, or that is read as a whole: an image, a manifest, a record.
    pub object: u64,
    /// Body of a request to a component, and of its answer.
    pub body: u64,
}

impl SizeLimits {
    /// Those of framemill, and of components that are told no others. The largest image without
    /// loss of 7680 × 4320 pixels is a PNG of some 95 MiB; a manifest of 100 000 images has 32 MiB.
    pub const STANDARD: Self = Self {
        object: 128 << 20,
        body: 64 << 20,
    };

    const OBJECT_KEY: &str = "object_limit";
    const BODY_KEY: &str = "body_limit";

    /// What a component is told, else the standard.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key that is no size.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let keys = Values::new(&declared(&KEYS)?.keys, lookup);
        let size = |key, standard| Ok(keys.size(key)?.map_or(standard, |size| size.0));
        Ok(Self {
            object: size(Self::OBJECT_KEY, Self::STANDARD.object)?,
            body: size(Self::BODY_KEY, Self::STANDARD.body)?,
        })
    }

    /// How a component is told: keys and values.
    pub fn variables(self) -> [(&'static str, String); 2] {
        [
            (Self::OBJECT_KEY, self.object.to_string()),
            (Self::BODY_KEY, self.body.to_string()),
        ]
    }

    /// The same where no body has more bytes than this.
    #[must_use]
    pub fn with_bodies_of(self, most: Option<u64>) -> Self {
        Self {
            body: self.body.min(most.unwrap_or(u64::MAX)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_one_side_tells_the_other_reads() {
        let told = SizeLimits {
            object: 1000,
            body: 70,
        };
        let variables = BTreeMap::from(told.variables());
        let read = SizeLimits::from_lookup(|key| variables.get(key).cloned());
        assert_eq!(read, Ok(told));
        assert_eq!(SizeLimits::from_lookup(|_| None), Ok(SizeLimits::STANDARD));
        let wrong = SizeLimits::from_lookup(|_| Some("much".to_owned())).unwrap_err();
        assert_eq!(wrong.key, "object_limit");
    }

    #[test]
    fn a_smaller_body_is_what_counts() {
        let standard = SizeLimits::STANDARD;
        assert_eq!(standard.with_bodies_of(None), standard);
        assert_eq!(standard.with_bodies_of(Some(10)).body, 10);
        assert_eq!(standard.with_bodies_of(Some(u64::MAX)), standard);
    }
}
