//! A case as it is written down.

use crate::documents::Declarations;
use crate::documents::root;
use crate::fake_gcs::{FakeGcs, Fault, On};
use framemill_function_spec::FunctionSpec;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name of its folder.
    #[serde(skip)]
    pub name: String,
    /// Its folder.
    #[serde(skip)]
    pub folder: PathBuf,
    /// One sentence: what is shown here.
    pub about: String,
    /// Name of a function, or `probe`.
    pub component: String,
    /// Whether it runs as a pipeline of framemill, which has checked the messages and adds
    /// credentials; Spin has no such case.
    #[serde(default)]
    pub trusted: bool,
    /// Whether bodies may be larger than a small cloud allows.
    #[serde(default)]
    pub large_bodies: bool,
    /// Variables of the application, on top of the manifest's and [`super::harness::USUAL`].
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What the store does with requests.
    #[serde(default)]
    pub store: Demand,
    /// Objects before.
    #[serde(default)]
    pub before: BTreeMap<String, Content>,
    /// Objects that must be there afterwards, besides those below `after/`: large ones.
    #[serde(default)]
    pub after: BTreeMap<String, Content>,
    /// What is sent, in order.
    pub request: Vec<Step>,
    /// What the labeling system must have got, in order.
    #[serde(default)]
    pub received: Vec<Received>,
}

/// What the store does with requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Requests must carry this bearer token.
    pub token: Option<String>,
    /// Requests must carry no credentials.
    #[serde(default)]
    pub no_credentials: bool,
    /// What goes wrong, each once.
    #[serde(default)]
    pub fault: Vec<StoreFault>,
}

impl Demand {
    /// Has the store do wrong as the case says.
    pub fn prepare(&self, gcs: &FakeGcs) {
        for fault in &self.fault {
            let (on, made) = fault.fault();
            for _ in 0..fault.times {
                gcs.fault(on, made.clone());
            }
        }
    }
}

/// A status that one request is answered with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFault {
    /// `read`, `head`, `list`, `upload` or `delete`.
    pub on: String,
    /// The status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// How many requests.
    pub times: usize,
}

impl StoreFault {
    /// As the store takes it.
    fn fault(&self) -> (On, Fault) {
        let on = match self.on.as_str() {
            "read" => On::Read,
            "head" => On::Head,
            "list" => On::List,
            "upload" => On::Upload,
            "delete" => On::Delete,
            other => panic!("no kind of request: {other}"),
        };
        (on, Fault::Status(self.status, self.retry_after))
    }
}

/// Bytes of an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// A file of `tests/clips`.
    clip: Option<String>,
    /// A file of the case's folder.
    file: Option<String>,
    /// Text.
    text: Option<String>,
    /// This many bytes of a pattern.
    pattern: Option<usize>,
    /// Only the first so many.
    first: Option<usize>,
}

impl Content {
    /// The bytes; a case that says none or two things fails.
    pub fn bytes(&self, folder: &Path) -> Vec<u8> {
        let mut bytes = match (&self.clip, &self.file, &self.text, self.pattern) {
            (Some(name), None, None, None) => read(&root().join("tests/clips").join(name)),
            (None, Some(name), None, None) => read(&folder.join(name)),
            (None, None, Some(text), None) => text.clone().into_bytes(),
            (None, None, None, Some(size)) => pattern(size),
            _ => panic!(
                "{}: an object has one of clip, file, text, pattern",
                folder.display()
            ),
        };
        bytes.truncate(self.first.unwrap_or(usize::MAX));
        bytes
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Byte `i` is `i mod 251`: shifts and swaps of blocks show.
pub fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// A request and what must be answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `POST` where nothing is said.
    pub method: Option<String>,
    /// The component's route where nothing is said.
    pub path: Option<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The push message that this object was written, as its body.
    pub event: Option<String>,
    /// With `event`: of another bucket.
    pub bucket: Option<String>,
    /// Its body.
    pub body: Option<String>,
    /// A file of the case's folder, as its body.
    pub body_file: Option<String>,
    /// Answers `continued` are followed by the event of their checkpoint until another answer comes,
    /// which is the one that is looked at; there must be one at least.
    #[serde(default)]
    pub follow_checkpoint: bool,
    /// What must be answered.
    pub expect: Expect,
}

impl Step {
    /// The same with the event of another object.
    pub fn with_event(&self, object: &str) -> Self {
        Self {
            event: Some(object.to_owned()),
            ..self.clone()
        }
    }
}

/// What must be answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Status.
    pub status: u16,
    /// Headers, by lower-case name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the body must hold as JSON; it may hold more.
    pub json: Option<toml::Value>,
    /// What the body must contain.
    pub text: Option<String>,
    /// What the body must not contain.
    pub without: Option<String>,
}

/// A request that the labeling system must have got.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Key of its signature.
    pub signed_with: Option<String>,
    /// What it must hold as JSON; it may hold more.
    pub json: toml::Value,
}

impl Case {
    /// Reads the case of a folder.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join("case.toml");
        let wrong = |why: String| format!("{}: {why}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let mut case: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let name = folder.file_name().unwrap_or_default();
        case.name = name.to_string_lossy().into_owned();
        case.folder = folder.to_owned();
        if case.request.is_empty() {
            return Err(wrong("has no request".to_owned()));
        }
        if case.component != PROBE && function(&case.component).is_none() {
            return Err(wrong(format!(
                "`{}` is no component of ours",
                case.component
            )));
        }
        Ok(case)
    }

    /// The manifest that its component is in.
    pub fn manifest(&self) -> PathBuf {
        match self.component.as_str() {
            PROBE => root().join("tests/spin-probe.toml"),
            _ => root().join("spin.toml"),
        }
    }

    /// Where its component is reached.
    pub fn route(&self) -> String {
        let route = function(&self.component).and_then(|spec| spec.route);
        route.map_or_else(
            || "/".to_owned(),
            |route| route.trim_end_matches("...").to_owned(),
        )
    }
}

/// The component that misbehaves on request.
const PROBE: &str = "probe";

/// The function whose component has this name.
fn function(component: &str) -> Option<FunctionSpec> {
    let mut functions = Declarations::read().functions.into_iter();
    functions.find(|spec| spec.component == component)
}

/// All cases below a folder, by name.
///
/// # Errors
/// Where one cannot be read, or there are none.
pub fn cases(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    if folders.is_empty() {
        return Err(format!("there are no cases: {}", folder.display()));
    }
    folders.iter().map(|folder| Case::read(folder)).collect()
}
