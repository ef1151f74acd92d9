//! An example of a component of your own: a labeling company that framemill does not know.
//!
//! Everything that keeps each frame to one task (lease, receipt, redelivery) is shared; a company
//! is one [`Target`]. This one has an API with an order per batch: `POST /orders` with a reference
//! that is taken once, and `GET /orders?video=` for what is there.

use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, Target, TargetError};
use framemill_contract::{LabelBatch, LabelConfig, SentBatch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The company's API.
pub struct CustomCompany<'a, W> {
    api: Api<'a, W>,
    url: &'a str,
}

#[derive(Deserialize)]
struct Orders {
    /// Frame key to order number.
    frames: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Order {
    number: String,
}

impl<'a, W: Web> CustomCompany<'a, W> {
    /// As configured. Under framemill the token is empty: the host adds it.
    pub fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| format!("Bearer {}", token.reveal()));
        Self {
            api: Api::new(web, header, "target_url"),
            url: &config.target_url,
        }
    }
}

impl<W: Web> Target for CustomCompany<'_, W> {
    async fn existing(&self, video: &str) -> Result<HashMap<String, String>, TargetError> {
        let url = format!("{}/orders?video={}", self.url, encoded(video));
        let orders: Orders = self.api.query(HttpRequest::get(url)).await?;
        Ok(orders.frames)
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let frame = |frame: &framemill_contract::LabelFrame| json!({"key": frame.key, "image": frame.image});
        let frames: Vec<Value> = batch.frames.iter().map(frame).collect();
        let order = json!({
            "reference": batch.idempotency_key(),
            "video": batch.video,
            "frames": frames,
        });
        let url = format!("{}/orders", self.url);
        let request = HttpRequest::post(url, order.to_string().into_bytes());
        let order: Order = self.api.mutate(request, until).await?.json()?;
        Ok(SentBatch {
            tasks: batch.frames.len() as u64,
            existing: 0,
            ids: vec![order.number],
        })
    }
}

/// The component's handler. The rest of this file is plain Rust, which runs in ordinary tests.
#[cfg(target_arch = "wasm32")]
mod handler {
    use super::CustomCompany;
    use framemill_component_sdk::labeling;
    use framemill_component_sdk::wasi::label;
    use spin_sdk::http::{IncomingRequest, Response};

    #[spin_sdk::http_component]
    async fn handle(request: IncomingRequest) -> Response {
        label(request, async |objects, web, config, event| {
            let company = CustomCompany::new(web, config);
            labeling::handle(objects, web, config, &company, event).await
        })
        .await
    }
}
