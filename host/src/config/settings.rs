//! Everything that the host is told, checked.

use super::addresses::{SourceAddress, StoreAddress};
use super::console::ConsoleSettings;
use super::error::{SettingError, SettingErrors};
use super::file::{self, File};
use super::functions::{FunctionSettings, Reader};
use super::keys::{HostTable, host_keys, host_tables, warehouse_table};
use super::layers::{Given, Layer, Layers, named};
use super::machine::{self, cores};
use super::variables::{UnknownVariable, unknown};
use super::warehouse::WarehouseSettings;
use framemill_contract::{Config, Platform, Push};
use framemill_function_spec::{ByteSize, Key, Values};
use framemill_runtime::{Limits, MemoryBudget};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What fits the limits of Akamai Functions with room to spare.
const AKAMAI_BUDGET: &str = "8s,8MiB";
/// The function whose videos the commands of a person are about.
const EXTRACTION: &str = "extract-frames";

/// Everything, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder that is the bucket.
    pub data: PathBuf,
    /// Messages at the same time.
    pub workers: usize,
    /// What one request may use.
    pub limits: Limits,
    /// Bytes that all sandboxes together may use; `None` where nobody knows how many there are.
    pub memory_budget: Option<u64>,
    /// Time to finish after a signal.
    pub drain: Duration,
    /// Failed deliveries until a message becomes a dead letter.
    pub max_attempts: u32,
    /// How long a file must be unchanged.
    pub stable_for: Duration,
    /// Bucket.
    pub store: StoreAddress,
    /// Whether links may lead out of a folder that is the bucket.
    pub follow_links: bool,
    /// Where messages come from.
    pub source: SourceAddress,
    /// Where dead letters go; `None` is derived.
    pub dead_letters: Option<String>,
    /// Messages in flight beside those that are worked on.
    pub prefetch: usize,
    /// Time between sweeps; `None` for never.
    pub sweep_every: Option<Duration>,
    /// Age of objects that a sweep looks at.
    pub sweep_age: Duration,
    /// Where the HTTP listener is.
    pub listen: Option<SocketAddr>,
    /// Who sees the console on it.
    pub console: ConsoleSettings,
    /// Whose pushed messages it takes.
    pub push: Push,
    /// What runs: framemill's own functions that are switched on, then the user's.
    pub functions: Vec<FunctionSettings>,
    /// Tables of what is in the bucket.
    pub warehouse: WarehouseSettings,
    /// Variables of the environment that look like keys and are none.
    pub unknown_variables: Vec<UnknownVariable>,
    /// The extraction's configuration as types, for the commands that are about videos.
    pub config: Config,
}

/// Reads the keys of the host.
struct HostReader<'a> {
    keys: &'static [Key],
    given: &'a Given,
    errors: Vec<SettingError>,
}

impl HostReader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.values().text(name)
    }

    fn values(&self) -> Values<'_, impl Fn(&str) -> Option<String>> {
        Values::new(self.keys, |name| self.given.values.get(name).cloned())
    }

    /// What `parse` makes of a key; its error is kept.
    fn parsed<T>(&mut self, name: &str, parse: impl FnOnce() -> Result<T, String>) -> Option<T> {
        parse()
            .map_err(|reason| self.errors.push(self.given.error("", name, reason)))
            .ok()
    }

    /// A number; errors of its type are known already.
    fn number(&self, name: &'static str) -> Option<u64> {
        self.values().integer(name).ok().flatten()
    }

    /// A time; `None` for the word `off`.
    fn time(&self, name: &'static str) -> Option<Duration> {
        let time = self.values().duration(name).ok().flatten();
        time.map(|time| Duration::from_micros(time.micros()))
    }

    fn limits(&mut self) -> Limits {
        let size = self.values().size("memory_limit").ok().flatten();
        let limits = Limits {
            memory: size.map_or(0, |size| size.0),
            time: self.time("time_limit").unwrap_or_default(),
            wall: None,
            body: None,
        };
        if self.text("limits").is_none() {
            return limits;
        }
        for key in ["memory_limit", "time_limit"] {
            if self.given.values.contains_key(key) {
                let reason = "is set, and so is limits = \"akamai\", which sets it too: leave one of them out";
                self.errors.push(self.given.error("", key, reason));
            }
        }
        Limits::akamai()
    }

    fn memory_budget(&mut self, limits: &Limits) -> Option<u64> {
        let sandbox = limits.memory;
        let given = self.values().size("memory_budget").ok().flatten();
        let Some(budget) = given else {
            return machine::memory().map(|memory| standard_budget(memory, sandbox));
        };
        if budget.0 / MemoryBudget::FEWEST < sandbox {
            let reason = format!(
                "`{budget}` is less than two sandboxes of memory_limit {} take, a message's and one of its segments': raise it, or lower memory_limit",
                ByteSize(sandbox)
            );
            let error = self.given.error("", "memory_budget", reason);
            self.errors.push(error);
        }
        Some(budget.0)
    }
}

