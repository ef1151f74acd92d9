//! Which path is answered by what.

use super::site::Site;
use super::{annotations, health, push};
use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

impl Site {
    /// All routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/push", post(push::to_all))
            .route("/push/{pipeline}", post(push::to_one))
            .route("/annotations/{target}", post(annotations::take))
            .route("/images/{bucket}/{*name}", get(image))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(ready))
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

/// `GET /images/BUCKET/NAME`.
async fn image(
    State(site): State<Arc<Site>>,
    Path((bucket, name)): Path<(String, String)>,
) -> Response {
    site.images.answer(&bucket, &name).await
}

/// `GET /readyz`: messages can be worked on, or what is in the way.
async fn ready(State(site): State<Arc<Site>>) -> Response {
    site.readiness.answer().await
}
