//! What changed, as server-sent events.

use crate::site::Site;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use futures::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Time between two looks at the bucket while someone listens.
const EVERY: Duration = Duration::from_secs(2);

/// Says `changed` whenever something in the bucket is another, until the listener closes. Where too many
/// listen already, 503: connections are shared with probes and messages.
pub(crate) fn changes(site: Arc<Site>) -> Response {
    let Ok(place) = Arc::clone(&site.listeners).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (versions, closing) = (site.index.versions(), site.closing.clone());
    let state = (site, versions, place);
    let changes = unfold(state, |(site, mut versions, place)| async move {
        next(&site, &mut versions).await;
        // Browsers drop an event without data.
        let event = Event::default().event("changed").data("bucket");
        Some((Ok::<_, Infallible>(event), (site, versions, place)))
    });
    let changes = changes.take_until(closing.cancelled_owned());
    Sse::new(changes)
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Waits for a change. Looks are shared: that many listen costs no more than that one does.
async fn next(site: &Site, versions: &mut watch::Receiver<u64>) {
    loop {
        if let Err(error) = site.index.look_again().await {
            tracing::debug!("console: {error}");
        }
        tokio::select! {
            changed = versions.changed() => if changed.is_ok() { return },
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