/// Bytes that sandboxes may use together, of a machine that has `memory`: the rest is for the host,
/// which holds what is on its way to the store and back. Less than work can be done with is not
/// what anyone chose: then the system has to cope.
fn standard_budget(memory: u64, sandbox: u64) -> u64 {
    let share = memory / 5 * 4;
    share.max(sandbox.saturating_mul(MemoryBudget::FEWEST))
}

/// What to do about [`Settings::memory_shortage`].
pub const SHORTAGE_REMEDY: &str = "lower memory_budget or memory_limit, or take a larger machine";

/// How many sandboxes a budget has room for, in words.
pub fn sandboxes(budget: &MemoryBudget, limit: u64) -> String {
    format!(
        "{} sandboxes at once, of memory_limit {} each: {} MiB",
        budget.sandboxes(),
        ByteSize(limit),
        budget.bytes() >> 20
    )
}

impl Settings {
    /// From flags, environment and the text of a configuration file.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn new(
        flags: &Layer,
        environment: impl Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Result<Self, SettingErrors> {
        let path = Path::new(file::STANDARD);
        let mut errors = Vec::new();
        let settings = Self::read(flags, &environment, path, file, &mut errors);
        faultless(settings, errors)
    }

    /// The settings as far as they can be read, as if wrong keys were not given. What is wrong
    /// goes to `errors`.
    fn read(
        flags: &Layer,
        environment: &dyn Fn(&str) -> Option<String>,
        path: &Path,
        text: Option<&str>,
        errors: &mut Vec<SettingError>,
    ) -> Option<Self> {
        let file = File::parse(path, text.unwrap_or_default())
            .map_err(|SettingErrors(wrong)| errors.extend(wrong))
            .ok()?;
        let keys = host_keys()
            .map_err(|error| errors.push(SettingError::new("host.toml", error.to_string())))
            .ok()?;
        errors.extend(unknown_names(&file, keys));
        let layers = Layers {
            table: "",
            flags: Some(flags),
            environment,
            variables: "FRAMEMILL_".to_owned(),
            file: Some(&file.top),
            path: &file.path,
        };
        let given = layers.read(keys, errors);
        let mut host = HostReader {
            keys,
            given: &given,
            errors: Vec::new(),
        };
        let table = warehouse_table()
            .map_err(|error| errors.push(SettingError::new("warehouse.toml", error.to_string())))
            .ok()?;
        let (warehouse, of_warehouse) = WarehouseSettings::read(table, environment, &file, errors);
        let limits = host.limits();
        let memory_budget = host.memory_budget(&limits);
        let data = host.text("data").unwrap_or_default();
        let store = host.text("store").unwrap_or_else(|| data.clone());
        let store = host.parsed("store", || StoreAddress::parse(&store));
        let source = host.text("source");
        let place = store.and_then(|store| {
            let source =
                host.parsed("source", || SourceAddress::parse(source.as_deref(), &store))?;
            Some((store, source))
        });
        let small_cloud = host.text("limits").is_some();
        errors.append(&mut host.errors);
        let (store, source) = place?;
        let reader = Reader {
            flags,
            environment,
            file: &file,
            store: &store,
            source: &source,
            host_defaults: &|key| {
                (small_cloud && key == "segment_budget").then(|| AKAMAI_BUDGET.to_owned())
            },
        };
        let mut functions = reader.builtins(errors);
        for own in &file.pipelines {
            match reader.pipeline(own) {
                Ok(function) => functions.push(function),
                Err(error) => errors.push(error),
            }
        }
        let push = push(&host)
            .map_err(|error| errors.push(error))
            .unwrap_or(Push::Unconfigured);
        let config = extraction_config(&functions)
            .map_err(|error| errors.push(error))
            .ok()?;
        errors.extend(warehouse.check(&of_warehouse, &store, &config));
        Some(Self {
            data: PathBuf::from(data),
            workers: host
                .number("workers")
                .map_or_else(cores, |count| count as usize),
            limits,
            memory_budget,
            drain: host.time("drain").unwrap_or_default(),
            max_attempts: host.number("max_attempts").unwrap_or_default() as u32,
            stable_for: host.time("stable_for").unwrap_or_default(),
            follow_links: host.values().boolean("follow_links").unwrap_or_default(),
            dead_letters: host.text("dead_letters"),
            prefetch: host.number("prefetch").unwrap_or_default() as usize,
            sweep_every: host.time("sweep_every"),
            sweep_age: host.time("sweep_age").unwrap_or_default(),
            listen: host.text("listen").and_then(|text| text.parse().ok()),
            console: ConsoleSettings {
                token_file: host.text("console_token_file").map(PathBuf::from),
                identity_header: host.text("console_identity_header"),
            },
            push,
            store,
            source,
            functions,
            warehouse,
            unknown_variables: Vec::new(),
            config,
        })
    }

