//! Which objects a component may read and write.

use super::error::StoreError;

/// What a component may read and write: prefixes of names.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// May be read and listed.
    pub read: Vec<String>,
    /// May be created, replaced and deleted; readable too.
    pub write: Vec<String>,
}

impl Access {
    /// Everything.
    pub fn all() -> Self {
        Self {
            read: Vec::new(),
            write: vec![String::new()],
        }
    }

    /// Whether the object `name` may be read, or written where `write` is set.
    ///
    /// # Errors
    /// [`StoreError::Forbidden`] where it may not.
    pub(super) fn check(&self, name: &str, write: bool) -> Result<(), StoreError> {
        let read: &[String] = if write { &[] } else { &self.read };
        let mut allowed = self.write.iter().chain(read);
        if allowed.any(|prefix| name.starts_with(prefix)) {
            return Ok(());
        }
        let verb = if write { "write" } else { "read" };
        Err(StoreError::Forbidden(format!(
            "component may not {verb} this object (video_path and image_path only): {name}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_by_prefix() {
        let access = Access {
            read: vec!["videos/".into()],
            write: vec!["images/".into()],
        };
        for (name, read, write) in [
            ("videos/x.mp4", true, false),
            ("images/x.mp4/000000.jpg", true, true),
            ("secrets/x", false, false),
            ("videosx", false, false),
            ("", false, false),
        ] {
            assert_eq!(access.check(name, false).is_ok(), read, "{name}");
            assert_eq!(access.check(name, true).is_ok(), write, "{name}");
        }
    }
}
