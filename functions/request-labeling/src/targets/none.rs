//! Stands where no target is configured.

use framemill_component_sdk::labeling::{Target, TargetError};
use framemill_contract::{LabelBatch, SentBatch};
use std::collections::HashMap;

/// Is never asked: without a target the flow sends nothing, and says so.
pub(super) struct NoTarget;

impl Target for NoTarget {
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(&self, _batch: &LabelBatch, _until: u64) -> Result<SentBatch, TargetError> {
        Err(TargetError::transient("no target is configured".to_owned()))
    }
}