    /// As [`Settings::new`], from this process's environment and the file at `path`, or
    /// `framemill.toml` in the current folder where there is one.
    ///
    /// # Errors
    /// As [`Settings::new`], and where a named file cannot be read.
    pub fn load(flags: &Layer, path: Option<&Path>) -> Result<Self, SettingErrors> {
        let (settings, errors) = Self::load_all(flags, path);
        for variable in settings.iter().flat_map(|it| &it.unknown_variables) {
            tracing::warn!("{variable}");
        }
        faultless(settings, errors)
    }

    /// As [`Settings::load`], but goes on after an error as if its key were not given: the settings
    /// that are left, where there are any, and all that is wrong.
    pub fn load_all(flags: &Layer, path: Option<&Path>) -> (Option<Self>, Vec<SettingError>) {
        let (path, text) = match file::text(path) {
            Ok(found) => found,
            Err(SettingErrors(errors)) => return (None, errors),
        };
        let environment = |name: &str| std::env::var(name).ok();
        let mut errors = Vec::new();
        let mut settings = Self::read(flags, &environment, &path, text.as_deref(), &mut errors);
        if let Some(settings) = &mut settings {
            let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
            let functions = settings.functions.iter();
            let secrets = functions.flat_map(FunctionSettings::secret_variables);
            settings.unknown_variables = unknown(names, secrets);
        }
        (settings, errors)
    }

    /// The extraction.
    ///
    /// # Errors
    /// Where it is not among the functions.
    pub fn extraction(&self) -> Result<&FunctionSettings, SettingError> {
        let found = extraction(&self.functions);
        found.ok_or_else(|| SettingError::new(EXTRACTION, "is not configured"))
    }

    /// Memory that sandboxes share, where it is counted: one for all of this process.
    pub fn sandbox_memory(&self) -> Option<MemoryBudget> {
        let sandbox = self.limits.memory;
        self.memory_budget
            .map(|bytes| MemoryBudget::new(bytes, sandbox))
    }

    /// What is wrong where a machine with `machine` bytes of memory has not what sandboxes may take.
    pub fn memory_shortage(&self, machine: Option<u64>) -> Option<String> {
        let budget = self.sandbox_memory()?;
        let there = machine.filter(|there| *there < budget.bytes())?;
        Some(format!(
            "{}, and this machine or container has {} MiB",
            sandboxes(&budget, self.limits.memory),
            there >> 20
        ))
    }

