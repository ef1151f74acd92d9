//! What the host is told: flags before environment (`FRAMEMILL_…`) before `framemill.toml`
//! before defaults.

mod addresses;
mod credentials;
mod pipelines;
mod values;

pub use addresses::{LOCAL_BUCKET, SourceAddress, StoreAddress};
pub use credentials::CredentialSettings;
pub use pipelines::{LabelSettings, PipelineSettings, REQUEST_LABELING};

use anyhow::{Context as _, bail, ensure};
use framemill_contract::{Config, ConfigKey, KEYS};
use framemill_runtime::{HostCredential, Limits};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use values::{number, plain, size, time, time_or_off};

macro_rules! host_keys {
    ($($name:ident = $default:literal: $doc:literal),+ $(,)?) => {
        /// Every key of the host itself.
        pub const HOST_KEYS: &[ConfigKey] = &[
            $(ConfigKey { name: stringify!($name), default: $default, doc: $doc }),+
        ];
    };
}

host_keys! {
    data = "framemill-data": "folder that is the bucket where no other store is named; the embedded queue lies in it too",
    store = "": "bucket with the videos: gs://bucket, s3://bucket or a folder; empty is the folder data",
    source = "": "where upload messages come from: pubsub://projects/P/subscriptions/S, amqp:QUEUE (server in AMQP_URL), or queue: the embedded one, filled by sweeps; empty watches the folder",
    dead_letters = "": "Pub/Sub topic or AMQP queue for messages that are given up; empty derives it from the source",
    prefetch = "2": "messages that may wait in flight beside those that are worked on (pubsub and amqp)",
    workers = "": "messages that are worked on at the same time; empty is the number of cores",
    limits = "": "akamai: what a small wasm cloud (Akamai Functions) gives a request: 128 MiB memory, 30 s with all waiting, 10 MiB for any body; sets segment_budget to 8s,8MiB where it is not set; empty takes the next two",
    memory_limit = "512MiB": "memory of one sandbox",
    time_limit = "15m": "time that one sandbox may run; waiting for objects does not count",
    drain = "30s": "time that running work has to finish after a signal to stop",
    max_attempts = "5": "failed deliveries after which a message is given up",
    stable_for = "1s": "a file is taken once it has not changed for this long",
    sweep_every = "1h": "how often the bucket is searched for videos whose message was lost, the first time at the start; off for never",
    sweep_age = "1h": "a sweep leaves videos alone that are younger: their message may be on its way",
    serve_images = "": "address on which images are served for image_urls = proxied, for example 127.0.0.1:8400; empty serves none",
}

/// Keys that only the host sets or answers.
const NOT_CONFIGURABLE: &[&str] = &["component_sha256"];

/// What fits the limits of Akamai Functions with room to spare.
const AKAMAI_BUDGET: &str = "8s,8MiB";

/// The limits that have a name.
fn profile(name: &str, is_given: &dyn Fn(&str) -> bool) -> anyhow::Result<Limits> {
    ensure!(
        name == "akamai",
        "configuration `limits`: `{name}` is none that framemill knows: akamai, or leave it out"
    );
    for key in ["memory_limit", "time_limit"] {
        ensure!(
            !is_given(key),
            "configuration `{key}`: is set, and so is limits = \"akamai\", which sets it too: leave one of them out"
        );
    }
    Ok(Limits::akamai())
}

/// Text by key.
pub type Layer = BTreeMap<String, String>;

/// Everything, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder that is the bucket.
    pub data: PathBuf,
    /// Messages at the same time.
    pub workers: usize,
    /// What one request may use.
    pub limits: Limits,
    /// Time to finish after a signal.
    pub drain: Duration,
    /// Failed deliveries until a message is given up.
    pub max_attempts: u32,
    /// How long a file must be unchanged.
    pub stable_for: Duration,
    /// Bucket.
    pub store: StoreAddress,
    /// Where messages come from.
    pub source: SourceAddress,
    /// Where messages go that are given up; `None` is derived.
    pub dead_letters: Option<String>,
    /// Messages in flight beside those that are worked on.
    pub prefetch: usize,
    /// Time between sweeps; `None` for never.
    pub sweep_every: Option<Duration>,
    /// Age of videos that a sweep looks at.
    pub sweep_age: Duration,
    /// Where images are served.
    pub serve_images: Option<std::net::SocketAddr>,
    /// The labeling target, if one is configured.
    pub labeling: Option<LabelSettings>,
    /// What is added to requests of components.
    pub credentials: Vec<CredentialSettings>,
    /// Pipelines beside the standard ones.
    pub pipelines: Vec<PipelineSettings>,
    /// What is given of the component's keys.
    pub extract: Layer,
    /// The same, checked, with defaults.
    pub config: Config,
}

