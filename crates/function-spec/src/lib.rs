//! What a function is, as data: `function.toml`.
//!
//! A function is a component and the facts that a host needs to run it: what starts it, what it
//! may read and write, whom it may reach with which credential, which configuration keys it has,
//! and where its records lie. framemill's own functions and those of a user are described alike,
//! and the host knows of functions only what stands there. Pure: no I/O, no clock, no environment.
//!
//! ```text
//! function.toml ─▶ FunctionSpec ─┬─▶ Key      flags, environment, tables, schema, Spin's variables
//!                                ├─▶ Values   what was given, checked by type ─▶ a component's configuration
//!                                └─▶ Function trigger, access, hosts, records with all keys filled in
//! ```
//!
//! ```
//! use framemill_function_spec::{Function, FunctionSpec, Records};
//!
//! let spec = FunctionSpec::parse(
//!     r#"
//!     name = "count-frames"
//!     component = "count-frames"
//!     read = ["{manifest_path}"]
//!     write = ["counts/"]
//!
//!     [trigger]
//!     prefix = "{manifest_path}"
//!     suffix = ".json"
//!
//!     [records]
//!     done = "counts/{stem}.json"
//!     failure = "failures/{stem}.json"
//!
//!     [[key]]
//!     name = "manifest_path"
//!     type = "prefix"
//!     default = "manifests/"
//!     doc = "prefix of the manifests"
//!     "#,
//! )
//! .unwrap();
//! let function = Function::new(&spec, |_key| None); // all defaults
//! let trigger = &function.trigger;
//! let stem = trigger.stem("manifests/cam1/x.mp4.json").unwrap();
//! let records = function.records.as_ref().unwrap();
//! assert_eq!(Records::name(&records.done, stem), "counts/cam1/x.mp4.json");
//! assert_eq!(trigger.stem("images/cam1/x.mp4/000000.jpg"), None);
//! ```

mod bytesize;
mod error;
mod function;
mod interval;
mod key;
mod own_names;
mod spec;
mod template;
mod url;
mod values;

pub use bytesize::ByteSize;
pub use error::{ConfigError, SpecError};
pub use function::{AllowedUrl, Function, Records, Trigger};
pub use interval::Interval;
pub use key::{Key, KeyType};
pub use own_names::OwnNames;
pub use spec::{
    CredentialKind, CredentialMethod, CredentialSpec, FunctionSpec, HostSpec, Keys, RecordSpec,
    SecretSpec, TriggerSpec,
};
pub use url::{canonical_url, is_origin};
pub use values::Values;
