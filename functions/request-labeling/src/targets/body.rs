//! Bodies of requests.

use framemill_component_sdk::labeling::TargetError;
use serde::Serialize;

/// A value as JSON.
pub(super) fn body(value: &impl Serialize) -> Result<Vec<u8>, TargetError> {
    serde_json::to_vec(value).map_err(|error| TargetError::transient(error.to_string()))
}
