//! Images of frames: as they are, and small.

use crate::error::PageError;
use crate::index::VideoEntry;
use crate::site::Site;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use framemill_contract::{ImageFormat, Manifest};
use framemill_objects::{RangeSpec, StoreError};
use std::sync::Arc;

/// The address of an image has its checksum: what is behind it never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A frame of a manifest, and where its image is.
struct FrameImage {
    object: String,
    sha256: String,
}

impl Site {
    /// The image of a frame: only what a manifest lists is served.
    async fn frame_image(&self, video: &str, index: u64) -> Result<FrameImage, PageError> {
        let (listing, place) = self.index.video(video).await?;
        let entry: &VideoEntry = listing.videos.get(place).ok_or(PageError::Gone("video"))?;
        let manifest = self.index.manifest(entry).await?;
        let manifest: Arc<Manifest> = manifest.ok_or(PageError::Gone("manifest"))?;
        let frame = manifest.frames.iter().find(|frame| frame.index == index);
        let frame = frame.ok_or(PageError::Gone("frame"))?;
        Ok(FrameImage {
            object: format!(
                "{}{}",
                self.layout.images_in(&manifest.image_folder),
                frame.name
            ),
            sha256: frame.sha256.clone(),
        })
    }
}

/// The image of a frame as it is.
pub(crate) async fn full(site: &Site, video: &str, index: u64) -> Result<Response, PageError> {
    let image = site.frame_image(video, index).await?;
    let ending = image.object.rsplit_once('.').map_or("", |(_, it)| it);
    let format = ImageFormat::from_extension(ending)
        .ok_or_else(|| PageError::Image(format!("`{ending}` is no ending of an image")))?;
    let reading = match site.store.read(&image.object, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Err(PageError::Gone("image")),
        reading => reading?,
    };
    let length = HeaderValue::from(reading.meta.size);
    let mut response = Body::from_stream(reading.stream).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    headers.insert(CACHE_CONTROL, FOREVER);
    Ok(response)
}

/// The image of a frame, small.
pub(crate) async fn small(site: &Site, video: &str, index: u64) -> Result<Response, PageError> {
    let image = site.frame_image(video, index).await?;
    let bytes = site
        .thumbnails
        .get(site.store.as_ref(), &image.object, &image.sha256);
    let bytes = bytes.await?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(CACHE_CONTROL, FOREVER);
    Ok(response)
}
