//! How images are named, as configured.

use serde::{Deserialize, Serialize};

/// How images are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// `images/cam1/x.mp4/000030.jpg`.
    Index,
    /// `images/cam1/x/30.jpg`, as the Python sample.
    Sample,
}