    /// Folder of the embedded queue: the bucket, where that is one.
    pub fn data_folder(&self) -> &Path {
        match &self.store {
            StoreAddress::Folder(folder) => folder,
            _ => &self.data,
        }
    }

    /// Which names are no uploads: where the folder is watched, those that the watcher skips.
    pub fn skipped(&self) -> fn(&str) -> bool {
        match self.source {
            SourceAddress::Folder => framemill_sources::is_unfinished,
            _ => |_| false,
        }
    }
}

/// The settings where nothing is wrong.
fn faultless(
    settings: Option<Settings>,
    errors: Vec<SettingError>,
) -> Result<Settings, SettingErrors> {
    settings
        .filter(|_| errors.is_empty())
        .ok_or(SettingErrors(errors))
}

/// Whose pushes are taken, by the rules that components have where they stand alone.
fn push(host: &HostReader<'_>) -> Result<Push, SettingError> {
    let ours = |name: &str| host.keys.iter().any(|key| key.name == name);
    let platform = Platform::from_lookup(|name| ours(name).then(|| host.text(name)).flatten());
    match platform {
        Ok(Platform::Standalone { push, .. }) => Ok(push),
        Ok(Platform::Framemill) => Ok(Push::Unconfigured),
        Err(error) => Err(host.given.error("", &error.key, error.reason)),
    }
}

/// The extraction, whose videos the commands of a person are about.
fn extraction(functions: &[FunctionSettings]) -> Option<&FunctionSettings> {
    functions.iter().find(|it| it.function.name == EXTRACTION)
}

/// The extraction's configuration as types.
fn extraction_config(functions: &[FunctionSettings]) -> Result<Config, SettingError> {
    let given = |name: &str| extraction(functions)?.variables.get(name).cloned();
    Config::from_lookup(given).map_err(|error| SettingError::new(error.key, error.reason))
}

/// Names at the top of the file that are neither keys nor tables of functions.
fn unknown_names(file: &File, keys: &[Key]) -> Vec<SettingError> {
    let tables: Vec<&str> = crate::functions::builtins()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|(spec, _)| spec.table.as_str())
        .chain(host_tables().map(|table| table.name))
        .collect();
    let keys_known = keys.iter().map(|key| key.name.clone());
    let tables_known = tables.iter().map(|table| format!("[{table}]"));
    let lists = ["[[pipeline]]".to_owned()];
    let all: Vec<String> = keys_known.chain(tables_known).chain(lists).collect();
    let unknown = |name: &str, line: usize| {
        file.error(
            name,
            line,
            format!("is unknown: choose from {}", all.join(", ")),
        )
    };
    let top = file.top.iter().filter_map(|(name, (_, line))| {
        if tables.contains(&name.as_str()) {
            return Some(file.error(name, *line, format!("is a table: [{name}]")));
        }
        let known = keys.iter().any(|key| key.name == *name);
        (!known).then(|| unknown(name, *line))
    });
    let others = file.tables.iter().filter_map(|(name, keys)| {
        let line = keys.values().map(|(_, line)| *line).min().unwrap_or(1);
        (!tables.contains(&name.as_str())).then(|| unknown(name, line))
    });
    let of_tables = host_tables().flat_map(|table| unknown_in(file, table));
    top.chain(others).chain(of_tables).collect()
}

/// Names in a table of the host's that are none of its keys.
fn unknown_in(file: &File, table: &HostTable) -> Vec<SettingError> {
    let names: Vec<&str> = table.keys.iter().map(|key| key.name.as_str()).collect();
    let given = file.tables.get(table.name).into_iter().flatten();
    let unknown = given.filter(|(name, _)| !names.contains(&name.as_str()));
    let reason = format!("is unknown: choose from {}", names.join(", "));
    unknown
        .map(|(name, (_, line))| file.error(&named(table.name, name), *line, reason.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_memory_is_left_for_the_host() {
        assert_eq!(standard_budget(10 << 30, 512 << 20), 8 << 30);
        assert_eq!(standard_budget(1 << 30, 512 << 20), 1 << 30);
    }
}
