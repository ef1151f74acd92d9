//! The configuration of extract-frames as types; its keys are declared in the function's
//! `function.toml`.

use crate::{ImageFormat, Layout, Naming, SegmentBudget, Tool, Work};
use framemill_function_spec::{ConfigError, FunctionSpec, Interval, Values};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::LazyLock;

/// A declaration that is compiled in, parsed once.
pub(crate) type Declared<T> = LazyLock<Result<T, framemill_function_spec::SpecError>>;

static SPEC: Declared<FunctionSpec> = LazyLock::new(|| {
    FunctionSpec::parse(include_str!(
        "../../../functions/extract-frames/function.toml"
    ))
});

/// A declaration, or the defect that it is.
pub(crate) fn declared<T>(spec: &'static Declared<T>) -> Result<&'static T, ConfigError> {
    spec.as_ref()
        .map_err(|error| ConfigError::new("function.toml", error.to_string()))
}

/// An error about a key of a function with the name that the key has where a person sets it.
pub(crate) fn as_set(
    spec: &'static Declared<FunctionSpec>,
    error: ConfigError,
    on_framemill: bool,
) -> ConfigError {
    let Ok(spec) = declared(spec) else {
        return error;
    };
    let name = match on_framemill {
        true => spec.framemill_name(&error.key),
        false => spec.spin_variable(&error.key),
    };
    ConfigError::new(name, error.reason)
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
    /// Keep frames whose picture cannot be trusted, for damage in the video.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_damaged: bool,
}

/// The whole configuration of extract-frames, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Only this bucket.
    pub bucket: Option<String>,
    /// Prefix of videos, ending in `/` or empty.
    pub video_path: String,
    /// Prefixes of what is written.
    pub layout: Layout,
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
    /// Objects endpoint, without trailing slash.
    pub objects_url: String,
    /// Own segments endpoint.
    pub segments_url: String,
    /// Hash of the component that runs, from the host.
    pub component_sha256: Option<String>,
}

impl Config {
    /// Reads and checks all keys. `lookup` gives the text of a key, or `None`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first key that is wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let keys = Values::new(&declared(&SPEC)?.keys, lookup);
        let (video_path, layout) = (keys.prefix("video_path"), Layout::from_keys(&keys)?);
        layout.check_videos(&video_path)?;
        Ok(Self {
            bucket: keys.text("bucket"),
            video_path,
            layout,
            video_extensions: keys
                .list("video_extensions")
                .iter()
                .map(|ending| ending.trim_start_matches('.').to_ascii_lowercase())
                .collect(),
            selection: selection(&keys)?,
            images: images(&keys)?,
            filters: filters(&keys)?,
            naming: keys.choice(
                "naming",
                &[("index", Naming::Index), ("sample", Naming::Sample)],
            )?,
            max_images: keys.needed_integer("max_images")?,
            segment_frames: keys.needed_integer("segment_frames")? as u32,
            parallel_segments: keys.needed_integer("parallel_segments")? as usize,
            segment_budget: budget(&keys)?,
            objects_url: keys.url("objects_url")?,
            segments_url: keys.url("segments_url")?,
            component_sha256: keys.text("component_sha256"),
        })
    }

    /// Hash of all that decides which images a video gives and what is in them.
    pub fn hash(&self) -> String {
        let facts = (&self.selection, &self.images, &self.filters, &self.naming);
        let json = serde_json::to_vec(&facts).unwrap_or_default();
        hex::encode(Sha256::digest(json))
    }

    /// What runs.
    pub fn tool(&self) -> Tool {
        Tool::new(self.component_sha256.clone())
    }

    /// Names this configuration, run by this version and component.
    pub fn work(&self) -> Work {
        Work::new(&self.hash(), &self.tool())
    }
}

fn budget<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<Option<SegmentBudget>, ConfigError> {
    let budget = keys.budget("segment_budget")?;
    Ok(budget.map(|(time, bytes)| SegmentBudget {
        time,
        bytes: bytes.0,
    }))
}

