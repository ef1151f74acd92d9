//! A function with all keys filled in: what the host runs.

use crate::OwnNames;
use crate::spec::{CredentialSpec, FunctionSpec, HostSpec, SCOPE, STEM, TriggerSpec};
use crate::template::expand;
use crate::url::canonical_url;
use crate::values::{Values, prefix};
use crate::{Key, KeyType};
use sha2::{Digest as _, Sha256};

/// A function as it is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Name.
    pub name: String,
    /// What starts it.
    pub trigger: Trigger,
    /// Prefixes that it may read.
    pub read: Vec<String>,
    /// Prefixes that it may write.
    pub write: Vec<String>,
    /// Names that it may write while it works on one object.
    pub own: Vec<OwnNames>,
    /// Whom it may reach.
    pub hosts: Vec<AllowedUrl>,
    /// Its records, where it has some.
    pub records: Option<Records>,
}

/// Which objects start a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// How names start.
    pub prefix: String,
    /// How names end, exactly.
    pub suffix: String,
    /// File name endings without dot, in lower case; empty takes all.
    pub extensions: Vec<String>,
    /// Prefixes whose objects start it too.
    pub continued_by: Vec<String>,
}

/// Whom a function may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedUrl {
    /// URL whose server may be reached.
    pub url: String,
    /// Whether it is a pattern, as in Spin's `allowed_outbound_hosts`.
    pub pattern: bool,
    /// The one path; `None` is all.
    pub path: Option<String>,
    /// What the host adds.
    pub credential: Option<CredentialSpec>,
    /// URL that a check asks for.
    pub probe: Option<String>,
    /// What to do where the probe answers 404.
    pub not_found: String,
}

/// Names of a function's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Before and after the stem: says that the work is done.
    pub done: (String, String),
    /// Says why it cannot be done.
    pub failure: (String, String),
    /// Says that someone is at it.
    pub claim: Option<(String, String)>,
    /// Whether the stem of a claim has no file name ending.
    pub claim_without_ending: bool,
}

impl Trigger {
    /// The stem of a name that starts the function: the name less prefix and suffix. `None` where
    /// it starts nothing.
    pub fn stem<'a>(&self, name: &'a str) -> Option<&'a str> {
        let below = name.strip_prefix(&self.prefix)?;
        let stem = below.strip_suffix(&self.suffix)?;
        // A marker of a folder is no object; all else is, `a//b` too.
        if stem.is_empty() || stem.ends_with('/') {
            return None;
        }
        if self.extensions.is_empty() {
            return Some(stem);
        }
        let file = stem.rsplit('/').next().unwrap_or(stem);
        let (before, extension) = file.rsplit_once('.')?;
        let extension = extension.to_ascii_lowercase();
        (!before.is_empty() && self.extensions.contains(&extension)).then_some(stem)
    }

    /// Whether an object of this name goes on with work that was begun.
    pub fn continues(&self, name: &str) -> bool {
        self.continued_by
            .iter()
            .any(|prefix| name.starts_with(prefix))
    }

    /// The stem of the object that work is about: of one that starts it, or of that which an
    /// object goes on with, whose name is followed by two more parts there.
    pub fn subject<'a>(&self, name: &'a str) -> Option<&'a str> {
        let begun = self
            .continued_by
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        match begun.and_then(|begun| begun.rsplit_once('/')) {
            Some((folder, _)) => folder.rsplit_once('/').map(|(stem, _)| stem),
            None => self.stem(name),
        }
    }

    /// Whether an object of this name starts the function, or goes on with its work.
    pub fn takes(&self, name: &str) -> bool {
        self.continues(name) || self.stem(name).is_some()
    }
}

impl Function {
    /// The function with what is `given` for its keys.
    pub fn new(spec: &FunctionSpec, given: impl Fn(&str) -> Option<String>) -> Self {
        let values = Values::new(&spec.keys, given);
        let value = |name: &str| value(spec, &values, name);
        let filled = |template: &String| expand(template, value);
        let records = spec.records.as_ref().map(|records| Records {
            done: around_stem(&records.done, value),
            failure: around_stem(&records.failure, value),
            claim: records
                .claim
                .as_ref()
                .map(|claim| around_stem(claim, value)),
            claim_without_ending: records
                .claim_without_ending
                .as_ref()
                .is_some_and(|when| values.fits(when)),
        });
        let without_ending = records.as_ref().is_some_and(|it| it.claim_without_ending);
        let own = |template: &String| OwnNames::parse(template, value, without_ending);
        Self {
            name: spec.name.clone(),
            trigger: trigger(&spec.trigger, &filled),
            read: spec.read.iter().map(filled).collect(),
            write: spec
                .write
                .iter()
                .filter(|template| own(template).is_none())
                .map(filled)
                .collect(),
            own: spec.write.iter().filter_map(own).collect(),
            hosts: spec
                .hosts
                .iter()
                .filter(|host| values.fits(&host.when))
                .map(|host| allowed(host, &filled))
                .collect(),
            records,
        }
    }
}

impl FunctionSpec {
    /// Names a configuration by the keys that make results differ (`scope` of the records).
    pub fn scope(&self, given: impl Fn(&str) -> Option<String>) -> String {
        value(self, &Values::new(&self.keys, given), SCOPE)
    }
}

impl Records {
    /// The name of a record.
    pub fn name((before, after): &(String, String), stem: &str) -> String {
        format!("{before}{stem}{after}")
    }
}

