//! What the host is told: flags before environment (`FRAMEMILL_…`) before `framemill.toml`
//! before defaults.

use anyhow::{Context as _, bail, ensure};
use framemill_contract::{Config, Interval, KEYS};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A key of the host itself.
#[derive(Clone, Copy, Debug)]
pub struct HostKey {
    /// Name, as in `framemill.toml`.
    pub name: &'static str,
    /// Value where none is given; empty is worked out.
    pub default: &'static str,
    /// One sentence for a person.
    pub doc: &'static str,
}

macro_rules! host_keys {
    ($($name:ident = $default:literal: $doc:literal),+ $(,)?) => {
        /// Every key of the host itself.
        pub const HOST_KEYS: &[HostKey] = &[
            $(HostKey { name: stringify!($name), default: $default, doc: $doc }),+
        ];
    };
}

host_keys! {
    data = "framemill-data": "folder that is the bucket: videos below video_path, images below image_path",
    workers = "": "messages that are worked on at the same time; empty is the number of cores",
    memory_limit = "512MiB": "memory of one sandbox",
    time_limit = "15m": "time that one sandbox may run; waiting for objects does not count",
    drain = "30s": "time that running work has to finish after a signal to stop",
    max_attempts = "5": "failed deliveries after which a message is given up",
    settle = "1s": "a file is taken once it has not changed for this long",
}

/// Keys that only the host sets or answers.
const NOT_CONFIGURABLE: &[&str] = &["component_sha256"];

/// Text by key.
pub type Layer = BTreeMap<String, String>;

/// Everything, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder that is the bucket.
    pub data: PathBuf,
    /// Messages at the same time.
    pub workers: usize,
    /// Bytes of memory of one sandbox.
    pub memory_limit: u64,
    /// Time of one sandbox.
    pub time_limit: Duration,
    /// Time to finish after a signal.
    pub drain: Duration,
    /// Failed deliveries until a message is given up.
    pub max_attempts: u32,
    /// How long a file must be unchanged.
    pub settle: Duration,
    /// What is given of the component's keys.
    pub extract: Layer,
    /// The same, checked, with defaults.
    pub config: Config,
}

/// `framemill.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<toml::Value>,
    workers: Option<toml::Value>,
    memory_limit: Option<toml::Value>,
    time_limit: Option<toml::Value>,
    drain: Option<toml::Value>,
    max_attempts: Option<toml::Value>,
    settle: Option<toml::Value>,
    #[serde(default)]
    extract: BTreeMap<String, toml::Value>,
}

/// Keys of which one is the selection.
const SELECTION: [&str; 5] = ["every", "every_frames", "count", "keyframes", "at"];

/// Number of cores that we may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Settings {
    /// From flags, environment and the text of a configuration file.
    ///
    /// # Errors
    /// Naming the first key that is unknown or wrong.
    pub fn new(
        flags: &Layer,
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> anyhow::Result<Self> {
        let file = file.map(read_file).transpose()?.unwrap_or_default();
        let layers = |name: &str| {
            let variable = format!("FRAMEMILL_{}", name.to_ascii_uppercase());
            [
                flags.get(name).cloned(),
                environment(&variable),
                file.get(name).cloned(),
            ]
            .into_iter()
            .map(|text| text.filter(|text| !text.trim().is_empty()))
            .collect::<Vec<_>>()
        };
        // The selection is one choice: a layer that makes it hides that of the layers below.
        let decides = (0..3).find(|layer| {
            let in_layer = |name: &str| layers(name).get(*layer).is_some_and(Option::is_some);
            SELECTION.iter().any(|name| in_layer(name))
        });
        let look_up = |name: &str| -> Option<String> {
            let mut layers = layers(name);
            match decides {
                Some(layer) if SELECTION.contains(&name) => layers.swap_remove(layer),
                _ => layers.into_iter().flatten().next(),
            }
        };
        let text = |name: &str| -> String {
            let key = HOST_KEYS.iter().find(|key| key.name == name);
            look_up(name).unwrap_or_else(|| key.map_or("", |key| key.default).to_owned())
        };
        let mut extract = Layer::new();
        for key in KEYS {
            if let Some(value) = look_up(key.name) {
                extract.insert(key.name.to_owned(), value);
            }
        }
        let config = Config::from_lookup(|name| extract.get(name).cloned())?;
        Ok(Self {
            data: PathBuf::from(text("data")),
            workers: match text("workers").as_str() {
                "" => cores(),
                _ => number("workers", &text("workers"), 1, 1024)? as usize,
            },
            memory_limit: size("memory_limit", &text("memory_limit"))?,
            time_limit: time("time_limit", &text("time_limit"))?,
            drain: time("drain", &text("drain"))?,
            max_attempts: number("max_attempts", &text("max_attempts"), 1, 1000)? as u32,
            settle: time("settle", &text("settle"))?,
            extract,
            config,
        })
    }

    /// As [`Settings::new`], from this process's environment and the file at `path`, or
    /// `framemill.toml` in the current folder where there is one.
    ///
    /// # Errors
    /// As [`Settings::new`], and where a named file cannot be read.
    pub fn load(flags: &Layer, path: Option<&Path>) -> anyhow::Result<Self> {
        let standard = Path::new("framemill.toml");
        let path = path.or_else(|| standard.is_file().then_some(standard));
        let text = path
            .map(|path| {
                std::fs::read_to_string(path)
                    .with_context(|| format!("configuration cannot be read: {}", path.display()))
            })
            .transpose()?;
        let settings = Self::new(flags, |name| std::env::var(name).ok(), text.as_deref());
        match path {
            Some(path) => settings.with_context(|| format!("in {}", path.display())),
            None => settings,
        }
    }
}