fn selection<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<Selection, ConfigError> {
    let mut chosen: Vec<(&'static str, Select)> = Vec::new();
    if let Some(n) = keys.integer("every_frames")? {
        chosen.push(("every_frames", Select::EveryFrames(n)));
    }
    if let Some(n) = keys.integer("count")? {
        chosen.push(("count", Select::Count(n)));
    }
    if keys.boolean("keyframes")? {
        chosen.push(("keyframes", Select::Keyframes));
    }
    if let Some(times) = keys.durations("at")? {
        chosen.push(("at", Select::At(times)));
    }
    if chosen.len() > 1 {
        return Err(ConfigError::new(
            "every",
            format!(
                "{} are both set: choose one selection",
                chosen.iter().map(|c| c.0).collect::<Vec<_>>().join(" and ")
            ),
        ));
    }
    let select = match chosen.pop() {
        Some((_, select)) => select,
        None => Select::Every(keys.needed_duration("every")?),
    };
    let tolerance = keys.duration("snap_tolerance")?;
    let snap = keys.choice(
        "snap",
        &[
            ("exact", Snap::Exact),
            ("keyframe", Snap::Keyframe { tolerance }),
        ],
    )?;
    Ok(Selection { select, snap })
}

fn images<F: Fn(&str) -> Option<String>>(
    keys: &Values<'_, F>,
) -> Result<ImageSettings, ConfigError> {
    Ok(ImageSettings {
        format: keys.choice("format", ImageFormat::WORDS)?,
        quality: keys.needed_integer("quality")? as u8,
        max_side: keys.integer("max_side")?.map(|side| side as u32),
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

fn filters<F: Fn(&str) -> Option<String>>(keys: &Values<'_, F>) -> Result<Filters, ConfigError> {
    let dedupe = match keys.text("dedupe").as_deref() {
        None | Some("off" | "false") => Dedupe::Off,
        Some("on" | "true") => Dedupe::MaxDistance(DEDUPE_ON),
        Some(_) => {
            let bits = keys.integer("dedupe")?;
            Dedupe::MaxDistance(bits.map_or(DEDUPE_ON, |bits| bits as u32))
        }
    };
    let min_sharpness = keys.number("min_sharpness")?.map(|least| least as f32);
    Ok(Filters {
        dedupe,
        min_sharpness,
        drop_blank: keys.boolean("drop_blank")?,
        keep_damaged: keys.boolean("keep_damaged")?,
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
            (config.video_path.as_str(), config.layout.images.as_str()),
            ("videos/", "images/")
        );
        assert_eq!(config.filters.dedupe, Dedupe::Off);
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
            ("keep_damaged", "yes"),
            ("at", "1s,x"),
            ("max_side", "0"),
        ] {
            let error = config(&[(key, value)]).unwrap_err();
            assert_eq!(error.key, key, "{value}: {error}");
        }
        let error = config(&[("count", "3"), ("keyframes", "true")]).unwrap_err();
        assert!(error.to_string().contains("count and keyframes"), "{error}");
    }

    /// Neither may name a format that the other does not know.
    #[test]
    fn formats_are_those_of_the_declaration() {
        let key = declared(&SPEC).unwrap().key("format").unwrap();
        let words: Vec<&str> = ImageFormat::WORDS.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, key.choices);
    }

    #[test]
    fn hash_follows_what_images_depend_on() {
        let base = config(&[]).unwrap().hash();
        assert_eq!(base, config(&[("parallel_segments", "9")]).unwrap().hash());
        assert_ne!(base, config(&[("quality", "90")]).unwrap().hash());
        assert_ne!(base, config(&[("every", "2s")]).unwrap().hash());
        let keep = |value| config(&[("keep_damaged", value)]).unwrap().hash();
        assert_ne!(base, keep("true"));
        assert_eq!(base, keep("false"));
    }
}