/// A key's value as it stands in names: prefixes end in `/`.
fn value<F: Fn(&str) -> Option<String>>(
    spec: &FunctionSpec,
    values: &Values<'_, F>,
    name: &str,
) -> String {
    if name == SCOPE {
        let keys = spec.records.iter().flat_map(|records| &records.scope);
        return scope(keys.map(|key| value(spec, values, key)).collect());
    }
    let text = values.text(name).unwrap_or_default();
    match spec.key(name).map(|key: &Key| key.kind) {
        Some(KeyType::Prefix) => prefix(&text),
        Some(KeyType::Url) => canonical_url(&text).trim_end_matches('/').to_owned(),
        _ => text,
    }
}

/// Names a configuration by what makes its results differ: the first value, and 8 digits of a
/// hash of all.
fn scope(values: Vec<String>) -> String {
    let hash = Sha256::digest(serde_json::to_vec(&values).unwrap_or_default());
    let digits = hash.get(..4).map(hex::encode).unwrap_or_default();
    let first = values.first().map_or("", String::as_str);
    format!("{first}-{digits}")
}

fn around_stem(template: &str, value: impl Fn(&str) -> String) -> (String, String) {
    let mark = format!("{{{STEM}}}");
    let (before, after) = template.split_once(&mark).unwrap_or((template, ""));
    (expand(before, &value), expand(after, &value))
}

fn trigger(spec: &TriggerSpec, filled: &impl Fn(&String) -> String) -> Trigger {
    let extensions = filled(&spec.extensions);
    let endings = extensions
        .split(',')
        .map(|ending| ending.trim().trim_start_matches('.').to_ascii_lowercase());
    Trigger {
        prefix: filled(&spec.prefix),
        suffix: filled(&spec.suffix),
        extensions: endings.filter(|ending| !ending.is_empty()).collect(),
        continued_by: spec.continued_by.iter().map(filled).collect(),
    }
}

fn allowed(spec: &HostSpec, filled: &impl Fn(&String) -> String) -> AllowedUrl {
    AllowedUrl {
        url: filled(&spec.url),
        pattern: spec.pattern,
        path: spec.path.as_ref().map(filled),
        credential: spec.credential.clone(),
        probe: spec.probe.as_ref().map(filled),
        not_found: spec.not_found.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "
name = 'ask'
component = 'ask'
read = ['{images}']
[trigger]
prefix = '{manifests}'
suffix = '.json'
[[host]]
when = { target = ['a', 'custom-*'] }
url = '{url}'
path = '/v1/{target}'
[records]
done = 'done/{scope}/{stem}/receipt.json'
failure = 'failed/{stem}.json'
scope = ['target', 'url']
[[key]]
name = 'manifests'
type = 'prefix'
default = 'manifests'
doc = ''
[[key]]
name = 'images'
type = 'prefix'
default = '/images/'
doc = ''
[[key]]
name = 'target'
doc = ''
[[key]]
name = 'url'
type = 'url'
default = 'https://h/'
doc = ''
";

    fn function(target: &str) -> Function {
        let spec = FunctionSpec::parse(SPEC).unwrap();
        Function::new(&spec, |name| (name == "target").then(|| target.to_owned()))
    }

    #[test]
    fn keys_are_filled_in() {
        let function = function("custom-x");
        assert_eq!(function.read, ["images/"]);
        let [host] = function.hosts.as_slice() else {
            panic!("one host: {:?}", function.hosts)
        };
        assert_eq!(
            (host.url.as_str(), host.path.as_deref()),
            ("https://h", Some("/v1/custom-x"))
        );
        let records = function.records.unwrap();
        let done = Records::name(&records.done, "cam/x.mp4");
        assert!(done.starts_with("done/custom-x-"), "{done}");
        assert!(done.ends_with("/cam/x.mp4/receipt.json"), "{done}");
        assert!(self::function("b").hosts.is_empty());
        let other = self::function("b").records.unwrap();
        assert_ne!(Records::name(&other.done, "cam/x.mp4"), done);
    }

    #[test]
    fn names_decide_what_starts_a_function() {
        let trigger = Trigger {
            prefix: "videos/".into(),
            suffix: String::new(),
            extensions: vec!["mp4".into()],
            continued_by: vec!["records/checkpoints/".into()],
        };
        for (name, stem) in [
            ("videos/cam1/x.mp4", Some("cam1/x.mp4")),
            ("videos/X.MP4", Some("X.MP4")),
            ("videos/x.txt", None),
            ("videos/.mp4", None),
            ("videos/a/", None),
            ("videos/a//x.mp4", Some("a//x.mp4")),
            ("images/x.mp4", None),
        ] {
            assert_eq!(trigger.stem(name), stem, "{name}");
        }
        assert!(trigger.takes("records/checkpoints/x.mp4/1.json"));
        for (name, subject) in [
            ("videos/cam1/x.mp4", Some("cam1/x.mp4")),
            (
                "records/checkpoints/cam1/x.mp4@5/5-ab/000001.json",
                Some("cam1/x.mp4@5"),
            ),
            ("records/checkpoints/1.json", None),
            ("images/x.mp4", None),
        ] {
            assert_eq!(trigger.subject(name), subject, "{name}");
        }
        let manifests = function("a").trigger;
        assert_eq!(manifests.stem("manifests/x.mp4@5.json"), Some("x.mp4@5"));
        assert_eq!(manifests.stem("manifests/x.mp4.txt"), None);
    }
}
