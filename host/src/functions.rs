//! The functions that framemill brings: one line each. All that the host knows of a function
//! stands in its declaration; see `docs/contributing.md` for how to add one.

use framemill_contract::{CollectConfig, Config, ConfigError, LabelConfig, TargetKind};
use framemill_function_spec::{FunctionSpec, SpecError};
use std::sync::LazyLock;

/// Checks what the types of the keys alone do not tell: keys that contradict or need each other.
type Check = fn(&dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError>;

/// A function that framemill brings.
pub struct Builtin {
    declaration: &'static str,
    /// Checks a whole configuration.
    pub check: Check,
}

/// The function in this folder of `functions/`.
macro_rules! builtin {
    ($folder:literal, $check:expr) => {
        Builtin {
            declaration: include_str!(concat!("../../functions/", $folder, "/function.toml")),
            check: $check,
        }
    };
}

/// The functions, in the order in which they are documented.
const BUILTINS: &[Builtin] = &[
    builtin!("extract-frames", |given| Config::from_lookup(given)
        .map(drop)),
    builtin!("request-labeling", |given| LabelConfig::from_lookup(given)
        .map(drop)),
    builtin!("collect-annotations", check_collection),
];

/// Answers can be read of some targets only.
fn check_collection(given: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    let config = CollectConfig::from_lookup(given)?;
    let target = config.labeling.target.as_ref();
    if given("sync_every").is_some() && !target.is_some_and(TargetKind::is_read) {
        let name = target.map_or("", TargetKind::name);
        let reason = format!(
            "annotations are read of labeling.target = label-studio, cvat, scale or webhook, not of `{name}`: remove the table [annotations], or change the target"
        );
        return Err(ConfigError::new("sync_every", reason));
    }
    Ok(())
}

type Parsed = Vec<(FunctionSpec, &'static Builtin)>;

static PARSED: LazyLock<Result<Parsed, SpecError>> = LazyLock::new(|| {
    let parsed = |builtin: &'static Builtin| {
        FunctionSpec::parse(builtin.declaration).map(|spec| (spec, builtin))
    };
    BUILTINS.iter().map(parsed).collect()
});

/// The functions that framemill brings, with their checks.
///
/// # Errors
/// Where a declaration is none, which the tests would have shown.
pub fn builtins() -> Result<&'static Parsed, &'static SpecError> {
    PARSED.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_valid_and_defaults_pass_the_checks() {
        for (spec, builtin) in builtins().unwrap() {
            (builtin.check)(&|_| None).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
            let other = |from: &String| {
                let mut all = builtins().unwrap().iter();
                all.any(|(there, _)| there.name == *from)
            };
            assert!(
                spec.keys
                    .iter()
                    .filter_map(|key| key.from.as_ref())
                    .all(other)
            );
        }
    }
}
