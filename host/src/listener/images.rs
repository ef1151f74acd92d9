//! Serves images over HTTP, for labeling tools that cannot read the bucket themselves
//! (`image_urls = "proxied"`).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use framemill_contract::ImageFormat;
use framemill_objects::{RangeSpec, Store, StoreError};
use std::sync::Arc;

/// What is served.
#[derive(Clone)]
pub struct Images {
    store: Arc<dyn Store>,
    bucket: String,
    prefix: String,
}

/// Media type by the name; `None` for what is no image: manifests and receipts are nobody's
/// business. What the store says of the type does not count: someone else may have set it.
fn media_type(name: &str) -> Option<&'static str> {
    // A file that its owner hides is not for the world.
    if name.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    let format = ImageFormat::from_extension(name.rsplit_once('.')?.1)?;
    Some(format.content_type())
}

impl Images {
    /// Of a bucket of this name, what lies below `prefix`, if it is an image. A link there serves no
    /// more than that, unless links are followed anywhere.
    pub fn new(
        store: Arc<dyn Store>,
        bucket: impl Into<String>,
        prefix: impl Into<String>,
    ) -> Self {
        let prefix = prefix.into();
        Self {
            store: store.with_links_within(&prefix).unwrap_or(store),
            bucket: bucket.into(),
            prefix,
        }
    }

    /// The image of this name, or 404.
    pub(super) async fn answer(&self, bucket: &str, name: &str) -> Response {
        let kind =
            media_type(name).filter(|_| bucket == self.bucket && name.starts_with(&self.prefix));
        let Some(kind) = kind else {
            return StatusCode::NOT_FOUND.into_response();
        };
        match self.store.read(name, None, RangeSpec::Whole).await {
            Ok(reading) => {
                let length = HeaderValue::from(reading.meta.size);
                let mut response = Body::from_stream(reading.stream).into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_LENGTH, length);
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                let as_said = HeaderValue::from_static("nosniff");
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, as_said);
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
}
