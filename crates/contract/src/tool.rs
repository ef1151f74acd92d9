//! Which framemill this is.

use serde::{Deserialize, Serialize};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What made a manifest, or a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tool {
    /// Version of framemill.
    pub version: String,
    /// Hash of the component, where the host tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_sha256: Option<String>,
}

impl Tool {
    /// This build, run as the component with this hash.
    pub fn new(component_sha256: Option<String>) -> Self {
        Self {
            version: VERSION.to_owned(),
            component_sha256,
        }
    }
}
