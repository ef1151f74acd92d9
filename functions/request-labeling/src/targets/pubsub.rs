//! A Pub/Sub topic, for systems in house: one message per batch.
//!
//! Pub/Sub delivers at least once, and a batch whose answer was lost is published again. Its
//! attribute `idempotencyKey` is the same each time: a subscriber that takes each key once gets
//! each frame once.

use super::body::body;
use base64::Engine as _;
use framemill_component_sdk::google::publish_url;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, Target, TargetError};
use framemill_contract::{LabelBatch, LabelConfig, LabelRequest, SentBatch};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// Largest request that Pub/Sub takes.
const LARGEST: usize = 10_000_000;

/// A topic.
pub(super) struct Pubsub<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

#[derive(Deserialize)]
struct Published {
    #[serde(rename = "messageIds")]
    ids: Vec<String>,
}

impl<'a, W: Web> Pubsub<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| format!("Bearer {}", token.reveal()));
        Self {
            api: Api::new(web, header, "topic"),
            config,
        }
    }
}

impl<W: Web> Target for Pubsub<'_, W> {
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let message = LabelRequest::from(batch);
        let data = base64::engine::general_purpose::STANDARD.encode(body(&message)?);
        let publish = body(&json!({"messages": [{
            "data": data,
            "attributes": {
                "schema": message.schema,
                "idempotencyKey": message.idempotency_key,
                "target": batch.target,
                "bucketId": batch.manifest.bucket,
                "manifest": batch.manifest.name,
                "batch": batch.batch.to_string(),
                "batches": batch.batches.to_string(),
            },
        }]}))?;
        if publish.len() > LARGEST {
            let message = format!(
                "batch of {} bytes, limit {LARGEST}: lower batch_size",
                publish.len()
            );
            return Err(TargetError::Refused {
                status: 413,
                message,
            });
        }
        let topic = self.config.topic.as_deref().unwrap_or_default();
        let url = publish_url(&self.config.target_url, topic);
        let request = HttpRequest::post(url, publish);
        let answer = self.api.mutate_idempotent(request, until).await?;
        // Published, whatever else it says.
        let ids = answer.json::<Published>().map(|published| published.ids);
        Ok(SentBatch {
            tasks: batch.frames.len() as u64,
            existing: 0,
            ids: ids.unwrap_or_default(),
        })
    }
}
