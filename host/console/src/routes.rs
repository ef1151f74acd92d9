//! Which address is which page.

use crate::access::{Access, guard, login, login_page};
use crate::assets::asset;
use crate::bucket::Bucket;
use crate::error::PageError;
use crate::pages::{self, shell};
use crate::site::Site;
use crate::{events, pictures};
use axum::Router;
use axum::extract::{Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

type Shared = State<Arc<Site>>;

/// All pages, below `/console`, and `/` that leads there. Who waits for changes is let go at `closing`.
pub fn routes(bucket: Bucket, access: Access, closing: CancellationToken) -> Router {
    let site = Arc::new(Site::new(bucket, closing));
    let login = get(login_page).post(login).with_state(access.clone());
    Router::new()
        .route("/", get(async || Redirect::temporary("/console/")))
        .route("/console", get(async || Redirect::temporary("/console/")))
        .route("/console/", get(overview))
        .route("/console/videos", get(videos))
        .route("/console/video", get(video))
        .route("/console/frame", get(frame))
        .route("/console/datasets", get(datasets))
        .route("/console/dataset", get(dataset))
        .route("/console/download", get(download))
        .route("/console/image", get(image))
        .route("/console/thumbnail", get(thumbnail))
        .route("/console/events", get(changes))
        .route("/console/assets/{name}", get(asset))
        .with_state(site)
        .route("/console/login", login)
        .route_layer(from_fn_with_state(access, guard))
}

fn page(site: &Site, made: Result<Response, PageError>) -> Response {
    made.unwrap_or_else(|error| shell::failed(site, &error))
}

/// An image is no page: a status says what is wrong.
fn picture(made: Result<Response, PageError>) -> Response {
    made.unwrap_or_else(|error| {
        tracing::debug!("console: {error}");
        error.status().into_response()
    })
}

async fn overview(State(site): Shared) -> Response {
    page(&site, pages::overview(&site).await)
}

async fn videos(State(site): Shared, Query(query): Query<pages::VideosQuery>) -> Response {
    page(&site, pages::videos(&site, &query).await)
}

async fn video(State(site): Shared, Query(query): Query<pages::VideoQuery>) -> Response {
    page(&site, pages::video(&site, &query).await)
}

async fn frame(State(site): Shared, Query(query): Query<pages::FrameQuery>) -> Response {
    page(&site, pages::frame(&site, &query).await)
}

async fn datasets(State(site): Shared) -> Response {
    page(&site, pages::datasets(&site).await)
}

async fn dataset(State(site): Shared, Query(query): Query<pages::DatasetQuery>) -> Response {
    page(&site, pages::dataset(&site, &query).await)
}

async fn download(State(site): Shared, Query(query): Query<pages::DatasetQuery>) -> Response {
    page(&site, pages::download(&site, &query).await)
}

async fn image(State(site): Shared, Query(query): Query<pages::FrameQuery>) -> Response {
    picture(pictures::full(&site, &query.video, query.index).await)
}

async fn thumbnail(State(site): Shared, Query(query): Query<pages::FrameQuery>) -> Response {
    picture(pictures::small(&site, &query.video, query.index).await)
}

async fn changes(State(site): Shared) -> Response {
    events::changes(site)
}
