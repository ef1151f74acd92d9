//! What a component can be told. One table, [`KEYS`], is the source of the parser, the
//! documentation and the checks of `spin.toml`.

use crate::{Interval, SegmentBudget};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A configuration key of a component.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// Name, as a Spin variable and in `framemill.toml`.
    pub name: &'static str,
    /// Value where none is given; empty is "not set".
    pub default: &'static str,
    /// One sentence for a person.
    pub doc: &'static str,
}

/// A table of keys: `name = default: doc`.
macro_rules! keys {
    ($(#[$doc_of_table:meta])* $table:ident: $($name:ident = $default:literal: $doc:literal),+ $(,)?) => {
        $(#[$doc_of_table])*
        pub const $table: &[$crate::ConfigKey] = &[
            $($crate::ConfigKey { name: stringify!($name), default: $default, doc: $doc }),+
        ];
    };
}
pub(crate) use keys;

keys! {
    /// Every key that extract-frames reads, in the order in which they are documented.
    KEYS:
    bucket = "": "only events of this bucket are taken; empty takes every bucket",
    video_path = "videos/": "prefix of the videos in the bucket",
    image_path = "images/": "prefix under which images and manifests are written; events below it are ignored",
    video_extensions = "mp4,m4v,mov,qt,3gp,mkv,webm,avi,ts,m2ts,mts,h264,264,avc,h265,265,hevc,ivf,mpg,mpeg,wmv,flv,asf,ogv,mxf,vob": "file name endings that are taken for videos; anything else below video_path is ignored",
    every = "1s": "one frame per this much time (the default selection)",
    every_frames = "": "instead of every: each n-th frame",
    count = "": "instead of every: this many frames, evenly spread",
    keyframes = "": "instead of every: true takes each sync sample",
    at = "": "instead of every: the frames on display at these times, for example 0s,1.5s,1m",
    snap = "exact": "exact decodes the frame on display at each time; keyframe takes the nearest sync sample and decodes nothing else",
    snap_tolerance = "": "with snap = keyframe: a time without a sync sample this near gives no frame but a warning; empty takes the nearest however far",
    format = "jpeg": "image format: jpeg, png or webp (lossless)",
    quality = "95": "JPEG quality, 1 to 100",
    max_side = "": "larger images are scaled down to this many pixels on their longer side",
    dedupe = "off": "off, on, or 0 to 64: drop a frame that looks like the last kept one: at most this many of 64 hash bits differ (on is 4) and no block of the small image changed much",
    min_sharpness = "": "drop frames whose sharpness (variance of the Laplacian, on a 512 pixel wide luma image) is below this",
    drop_blank = "false": "true drops frames of one colour: black, white, lens cap",
    naming = "index": "index names images by frame number with 6 digits; sample gives the names of the Python sample",
    unspecified_matrix = "auto": "YCbCr matrix of videos that do not say: auto (bt709 from 1280 x 720 pixels up, else bt601), bt601 or bt709",
    max_images = "100000": "a video whose selection gives more images than this is rejected",
    segment_frames = "300": "a segment, handled by one sandbox, decodes about this many access units at most, less where that keeps all cores busy",
    parallel_segments = "4": "segments of one video that run at the same time; framemill sets the number of cores",
    segment_budget = "": "for hosts that stop requests early: time and bytes, for example 8s,8MiB. A segment is planned to decode for at most this time, and no request or answer is larger. A video that takes longer is worked on over several requests: a checkpoint object below checkpoint_path, whose own upload event brings the continuation",
    checkpoint_path = "checkpoints/": "with segment_budget: prefix of the checkpoint objects, whose events must reach this component too; they are removed when the video is done",
    objects_url = "https://storage.googleapis.com": "where objects are read and written: the GCS JSON API or something that speaks it",
    segments_url = "http://extract-frames.spin.internal/segments": "where this component reaches itself for the fan-out",
    component_sha256 = "": "set by the host: what the manifest names as the component that ran",
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("configuration `{key}`: {reason}")]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// Fact, limit, remedy.
    pub reason: String,
}

/// Which frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The frame on display at each multiple of the interval.
    Every(Interval),
    /// Frames 0, n, 2n, …
    EveryFrames(u64),
    /// This many, evenly spread over the duration.
    Count(u64),
    /// Every sync sample.
    Keyframes,
    /// The frames on display at these times after the first frame.
    At(Vec<Interval>),
}

/// What a target time that is not at a sync sample gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Snap {
    /// The frame on display at that time.
    Exact,
    /// The nearest sync sample.
    Keyframe {
        /// No farther than this; `None` however far.
        tolerance: Option<Interval>,
    },
}

