//! What pages are made of: a stylesheet, a script, an icon.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

/// Name, media type and content of each.
const ASSETS: [(&str, &str, &str); 3] = [
    (
        "console.css",
        "text/css; charset=utf-8",
        include_str!("console.css"),
    ),
    (
        "console.js",
        "text/javascript; charset=utf-8",
        include_str!("console.js"),
    ),
    ("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// `GET /console/assets/NAME`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(it, _, _)| *it == name) {
        // Another version of framemill has others.
        Some((_, kind, content)) => (
            [(CONTENT_TYPE, *kind), (CACHE_CONTROL, "no-cache")],
            *content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
