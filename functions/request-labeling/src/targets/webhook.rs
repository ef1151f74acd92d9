//! Any HTTP endpoint: a batch as JSON, with an idempotency key and, where the host does not
//! sign, a signature.
//!
//! The endpoint cannot be asked what it has. A batch whose answer was lost is sent again, with
//! the same key: an endpoint that takes each `Idempotency-Key` once gets each frame once.

use super::body::body;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, Target, TargetError};
use framemill_contract::{LabelBatch, LabelConfig, LabelRequest, SentBatch, webhook_signature};
use std::collections::HashMap;

/// An endpoint.
pub(super) struct Webhook<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

impl<'a, W: Web> Webhook<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| format!("Bearer {}", token.reveal()));
        Self {
            api: Api::new(web, header, "target_url"),
            config,
        }
    }
}

impl<W: Web> Target for Webhook<'_, W> {
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let body = body(&LabelRequest::from(batch))?;
        let secret = self.config.webhook_secret.as_ref();
        let now = self.api.now();
        let signature = secret.map(|secret| webhook_signature(secret.reveal(), now, &body));
        let mut request = HttpRequest::post(self.config.target_url.clone(), body)
            .header("idempotency-key", batch.idempotency_key());
        if let Some(signature) = signature {
            request = request
                .header("x-framemill-timestamp", now.to_string())
                .header("x-framemill-signature", signature);
        }
        let frames = batch.frames.len() as u64;
        match self.api.mutate_idempotent(request, until).await {
            // The endpoint knows the key.
            Err(TargetError::Refused { status: 409, .. }) => Ok(SentBatch {
                existing: frames,
                ..SentBatch::default()
            }),
            answer => answer.map(|_| SentBatch {
                tasks: frames,
                ..SentBatch::default()
            }),
        }
    }
}