/// Which frames, and how strictly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Selection {
    /// The rule.
    pub select: Select,
    /// What times between sync samples give.
    pub snap: Snap,
}

/// Image file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// PNG, 8 bit RGB.
    Png,
    /// Lossless WebP.
    Webp,
}

impl ImageFormat {
    /// File name ending, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// Media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

/// The matrix assumed where a video names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnspecifiedMatrix {
    /// BT.709 from 1280 × 720 pixels up, else BT.601.
    Auto,
    /// BT.601.
    Bt601,
    /// BT.709.
    Bt709,
}

/// How images are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageSettings {
    /// File format.
    pub format: ImageFormat,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// Longest side in pixels; `None` keeps the size.
    pub max_side: Option<u32>,
    /// Matrix where a video names none.
    pub unspecified_matrix: UnspecifiedMatrix,
}

/// Near-duplicate removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// Keep all.
    Off,
    /// Drop what differs from the last kept frame in at most this many of 64 hash bits.
    MaxDistance(u32),
}

/// Hash distance of `dedupe = "on"`.
const DEDUPE_ON: u32 = 4;

/// Which of the selected frames are dropped again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filters {
    /// Near-duplicates.
    pub dedupe: Dedupe,
    /// Lowest sharpness kept.
    pub min_sharpness: Option<f32>,
    /// Drop frames of one colour.
    pub drop_blank: bool,
}

/// How images are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// `images/cam1/x.mp4/000030.jpg`.
    Index,
    /// `images/cam1/x/30.jpg`, as the Python sample.
    Sample,
}

/// The whole configuration of extract-frames, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Only this bucket.
    pub bucket: Option<String>,
    /// Prefix of videos, ending in `/` or empty.
    pub video_path: String,
    /// Prefix of images, ending in `/`.
    pub image_path: String,
    /// Endings taken for videos, lower case.
    pub video_extensions: Vec<String>,
    /// Which frames.
    pub selection: Selection,
    /// How images are made.
    pub images: ImageSettings,
    /// What is dropped again.
    pub filters: Filters,
    /// How images are named.
    pub naming: Naming,
    /// Most images of one video.
    pub max_images: u64,
    /// Access units per segment.
    pub segment_frames: u32,
    /// Segments at the same time.
    pub parallel_segments: usize,
    /// What one request may cost; `None` where the host gives segments all they need.
    pub segment_budget: Option<SegmentBudget>,
    /// Prefix of checkpoint objects, ending in `/`.
    pub checkpoint_path: String,
    /// Objects endpoint, without trailing slash.
    pub objects_url: String,
    /// Own segments endpoint.
    pub segments_url: String,
    /// Hash of the component that runs, from the host.
    pub component_sha256: Option<String>,
}

/// Looks keys up and turns their text into values, naming the key in every error.
pub(crate) struct Lookup<F> {
    /// The table of the component.
    pub(crate) keys: &'static [ConfigKey],
    /// Gives the text of a key.
    pub(crate) given: F,
}

impl<F: Fn(&str) -> Option<String>> Lookup<F> {
    /// The text of a key, its default where nothing is given; `None` for empty.
    pub(crate) fn text(&self, name: &'static str) -> Option<String> {
        let default = || {
            self.keys
                .iter()
                .find(|key| key.name == name)
                .map(|key| key.default.to_owned())
        };
        let text = (self.given)(name)
            .filter(|text| !text.trim().is_empty())
            .or_else(default)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(crate) fn parsed<T: FromStr>(
        &self,
        key: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ConfigError> {
        self.text(key)
            .map(|text| {
                text.parse().map_err(|_| ConfigError {
                    key,
                    reason: format!("`{text}` is not {expected}"),
                })
            })
            .transpose()
    }

    pub(crate) fn required<T: FromStr>(
        &self,
        key: &'static str,
        expected: &str,
    ) -> Result<T, ConfigError> {
        self.parsed(key, expected)?.ok_or_else(|| ConfigError {
            key,
            reason: format!("is empty, not {expected}"),
        })
    }

    /// A whole number within limits.
    pub(crate) fn number(
        &self,
        key: &'static str,
        min: u64,
        max: u64,
    ) -> Result<Option<u64>, ConfigError> {
        let expected = format!("a whole number from {min} to {max}");
        match self.parsed::<u64>(key, &expected)? {
            Some(value) if !(min..=max).contains(&value) => Err(ConfigError {
                key,
                reason: format!("{value} is not {expected}"),
            }),
            value => Ok(value),
        }
    }

    pub(crate) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let text = self.text(key).unwrap_or_default();
        choices
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| ConfigError {
                key,
                reason: format!(
                    "`{text}` is not one of {}",
                    join(choices.iter().map(|c| c.0))
                ),
            })
    }