/// All keys of a configuration file as text.
fn read_file(text: &str) -> anyhow::Result<Layer> {
    let file: File = toml::from_str(text)
        .map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end()))?;
    let host = [
        ("data", file.data),
        ("workers", file.workers),
        ("memory_limit", file.memory_limit),
        ("time_limit", file.time_limit),
        ("drain", file.drain),
        ("max_attempts", file.max_attempts),
        ("settle", file.settle),
    ];
    let mut layer = Layer::new();
    for (name, value) in host {
        if let Some(value) = value {
            layer.insert(name.to_owned(), plain(name, &value)?);
        }
    }
    for (name, value) in file.extract {
        let known = KEYS.iter().any(|key| key.name == name);
        if !known || NOT_CONFIGURABLE.contains(&name.as_str()) {
            let known: Vec<_> = KEYS
                .iter()
                .map(|key| key.name)
                .filter(|name| !NOT_CONFIGURABLE.contains(name))
                .collect();
            bail!(
                "configuration `extract.{name}` is unknown: choose from {}",
                known.join(", ")
            );
        }
        let text = plain(&name, &value)?;
        layer.insert(name, text);
    }
    Ok(layer)
}

/// A TOML value as the text that a variable would hold.
fn plain(name: &str, value: &toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(values) => {
            let values: anyhow::Result<Vec<_>> =
                values.iter().map(|value| plain(name, value)).collect();
            values?.join(",")
        }
        other => bail!(
            "configuration `{name}` is a {}, not a string, number, flag or list",
            other.type_str()
        ),
    })
}

fn number(name: &str, text: &str, min: u64, max: u64) -> anyhow::Result<u64> {
    let value = text
        .trim()
        .parse()
        .ok()
        .filter(|value| (min..=max).contains(value));
    value.with_context(|| {
        format!("configuration `{name}`: `{text}` is not a whole number from {min} to {max}")
    })
}

fn time(name: &str, text: &str) -> anyhow::Result<Duration> {
    let interval: Interval = text
        .parse()
        .map_err(|reason| anyhow::anyhow!("configuration `{name}`: {reason}"))?;
    ensure!(
        interval.micros() > 0,
        "configuration `{name}`: is zero: write 1s, 500ms or 2m"
    );
    Ok(Duration::from_micros(interval.micros()))
}

/// `512MiB`, `1GiB`, `800MB` or a number of bytes.
fn size(name: &str, text: &str) -> anyhow::Result<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(split);
    let unit: Option<u64> = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kib" | "k" => Some(1 << 10),
        "mib" | "m" => Some(1 << 20),
        "gib" | "g" => Some(1 << 30),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        _ => None,
    };
    let bytes = unit
        .zip(count.trim().parse::<u64>().ok())
        .and_then(|(unit, count)| unit.checked_mul(count))
        .with_context(|| {
            format!("configuration `{name}`: `{text}` is not a size: write 512MiB or 1GiB")
        })?;
    const LEAST: u64 = 16 << 20;
    const MOST: u64 = 4 << 30;
    ensure!(
        (LEAST..=MOST).contains(&bytes),
        "configuration `{name}`: {text} is out of range: 16MiB to 4GiB (a sandbox's address space)"
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(pairs: &[(&str, &str)]) -> Layer {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn flags_before_environment_before_file_before_defaults() {
        let environment = layer(&[("FRAMEMILL_QUALITY", "70"), ("FRAMEMILL_EVERY", "3s")]);
        let file = "drain = '5s'\n[extract]\nevery = '4s'\nquality = 60\nformat = 'png'\nat = []";
        let settings = Settings::new(
            &layer(&[("every", "2s")]),
            |name| environment.get(name).cloned(),
            Some(file),
        )
        .unwrap();
        let get = |name: &str| settings.extract.get(name).map(String::as_str);
        assert_eq!(get("every"), Some("2s"));
        assert_eq!(get("quality"), Some("70"));
        assert_eq!(get("format"), Some("png"));
        assert_eq!(get("max_side"), None);
        assert_eq!(settings.drain, Duration::from_secs(5));
        assert_eq!(settings.memory_limit, 512 << 20);
        assert_eq!(settings.time_limit, Duration::from_secs(900));
        assert_eq!(settings.workers, cores());
    }

    #[test]
    fn lists_numbers_and_flags_are_text() {
        let file =
            "workers = 3\n[extract]\nat = ['0s', '1.5s']\ndrop_blank = true\nmin_sharpness = 12.5";
        let settings = Settings::new(&Layer::new(), |_| None, Some(file)).unwrap();
        assert_eq!(settings.workers, 3);
        assert_eq!(
            settings.extract.get("at").map(String::as_str),
            Some("0s,1.5s")
        );
        assert!(settings.config.filters.drop_blank);
        assert_eq!(settings.config.filters.min_sharpness, Some(12.5));
    }

    #[test]
    fn errors_name_the_key() {
        for (file, part) in [
            ("colour = 1", "colour"),
            ("[extract]\nspeed = 1", "extract.speed"),
            (
                "[extract]\ncomponent_sha256 = 'x'",
                "extract.component_sha256",
            ),
            ("[extract]\nquality = 101", "`quality`"),
            ("memory_limit = '1TiB'", "`memory_limit`"),
            ("memory_limit = '1MiB'", "`memory_limit`"),
            ("time_limit = 'long'", "`time_limit`"),
            ("settle = '0s'", "`settle`"),
            ("workers = 0", "`workers`"),
            ("drain = {a = 1}", "`drain`"),
            ("max_attempts = -1", "`max_attempts`"),
        ] {
            let error = Settings::new(&Layer::new(), |_| None, Some(file)).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{file}: {error:#}");
        }
    }
}