/// `framemill.toml`, read but not interpreted.
#[derive(Default)]
struct File {
    /// Keys of the host and of `[extract]`.
    keys: Layer,
    /// `[labeling]`.
    labeling: Layer,
    credentials: Vec<CredentialSettings>,
    pipelines: Vec<PipelineSettings>,
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
                file.keys.get(name).cloned(),
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
        let optional = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
        let store = StoreAddress::parse(&optional("store").unwrap_or_else(|| text("data")))?;
        let source = SourceAddress::parse(optional("source").as_deref(), &store)?;
        if let Some(bucket) = extract.insert("bucket".to_owned(), store.bucket().to_owned()) {
            ensure!(
                bucket == store.bucket(),
                "configuration `bucket`: is `{bucket}`, but the store's is `{}`: leave it out",
                store.bucket()
            );
        }
        let limits = match optional("limits") {
            Some(name) => {
                let limits = profile(&name, &|name| look_up(name).is_some())?;
                let budget = extract.entry("segment_budget".to_owned());
                budget.or_insert_with(|| AKAMAI_BUDGET.to_owned());
                limits
            }
            None => Limits {
                memory: size("memory_limit", &text("memory_limit"))?,
                time: time("time_limit", &text("time_limit"))?,
                wall: None,
                body: None,
            },
        };
        let config = Config::from_lookup(|name| extract.get(name).cloned())?;
        let labeling =
            LabelSettings::new(&file.labeling, &environment, &extract, (&store, &source))?;
        let mut credentials = file.credentials;
        if let Some(labeling) = &labeling {
            labeling.add_credentials(&mut credentials);
        }
        Ok(Self {
            data: PathBuf::from(text("data")),
            workers: match text("workers").as_str() {
                "" => cores(),
                _ => number("workers", &text("workers"), 1, 1024)? as usize,
            },
            limits,
            drain: time("drain", &text("drain"))?,
            max_attempts: number("max_attempts", &text("max_attempts"), 1, 1000)? as u32,
            stable_for: time("stable_for", &text("stable_for"))?,
            store,
            source,
            dead_letters: optional("dead_letters"),
            prefetch: number("prefetch", &text("prefetch"), 0, 1000)? as usize,
            sweep_every: time_or_off("sweep_every", &text("sweep_every"))?,
            sweep_age: time("sweep_age", &text("sweep_age"))?,
            serve_images: optional("serve_images")
                .map(|text| {
                    text.parse().with_context(|| {
                        format!("configuration `serve_images`: `{text}` is not an address such as 127.0.0.1:8400")
                    })
                })
                .transpose()?,
            labeling,
            credentials,
            pipelines: file.pipelines,
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
        let (path, text) = read_text(path)?;
        let settings = Self::new(flags, |name| std::env::var(name).ok(), text.as_deref());
        match path {
            Some(path) => settings.with_context(|| format!("in {}", path.display())),
            None => settings,
        }
    }

    /// As [`Settings::load`], but goes on after an error as if its key were not given: all that
    /// is wrong, and the settings that are left, where there are any.
    pub fn load_all(flags: &Layer, path: Option<&Path>) -> (Option<Self>, Vec<anyhow::Error>) {
        let mut errors = Vec::new();
        let (mut flags, mut hidden) = (flags.clone(), HashSet::new());
        let text = match read_text(path) {
            Ok((_, text)) => text,
            Err(error) => return (None, vec![error]),
        };
        let mut table: Option<toml::Table> = text.as_deref().and_then(|text| text.parse().ok());
        loop {
            let text = table
                .as_ref()
                .map(toml::Table::to_string)
                .or_else(|| text.clone());
            let environment =
                |name: &str| std::env::var(name).ok().filter(|_| !hidden.contains(name));
            let error = match Self::new(&flags, environment, text.as_deref()) {
                Ok(settings) => return (Some(settings), errors),
                Err(error) => error,
            };
            let key = culprit(&error);
            errors.push(error);
            let Some(key) = key else {
                return (None, errors);
            };
            let removed = hide(&key, &mut flags, &mut hidden, table.as_mut());
            if !removed {
                return (None, errors);
            }
        }
    }

    /// The credentials with their secrets.
    ///
    /// # Errors
    /// Naming the variable or file that is missing or empty.
    pub fn resolved_credentials(&self) -> anyhow::Result<Vec<HostCredential>> {
        self.credentials
            .iter()
            .map(CredentialSettings::resolve)
            .collect()
    }

    /// Folder of the embedded queue: the bucket, where that is one.
    pub fn data_folder(&self) -> &Path {
        match &self.store {
            StoreAddress::Folder(folder) => folder,
            _ => &self.data,
        }
    }

    /// Which names are no uploads: where the folder is watched, those that the watcher skips
    ///.
    pub fn skipped(&self) -> fn(&str) -> bool {
        match self.source {
            SourceAddress::Folder => framemill_sources::is_unfinished,
            _ => |_| false,
        }
    }
}

/// The key that an error names, as in the file.
fn culprit(error: &anyhow::Error) -> Option<String> {
    let text = format!("{error:#}");
    let (_, rest) = text.split_once("configuration `")?;
    let (key, _) = rest.split_once('`')?;
    let in_labeling = text.contains("in [labeling]") && !key.contains('.');
    Some(if in_labeling {
        format!("labeling.{key}")
    } else {
        key.to_owned()
    })
}

/// Takes a key out of all layers. Says whether it was in one.
fn hide(
    key: &str,
    flags: &mut Layer,
    hidden: &mut HashSet<String>,
    table: Option<&mut toml::Table>,
) -> bool {
    let variable = format!("FRAMEMILL_{}", key.replace('.', "_").to_ascii_uppercase());
    let in_environment = std::env::var_os(&variable).is_some() && hidden.insert(variable);
    let in_flags = flags.remove(key).is_some();
    let in_file = table.is_some_and(|table| {
        let (section, name) = key.split_once('.').unwrap_or(("extract", key));
        let below = table.get_mut(section).and_then(toml::Value::as_table_mut);
        let in_section = below.is_some_and(|below| below.remove(name).is_some());
        in_section || table.remove(key).is_some()
    });
    in_environment || in_flags || in_file
}

/// The configuration file that is named, or the standard one where it is there.
fn read_text(path: Option<&Path>) -> anyhow::Result<(Option<&Path>, Option<String>)> {
    let standard = Path::new("framemill.toml");
    let path = path.or_else(|| standard.is_file().then_some(standard));
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("configuration cannot be read: {}", path.display()))
    };
    Ok((path, path.map(read).transpose()?))
}