    /// A prefix of object names: empty, or ending in `/`.
    pub(crate) fn prefix(&self, key: &'static str) -> String {
        match self.text(key).unwrap_or_default().trim_matches('/') {
            "" => String::new(),
            path => format!("{path}/"),
        }
    }

    /// A URL, without trailing slash.
    pub(crate) fn url(&self, key: &'static str) -> Result<String, ConfigError> {
        let url = self.required::<String>(key, "a URL")?;
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// A length of time.
    pub(crate) fn interval(&self, key: &'static str) -> Result<Option<Interval>, ConfigError> {
        self.text(key)
            .map(|text| text.parse().map_err(|reason| ConfigError { key, reason }))
            .transpose()
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<bool, ConfigError> {
        Ok(self.parsed(key, "true or false")?.unwrap_or(false))
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Config {
    /// Reads and checks all of [`KEYS`]. `lookup` gives the text of a key, or `None`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first key that is wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let keys = Lookup {
            keys: KEYS,
            given: lookup,
        };
        let (video_path, image_path) = (keys.prefix("video_path"), keys.prefix("image_path"));
        if image_path.is_empty() || video_path.starts_with(&image_path) {
            return Err(ConfigError {
                key: "image_path",
                reason: format!(
                    "`{image_path}` contains video_path `{video_path}`: images would be taken for uploads, choose a prefix beside it"
                ),
            });
        }
        let checkpoint_path = keys.prefix("checkpoint_path");
        if checkpoint_path.is_empty() || checkpoint_path.starts_with(&image_path) {
            return Err(ConfigError {
                key: "checkpoint_path",
                reason: format!(
                    "`{checkpoint_path}` is not beside image_path `{image_path}`: choose a prefix of its own"
                ),
            });
        }
        Ok(Self {
            bucket: keys.text("bucket"),
            video_path,
            image_path,
            video_extensions: keys
                .text("video_extensions")
                .unwrap_or_default()
                .split(',')
                .map(|ending| ending.trim().trim_start_matches('.').to_ascii_lowercase())
                .collect(),
            selection: selection(&keys)?,
            images: images(&keys)?,
            filters: filters(&keys)?,
            naming: keys.choice(
                "naming",
                &[("index", Naming::Index), ("sample", Naming::Sample)],
            )?,
            max_images: keys.number("max_images", 1, 10_000_000)?.unwrap_or(100_000),
            segment_frames: keys.number("segment_frames", 1, 100_000)?.unwrap_or(300) as u32,
            parallel_segments: keys.number("parallel_segments", 1, 256)?.unwrap_or(4) as usize,
            segment_budget: budget(&keys)?,
            checkpoint_path,
            objects_url: keys.url("objects_url")?,
            segments_url: keys.url("segments_url")?,
            component_sha256: keys.text("component_sha256"),
        })
    }

    /// Hash of all that decides which images a video gives and what is in them.
    pub fn hash(&self) -> String {
        let facts = (&self.selection, &self.images, &self.filters, &self.naming);
        let json = serde_json::to_vec(&facts).unwrap_or_default();
        hex(&Sha256::digest(json))
    }
}

fn budget<F: Fn(&str) -> Option<String>>(
    keys: &Lookup<F>,
) -> Result<Option<SegmentBudget>, ConfigError> {
    let key = "segment_budget";
    keys.text(key)
        .map(|text| text.parse().map_err(|reason| ConfigError { key, reason }))
        .transpose()
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn selection<F: Fn(&str) -> Option<String>>(keys: &Lookup<F>) -> Result<Selection, ConfigError> {
    const MOST: u64 = 1 << 40;
    let mut chosen: Vec<(&'static str, Select)> = Vec::new();
    if let Some(n) = keys.number("every_frames", 1, MOST)? {
        chosen.push(("every_frames", Select::EveryFrames(n)));
    }
    if let Some(n) = keys.number("count", 1, MOST)? {
        chosen.push(("count", Select::Count(n)));
    }
    if keys.flag("keyframes")? {
        chosen.push(("keyframes", Select::Keyframes));
    }
    if let Some(times) = keys.text("at") {
        let times = times
            .split(',')
            .map(Interval::from_str)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|reason| ConfigError { key: "at", reason })?;
        chosen.push(("at", Select::At(times)));
    }
    if chosen.len() > 1 {
        return Err(ConfigError {
            key: "every",
            reason: format!(
                "{} are both set: choose one selection",
                chosen.iter().map(|c| c.0).collect::<Vec<_>>().join(" and ")
            ),
        });
    }
    let select = match chosen.pop() {
        Some((_, select)) => select,
        None => Select::Every(keys.interval("every")?.filter(|i| i.micros() > 0).ok_or(
            ConfigError {
                key: "every",
                reason: "is zero: write 1s, 500ms or 2m".to_owned(),
            },
        )?),
    };
    let tolerance = keys.interval("snap_tolerance")?;
    let snap = keys.choice(
        "snap",
        &[
            ("exact", Snap::Exact),
            ("keyframe", Snap::Keyframe { tolerance }),
        ],
    )?;
    Ok(Selection { select, snap })
}

fn images<F: Fn(&str) -> Option<String>>(keys: &Lookup<F>) -> Result<ImageSettings, ConfigError> {
    Ok(ImageSettings {
        format: keys.choice(
            "format",
            &[
                ("jpeg", ImageFormat::Jpeg),
                ("jpg", ImageFormat::Jpeg),
                ("png", ImageFormat::Png),
                ("webp", ImageFormat::Webp),
            ],
        )?,
        quality: keys.number("quality", 1, 100)?.unwrap_or(95) as u8,
        max_side: keys.number("max_side", 1, 65_535)?.map(|side| side as u32),
        unspecified_matrix: keys.choice(
            "unspecified_matrix",
            &[
                ("auto", UnspecifiedMatrix::Auto),
                ("bt601", UnspecifiedMatrix::Bt601),
                ("bt709", UnspecifiedMatrix::Bt709),
            ],
        )?,
    })
}

fn filters<F: Fn(&str) -> Option<String>>(keys: &Lookup<F>) -> Result<Filters, ConfigError> {
    let dedupe = match keys.text("dedupe").as_deref() {
        None | Some("off" | "false") => Dedupe::Off,
        Some("on" | "true") => Dedupe::MaxDistance(DEDUPE_ON),
        Some(_) => Dedupe::MaxDistance(
            keys.number("dedupe", 0, 64)?
                .unwrap_or(u64::from(DEDUPE_ON)) as u32,
        ),
    };
    let min_sharpness = keys.parsed::<f32>("min_sharpness", "a number of 0 or more")?;
    if min_sharpness.is_some_and(|least| !least.is_finite() || least < 0.0) {
        return Err(ConfigError {
            key: "min_sharpness",
            reason: "is not a number of 0 or more".to_owned(),
        });
    }
    Ok(Filters {
        dedupe,
        min_sharpness,
        drop_blank: keys.flag("drop_blank")?,
    })
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {interval}"),
            Self::EveryFrames(n) => write!(f, "every {n} frames"),
            Self::Count(n) => write!(f, "{n} frames"),
            Self::Keyframes => write!(f, "keyframes"),
            Self::At(times) => write!(f, "at {} times", times.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_are_the_samples() {
        let config = config(&[]).unwrap();
        assert_eq!(
            config.selection.select,
            Select::Every(Interval::from_micros(1_000_000))
        );
        assert_eq!(config.images.quality, 95);
        assert_eq!(
            (config.video_path.as_str(), config.image_path.as_str()),
            ("videos/", "images/")
        );
        assert_eq!(config.filters.dedupe, Dedupe::Off);
    }

    #[test]
    fn every_key_is_known_once_and_documented() {
        for key in KEYS {
            assert_eq!(
                KEYS.iter().filter(|other| other.name == key.name).count(),
                1
            );
            assert!(key.doc.len() > 10, "{}", key.name);
        }
    }

    #[test]
    fn errors_name_the_key() {
        for (key, value) in [
            ("every", "0s"),
            ("every", "soon"),
            ("count", "0"),
            ("snap", "near"),
            ("format", "gif"),
            ("quality", "101"),
            ("dedupe", "65"),
            ("min_sharpness", "-1"),
            ("drop_blank", "yes"),
            ("at", "1s,x"),
            ("max_side", "0"),
        ] {
            let error = config(&[(key, value)]).unwrap_err();
            assert_eq!(error.key, key, "{value}: {error}");
        }
        let error = config(&[("count", "3"), ("keyframes", "true")]).unwrap_err();
        assert!(error.to_string().contains("count and keyframes"), "{error}");
    }

    #[test]
    fn output_prefix_must_not_hold_the_input() {
        assert_eq!(
            config(&[("video_path", "images/in"), ("image_path", "images")])
                .unwrap_err()
                .key,
            "image_path"
        );
    }

    #[test]
    fn hash_follows_what_images_depend_on() {
        let base = config(&[]).unwrap().hash();
        assert_eq!(base, config(&[("parallel_segments", "9")]).unwrap().hash());
        assert_ne!(base, config(&[("quality", "90")]).unwrap().hash());
        assert_ne!(base, config(&[("every", "2s")]).unwrap().hash());
    }
}
