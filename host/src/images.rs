//! Serves images over HTTP, for labeling tools that cannot read the bucket themselves
//! (`image_urls = "proxied"`).

use crate::objects::{RangeSpec, Store, StoreError};
use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What is served.
#[derive(Clone)]
pub struct Images {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Its name.
    pub bucket: String,
    /// Objects below it are served, if they are images.
    pub prefix: String,
}

impl Images {
    /// Serves `GET /BUCKET/NAME` on `address` until `stop`.
    ///
    /// # Errors
    /// Where the address cannot be had.
    pub async fn serve(self, address: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("configuration `serve_images`: nothing can be served on {address}")
        })?;
        tracing::info!("serving images on http://{}/", listener.local_addr()?);
        let router = Router::new()
            .route("/{bucket}/{*name}", get(image))
            .with_state(self);
        let end = async move { stop.cancelled().await };
        axum::serve(listener, router)
            .with_graceful_shutdown(end)
            .await
            .context("image server broke off")
    }
}

/// Whether it is an image by its name: manifests and receipts are nobody's business.
fn is_image(name: &str) -> bool {
    let endings = [".jpg", ".png", ".webp"];
    endings.iter().any(|ending| name.ends_with(ending))
}

async fn image(
    State(images): State<Images>,
    Path((bucket, name)): Path<(String, String)>,
) -> Response {
    if bucket != images.bucket || !name.starts_with(&images.prefix) || !is_image(&name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match images.store.read(&name, None, RangeSpec::Whole).await {
        Ok(reading) => {
            let length = HeaderValue::from(reading.meta.size);
            let kind = HeaderValue::from_str(&reading.meta.content_type);
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let mut response = Body::from_stream(reading.stream).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_LENGTH, length);
            headers.insert(header::CONTENT_TYPE, kind);
            // Labeling tools draw images on a canvas, from another origin.
            let anyone = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            headers.insert(header::CACHE_CONTROL, forever);
            response
        }
        Err(StoreError::NotFound { .. }) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(%error, "image cannot be served");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}
