//! request-labeling: a push message about a manifest in, labeling tasks out.
//!
//! ```text
//! POST /   Event → LabelJob → intent.json → batches → Label Studio · CVAT · Scale · webhook · Pub/Sub
//!                             receipt.json ◀────────┘
//! ```
//!
//! What keeps each frame to one task is [`framemill_component_sdk::labeling`]; here is how each
//! target is asked and told. `http.rs` binds it to `wasi:http` and is only compiled for wasm.

mod cvat;
mod label_studio;
mod pubsub;
mod scale;
mod webhook;

#[cfg(target_arch = "wasm32")]
mod http;

use framemill_component_sdk::http::Web;
use framemill_component_sdk::labeling::{self, LabelOutcome, Target, TargetError};
use framemill_component_sdk::store::Objects;
use framemill_contract::{ConfigError, Event, JobError, LabelConfig, TargetKind};
use std::collections::HashMap;

/// Handles one event with the target that is configured.
pub async fn handle<O: Objects, W: Web>(
    objects: &O,
    web: &W,
    config: &LabelConfig,
    event: &Event,
) -> LabelOutcome {
    use labeling::handle as run;
    match &config.target {
        Some(TargetKind::LabelStudio) => {
            let target = label_studio::LabelStudio::new(web, config);
            run(objects, web, config, &target, event).await
        }
        Some(TargetKind::Cvat) => {
            run(objects, web, config, &cvat::Cvat::new(web, config), event).await
        }
        Some(TargetKind::Scale) => {
            run(objects, web, config, &scale::Scale::new(web, config), event).await
        }
        Some(TargetKind::Webhook) => {
            run(
                objects,
                web,
                config,
                &webhook::Webhook::new(web, config),
                event,
            )
            .await
        }
        Some(TargetKind::Pubsub) => {
            run(
                objects,
                web,
                config,
                &pubsub::Pubsub::new(web, config),
                event,
            )
            .await
        }
        // Without a target nothing is sent: the flow says so.
        None => run(objects, web, config, &NoTarget, event).await,
        Some(TargetKind::Custom(name)) => {
            LabelOutcome::misconfigured(&JobError::Config(ConfigError {
                key: "target",
                reason: format!("`{name}` is asked by a component of your own, not by this one"),
            }))
        }
    }
}

/// Stands where no target is configured; is never asked.
struct NoTarget;

impl Target for NoTarget {
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(
        &self,
        _batch: &framemill_contract::LabelBatch,
        _until: u64,
    ) -> Result<framemill_contract::SentBatch, TargetError> {
        Err(TargetError::transient("no target is configured".to_owned()))
    }
}

/// A value as the body of a request.
fn body(value: &impl serde::Serialize) -> Result<Vec<u8>, TargetError> {
    serde_json::to_vec(value).map_err(|error| TargetError::transient(error.to_string()))
}