/// A configuration file's keys as text, each one known.
fn read_file(text: &str) -> anyhow::Result<File> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|error| anyhow::anyhow!("{}", error.to_string().trim_end()))?;
    let mut file = File::default();
    for (name, value) in table {
        match (name.as_str(), value) {
            ("extract", toml::Value::Table(table)) => read_extract(table, &mut file.keys)?,
            ("labeling", toml::Value::Table(table)) => {
                file.labeling = pipelines::read_labeling(table)?;
            }
            ("credentials", toml::Value::Array(values)) => {
                let settings = values.into_iter().map(CredentialSettings::from_toml);
                file.credentials = settings.collect::<anyhow::Result<_>>()?;
            }
            ("pipeline", toml::Value::Array(values)) => {
                let settings = values.into_iter().map(PipelineSettings::from_toml);
                file.pipelines = settings.collect::<anyhow::Result<_>>()?;
            }
            ("extract" | "labeling", _) => bail!("configuration `{name}` is a table: [{name}]"),
            ("credentials" | "pipeline", _) => {
                bail!("configuration `{name}` is a list of tables: [[{name}]]")
            }
            (key, value) if HOST_KEYS.iter().any(|known| known.name == key) => {
                file.keys.insert(name.clone(), plain(&name, &value)?);
            }
            _ => bail!(
                "configuration `{name}` is unknown: choose from {}, [extract], [labeling], [[credentials]], [[pipeline]]",
                join(HOST_KEYS.iter().map(|key| key.name))
            ),
        }
    }
    Ok(file)
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn read_extract(table: toml::Table, keys: &mut Layer) -> anyhow::Result<()> {
    let known =
        |name: &str| KEYS.iter().any(|key| key.name == name) && !NOT_CONFIGURABLE.contains(&name);
    for (name, value) in table {
        if !known(&name) {
            bail!(
                "configuration `extract.{name}` is unknown: choose from {}",
                join(KEYS.iter().map(|key| key.name).filter(|name| known(name)))
            );
        }
        keys.insert(name.clone(), plain(&name, &value)?);
    }
    Ok(())
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
        let limits = settings.limits;
        assert_eq!(
            (limits.memory, limits.time),
            (512 << 20, Duration::from_secs(900))
        );
        assert_eq!((limits.wall, limits.body), (None, None));
        assert_eq!(get("segment_budget"), None);
        assert_eq!(settings.workers, cores());
    }

    #[test]
    fn limits_of_a_small_cloud_have_a_name() {
        let of = |file: &str| Settings::new(&layer(&[("limits", "akamai")]), |_| None, Some(file));
        let settings = of("").unwrap();
        assert_eq!(settings.limits, Limits::akamai());
        let budget = settings.config.segment_budget.unwrap();
        assert_eq!((budget.time.micros(), budget.bytes), (8_000_000, 8 << 20));
        let settings = of("[extract]\nsegment_budget = '5s,4MiB'").unwrap();
        assert_eq!(settings.config.segment_budget.unwrap().bytes, 4 << 20);
        for key in ["memory_limit = '1GiB'", "time_limit = '1h'"] {
            let error = of(key).unwrap_err().to_string();
            assert!(error.contains("leave one of them out"), "{error}");
        }
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
            ("limits = 'azure'", "`limits`"),
            ("stable_for = '0s'", "`stable_for`"),
            ("workers = 0", "`workers`"),
            ("drain = {a = 1}", "`drain`"),
            ("max_attempts = -1", "`max_attempts`"),
        ] {
            let error = Settings::new(&Layer::new(), |_| None, Some(file)).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{file}: {error:#}");
        }
    }
}
