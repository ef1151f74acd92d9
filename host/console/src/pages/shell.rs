//! What is around every page.

use crate::error::PageError;
use crate::site::Site;
use crate::url::{ROOT, page};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

/// Places of the navigation: address and name.
const PLACES: [(&str, &str); 3] = [
    ("", "Overview"),
    ("videos", "Videos"),
    ("datasets", "Datasets"),
];

/// A page at one of the places.
pub(crate) fn at(site: &Site, place: &str, title: &str, body: &Markup) -> Response {
    let navigation = html! {
        nav aria-label="Console" {
            @for (path, name) in PLACES {
                a href=(page(path, &[])) aria-current=[(path == place).then_some("page")] { (name) }
            }
        }
        span.bucket title="The bucket" { (site.bucket) }
    };
    whole(title, &navigation, body, true)
}

/// A page without navigation.
pub(crate) fn plain(title: &str, body: &Markup) -> Response {
    whole(title, &html! {}, body, false)
}

/// A page that says why there is none.
pub(crate) fn failed(site: &Site, error: &PageError) -> Response {
    let status = error.status();
    if status.is_server_error() {
        tracing::warn!("console: {error}");
    }
    let body = html! {
        h1 { (if status == StatusCode::NOT_FOUND { "Not here" } else { "No page" }) }
        p.alert role="alert" { (error) }
        p { a href=(page("", &[])) { "To the overview" } }
    };
    let mut response = at(site, "-", "No page", &body);
    *response.status_mut() = status;
    response
}

fn whole(title: &str, navigation: &Markup, body: &Markup, live: bool) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · framemill" }
                link rel="stylesheet" href={ (ROOT) "/assets/console.css" };
                link rel="icon" href={ (ROOT) "/assets/icon.svg" } type="image/svg+xml";
                script type="module" src={ (ROOT) "/assets/console.js" } {}
            }
            body data-live=[live.then_some("")] {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.mark href=(page("", &[])) { "framemill" }
                    (navigation)
                }
                main #main tabindex="-1" { (body) }
                p #status role="status" aria-live="polite" {}
            }
        }
    };
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        page.into_string(),
    )
        .into_response()
}
