//! Flags that several commands have.

use crate::app::Components;
use crate::config::{Layer, flags_of};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use framemill_function_spec::Key;
use std::marker::PhantomData;
use std::path::PathBuf;

/// A command, as declarations of keys name it.
pub trait Named {
    /// Its name.
    const NAME: &'static str;
}

/// The flags that a command has for configuration keys: `--every 2s`, `--max-side 640`, …
/// Generated from the declarations.
#[derive(Clone, Debug)]
pub struct KeyOptions<C> {
    /// What is given.
    pub layer: Layer,
    command: PhantomData<C>,
}

impl<C> Default for KeyOptions<C> {
    fn default() -> Self {
        Self {
            layer: Layer::new(),
            command: PhantomData,
        }
    }
}

fn flag(key: &'static Key, of_function: bool) -> Arg {
    let help = match key.default.as_str() {
        "" => key.doc.clone(),
        long if long.len() > 40 => key.doc.clone(),
        default => format!("{} [default: {default}]", key.doc),
    };
    let arg = Arg::new(key.name.as_str())
        .long(key.name.replace('_', "-"))
        .help(help)
        .help_heading(of_function.then_some("Extraction"))
        .value_name(key.kind.value_name());
    // Flags whose bare form says enough; a value needs `=` then, so that a file name after it is
    // not taken for one.
    match &key.bare {
        Some(meaning) => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(meaning.as_str()),
        // A value like `-1s` is refused by what the key allows, and not taken for a flag.
        None => arg.allow_hyphen_values(true).value_parser(no_flag),
    }
}

/// A value that is not the next flag: a hyphen starts a number at most.
fn no_flag(text: &str) -> Result<String, &'static str> {
    let after = text.strip_prefix('-').and_then(|rest| rest.chars().next());
    match after.is_some_and(|next| !next.is_ascii_digit() && next != '.') {
        true => Err("is the next flag, a value is missing"),
        false => Ok(text.to_owned()),
    }
}

impl<C: Named> FromArgMatches for KeyOptions<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self::default();
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (key, _) in flags_of(C::NAME) {
            if let Some(value) = matches.get_one::<String>(&key.name) {
                self.layer.insert(key.name.clone(), value.clone());
            }
        }
        Ok(())
    }
}

impl<C: Named> Args for KeyOptions<C> {
    fn augment_args(command: Command) -> Command {
        command.args(flags_of(C::NAME).map(|(key, of_function)| flag(key, of_function)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Flags of all commands that run a component.
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
}

impl SharedOptions {
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
    use crate::config::Settings;
    use clap::Parser as _;

    struct Extract;

    impl Named for Extract {
        const NAME: &'static str = "extract";
    }

    #[derive(clap::Parser)]
    struct Probe {
        #[command(flatten)]
        keys: KeyOptions<Extract>,
        videos: Vec<String>,
    }

    #[test]
    fn each_configurable_key_is_a_flag() {
        assert!(flags_of("extract").count() > 20);
        for (key, _) in flags_of("extract") {
            let flag = format!("--{}=x", key.name.replace('_', "-"));
            let probe = Probe::try_parse_from(["framemill", &flag]).unwrap();
            assert_eq!(
                probe.keys.layer.get(&key.name).map(String::as_str),
                Some("x")
            );
        }
    }

    #[test]
    fn values_with_a_hyphen_are_values() {
        let parse =
            |arguments: &[&str]| Probe::try_parse_from([&["framemill"], arguments].concat());
        let probe = parse(&["--every", "-1s", "a.mp4"]).ok().unwrap();
        let flags = probe.keys.layer;
        assert_eq!(flags.get("every").map(String::as_str), Some("-1s"));
        let refused = Settings::new(&flags, |_| None, None).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("`-1s` is ") && refused.contains("(flag --every)"),
            "{refused}"
        );
        for value in ["-.5s", "-"] {
            let probe = parse(&["--every", value]).ok().unwrap();
            assert_eq!(probe.keys.layer["every"], value);
        }
        for next in ["--count", "-q"] {
            let error = parse(&["--every", next]).err().unwrap().to_string();
            assert!(
                error.contains("--every") && error.contains("a value is missing"),
                "{next}: {error}"
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
        let layer = probe.keys.layer;
        let get = |name: &str| layer.get(name).map(String::as_str);
        assert_eq!(
            (get("dedupe"), get("keyframes")),
            (Some("on"), Some("true"))
        );
        assert_eq!(get("every"), Some("2s"));
        assert_eq!(probe.videos, ["a.mp4", "b.mp4"]);
    }
}
