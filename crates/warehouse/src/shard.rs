//! Which videos share their files.

use sha2::{Digest, Sha256};
use std::fmt;

/// How many shards there are. A change of one video makes the files of its shard anew, a 64th of all;
/// and a query reads at most 64 files a table.
pub const SHARDS: u8 = 64;

/// A part of all videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The first one, which has files even where it has no videos: so each table is always there.
    pub const FIRST: Self = Self(0);

    /// Of a video, by the SHA-256 of its name in the bucket.
    pub fn of(video: &str) -> Self {
        let [first, ..] = <[u8; 32]>::from(Sha256::digest(video));
        Self(first % SHARDS)
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// From what [`Shard`]'s `Display` gives.
    pub fn parse(text: &str) -> Option<Self> {
        let shard = Self(text.parse().ok().filter(|number| *number < SHARDS)?);
        (shard.to_string() == text).then_some(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards_lead_back() {
        for shard in Shard::all() {
            assert_eq!(Shard::parse(&shard.to_string()), Some(shard));
        }
        assert_eq!(Shard::all().count(), usize::from(SHARDS));
        for other in ["64", "1", "001", "", "-1", "+01", "state"] {
            assert_eq!(Shard::parse(other), None, "{other}");
        }
    }

    #[test]
    fn shards_are_those_of_sha_256_for_good() {
        // printf cam1/x.mp4 | sha256sum
        let expected = u8::from_str_radix(SUM, 16).unwrap() % SHARDS;
        assert_eq!(Shard::of("cam1/x.mp4"), Shard(expected));
    }

    const SUM: &str = "50";

    proptest::proptest! {
        #[test]
        fn every_video_is_in_one_of_them(video in ".{0,40}") {
            proptest::prop_assert!(Shard::all().any(|shard| shard == Shard::of(&video)));
        }
    }
}
