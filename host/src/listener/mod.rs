//! The HTTP listener: pushed messages, images, probes and metrics on one port.
//!
//! ```text
//! connections (limits) ─▶ routes ─┬▶ push: token ─▶ message ─▶ service ─▶ outcome
//!                                 ├▶ images: store
//!                                 └▶ health, metrics
//! ```

mod check;
mod connections;
mod health;
mod images;
mod push;
mod token;

pub use check::check;
pub use connections::{Limits, Listener};
pub use health::{Probes, Readiness};
pub use images::Images;
pub use token::PushAuthenticator;

use crate::service::Service;
use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// What the routes need.
pub struct Site {
    /// What is served below /images.
    pub images: Images,
    /// Whose pushed messages are taken.
    pub authenticator: PushAuthenticator,
    /// Whether work can be done.
    pub readiness: Readiness,
    /// What /metrics shows.
    pub metrics: Arc<Metrics>,
    /// Who works on pushed messages, once they are there.
    pub services: OnceLock<Vec<Arc<Service>>>,
    /// Largest request, and how long it may take.
    pub limits: Limits,
    /// From when on no message is taken any more.
    pub stop: CancellationToken,
}

impl Site {
    /// All routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/push", post(push::to_all))
            .route("/push/{pipeline}", post(push::to_one))
            .route("/images/{bucket}/{*name}", get(images::image))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    match site.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, Metrics::MEDIA_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!("metrics cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
