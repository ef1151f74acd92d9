//! Environment variables that look like keys and are none.

use super::keys::{host_keys, host_tables};
use crate::functions::builtins;
use framemill_function_spec::Key;
use std::collections::BTreeSet;
use std::fmt;

const START: &str = "FRAMEMILL_";
/// Those that are no keys.
const OF_COMMANDS: [&str; 4] = [
    "FRAMEMILL_COMPONENTS",
    "FRAMEMILL_CONFIG",
    super::console::TOKEN,
    "FRAMEMILL_LOG",
];

/// A variable that nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The one that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.nearest {
            Some(nearest) => write!(
                f,
                "environment variable {name} is unknown: {nearest} is near"
            ),
            None => write!(
                f,
                "environment variable {name} is unknown: remove it, or see docs/configuration.md"
            ),
        }
    }
}

/// Those of `there` that look like ours and are not, with the nearest that is. `secrets` are those
/// that the user has given a name.
pub(super) fn unknown<'s>(
    there: impl Iterator<Item = String>,
    secrets: impl Iterator<Item = &'s str>,
) -> Vec<UnknownVariable> {
    let mut known = known();
    known.extend(secrets.map(str::to_owned));
    let ours: Vec<String> = there.filter(|name| name.starts_with(START)).collect();
    let services: Vec<String> = ours
        .iter()
        .filter_map(|name| name.strip_suffix("_SERVICE_HOST").map(str::to_owned))
        .collect();
    let ours = ours.into_iter().filter(|name| {
        !known.contains(name.as_str()) && !services.iter().any(|it| is_of_service(name, it))
    });
    ours.map(|name| UnknownVariable {
        nearest: nearest(&name, &known),
        name,
    })
    .collect()
}

/// Whether Kubernetes tells a container of a service with this variable: it does so with each in its
/// namespace, one that is called `framemill` too.
fn is_of_service(name: &str, service: &str) -> bool {
    let rest = name.strip_prefix(service);
    rest.is_some_and(|rest| {
        rest == "_PORT" || rest.starts_with("_PORT_") || rest.starts_with("_SERVICE_")
    })
}

fn known() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OF_COMMANDS.map(str::to_owned).into();
    let settable = |key: &&Key| !key.internal && !key.secret && key.from.is_none();
    let of_host = host_keys().unwrap_or_default().iter().filter(settable);
    known.extend(of_host.map(|key| format!("{START}{}", key.name.to_ascii_uppercase())));
    for table in host_tables() {
        let keys = table.keys.iter().filter(settable);
        known.extend(keys.map(|key| table.variable(&key.name)));
    }
    for (spec, _) in builtins().map_or(&[][..], Vec::as_slice) {
        let keys = super::functions::with_common(spec);
        known.extend(
            keys.iter()
                .filter(settable)
                .map(|key| spec.variable(&key.name)),
        );
        let own = spec
            .hosts
            .iter()
            .filter_map(|host| host.credential.as_ref());
        known.extend(own.filter_map(|credential| credential.env.clone()));
        known.extend(
            spec.webhook_secret
                .as_ref()
                .map(|secret| secret.env.clone()),
        );
    }
    known
}

/// The known name that is a few slips away.
fn nearest(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let distance = |other: &&String| strsim::damerau_levenshtein(name, other);
    let nearest = known.iter().min_by_key(distance)?;
    let slips = distance(&nearest);
    (slips * 3 <= name.len() - START.len()).then(|| nearest.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_with_what_was_meant() {
        let there = [
            "FRAMEMILL_EVRY",
            "FRAMEMILL_LABELING_TAGRET",
            "FRAMEMILL_LABELING_TOKENS",
            "FRAMEMILL_SOMETHING_ELSE",
            // These are known, or not ours.
            "FRAMEMILL_EVERY",
            "FRAMEMILL_DATA",
            "FRAMEMILL_LOG",
            "FRAMEMILL_LABELING_TARGET",
            "FRAMEMILL_LABELING_TOKEN",
            "FRAMEMILL_LABELING_SOURCE",
            "PATH",
            "framemill_every",
        ];
        let found = unknown(there.into_iter().map(str::to_owned), std::iter::empty());
        let said: Vec<(&str, Option<&str>)> = found
            .iter()
            .map(|it| (it.name.as_str(), it.nearest.as_deref()))
            .collect();
        assert_eq!(
            said,
            [
                ("FRAMEMILL_EVRY", Some("FRAMEMILL_EVERY")),
                (
                    "FRAMEMILL_LABELING_TAGRET",
                    Some("FRAMEMILL_LABELING_TARGET")
                ),
                (
                    "FRAMEMILL_LABELING_TOKENS",
                    Some("FRAMEMILL_LABELING_TOKEN")
                ),
                ("FRAMEMILL_SOMETHING_ELSE", None),
            ]
        );
    }

    #[test]
    fn what_kubernetes_says_of_services_is_no_slip() {
        let said = |names: &[&str]| -> Vec<String> {
            let there = names.iter().map(|name| (*name).to_owned());
            let found = unknown(there, std::iter::empty());
            found.into_iter().map(|it| it.name).collect()
        };
        let service = [
            "FRAMEMILL_SERVICE_HOST",
            "FRAMEMILL_SERVICE_PORT",
            "FRAMEMILL_SERVICE_PORT_HTTP",
            "FRAMEMILL_PORT",
            "FRAMEMILL_PORT_80_TCP",
            "FRAMEMILL_PORT_80_TCP_PROTO",
            "FRAMEMILL_PORT_80_TCP_PORT",
            "FRAMEMILL_PORT_80_TCP_ADDR",
            "FRAMEMILL_METRICS_SERVICE_HOST",
            "FRAMEMILL_METRICS_PORT",
        ];
        assert_eq!(said(&service), [""; 0]);
        let with_slip = [&service[..], &["FRAMEMILL_EVRY", "FRAMEMILL_PORTS"]].concat();
        assert_eq!(said(&with_slip), ["FRAMEMILL_EVRY", "FRAMEMILL_PORTS"]);
        // Without a service it is somebody's mistake.
        assert_eq!(said(&["FRAMEMILL_PORT"]), ["FRAMEMILL_PORT"]);
    }
}
