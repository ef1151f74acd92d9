//! Flags that several commands have.

use crate::app::Components;
use crate::config::Layer;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use framemill_contract::KEYS;
use std::path::PathBuf;

/// Keys that are no flags: the host answers or sets them.
const NO_FLAGS: &[&str] = &["bucket", "objects_url", "segments_url", "component_sha256"];

/// The component's keys as flags: `--every 2s`, `--max-side 640`, … Generated from the
/// contract's table.
#[derive(Clone, Debug, Default)]
pub struct SelectionOptions(pub Layer);

fn flags() -> impl Iterator<Item = Arg> {
    KEYS.iter()
        .filter(|key| !NO_FLAGS.contains(&key.name))
        .map(|key| {
            let help = match key.default {
                "" => key.doc.to_owned(),
                long if long.len() > 40 => key.doc.to_owned(),
                default => format!("{} [default: {default}]", key.doc),
            };
            let arg = Arg::new(key.name)
                .long(key.name.replace('_', "-"))
                .help(help)
                .help_heading("Extraction");
            // Flags whose bare form says enough; a value needs `=` then, so that a file name
            // after it is not taken for one.
            match key.name {
                "keyframes" | "drop_blank" => bare(arg, "true"),
                _ => arg.value_name(value_name(key.name)),
            }
        })
}

fn bare(arg: Arg, meaning: &'static str) -> Arg {
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value(meaning)
        .value_name("VALUE")
}

fn value_name(key: &str) -> &'static str {
    match key {
        "every" | "snap_tolerance" => "TIME",
        "at" => "TIME,…",
        "video_path" | "image_path" | "manifest_path" | "record_path" => "PREFIX",
        "snap" | "format" | "naming" | "unspecified_matrix" => "NAME",
        "video_extensions" => "NAME,…",
        "segment_budget" => "TIME,SIZE",
        _ => "NUMBER",
    }
}

impl FromArgMatches for SelectionOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self::default();
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in KEYS.iter().filter(|key| !NO_FLAGS.contains(&key.name)) {
            if let Some(value) = matches.get_one::<String>(key.name) {
                self.0.insert(key.name.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}

impl Args for SelectionOptions {
    fn augment_args(command: Command) -> Command {
        command.args(flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Flags of all commands that run the component.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SharedOptions {
    /// Configuration file [default: framemill.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "FRAMEMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of the components [default: components, beside the executable or one folder up]
    #[arg(long, value_name = "DIR", env = "FRAMEMILL_COMPONENTS")]
    pub components: Option<PathBuf>,
    /// Compile the component anew instead of keeping compiled code in the user's cache folder
    #[arg(long)]
    pub no_cache: bool,
    /// What a small wasm cloud gives a request: `akamai` is 128 MiB memory, 30 s with all
    /// waiting, and 10 MiB for any body; long videos are then worked on over several requests
    #[arg(long, value_name = "NAME", conflicts_with_all = ["memory_limit", "time_limit"])]
    pub limits: Option<String>,
    /// Memory of one sandbox [default: 512MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<String>,
    /// Time that one sandbox may run; waiting does not count [default: 15m]
    #[arg(long, value_name = "TIME")]
    pub time_limit: Option<String>,
    /// Which frames, and how images are made
    #[command(flatten)]
    pub selection: SelectionOptions,
}

impl SharedOptions {
    /// All flags as one layer of configuration.
    pub fn layer(&self) -> Layer {
        let mut layer = self.selection.0.clone();
        for (name, value) in [
            ("limits", &self.limits),
            ("memory_limit", &self.memory_limit),
            ("time_limit", &self.time_limit),
        ] {
            if let Some(value) = value {
                layer.insert(name.to_owned(), value.clone());
            }
        }
        layer
    }

    /// Where components are found, and whether compiled code is kept.
    pub fn components(&self) -> Components {
        Components {
            folder: self.components.clone(),
            cache: !self.no_cache,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Probe {
        #[command(flatten)]
        shared: SharedOptions,
        videos: Vec<String>,
    }

    #[test]
    fn each_configurable_key_is_a_flag() {
        for key in KEYS.iter().filter(|key| !NO_FLAGS.contains(&key.name)) {
            let flag = format!("--{}=x", key.name.replace('_', "-"));
            let probe = Probe::try_parse_from(["framemill", &flag]).unwrap();
            assert_eq!(
                probe.shared.layer().get(key.name).map(String::as_str),
                Some("x")
            );
        }
    }

    #[test]
    fn bare_flags_take_no_file_for_their_value() {
        let probe = Probe::try_parse_from([
            "framemill",
            "--dedupe=on",
            "a.mp4",
            "--keyframes",
            "b.mp4",
            "--every",
            "2s",
        ])
        .unwrap();
        let layer = probe.shared.layer();
        let get = |name: &str| layer.get(name).map(String::as_str);
        assert_eq!(
            (get("dedupe"), get("keyframes")),
            (Some("on"), Some("true"))
        );
        assert_eq!(get("every"), Some("2s"));
        assert_eq!(probe.videos, ["a.mp4", "b.mp4"]);
    }
}
