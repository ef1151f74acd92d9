//! Datasets: all snapshots, one of them, and its files.

use super::numbers::{count, time};
use super::shell;
use crate::error::PageError;
use crate::site::Site;
use crate::url;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use framemill_dataset::{Counts, DATASET_FILE, Diff, FRAMES_FILE, LABELS_FILE, Snapshot, Warning};
use framemill_dataset_host::{Address, load};
use framemill_objects::{RangeSpec, StoreError};
use maud::{Markup, html};
use serde::Deserialize;

/// Digits of a hash that are shown.
const DIGITS: usize = 12;
/// Files of a snapshot that can be had.
const FILES: [&str; 3] = [DATASET_FILE, FRAMES_FILE, LABELS_FILE];

/// Which snapshot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    /// `NAME@HASH`.
    name: String,
    /// Another one, with which it is compared.
    with: String,
    file: String,
}

/// The page of all.
pub(crate) async fn datasets(site: &Site) -> Result<Response, PageError> {
    let listing = site.index.listing().await?;
    let body = html! {
        h1 { "Datasets" }
        @if listing.datasets.is_empty() {
            p.empty { "None yet: " code { "framemill dataset build NAME" } " makes one." }
        } @else {
            table #datasets {
                thead { tr { th scope="col" { "Snapshot" } th scope="col" { "Written (UTC)" } } }
                tbody {
                    @for it in listing.datasets.iter().rev() {
                        tr {
                            th scope="row" { a href=(address(&it.name, &it.hash)) { (it.name) "@" (digits(&it.hash)) } }
                            td { (time(it.written_micros)) }
                        }
                    }
                }
            }
        }
    };
    Ok(shell::at(site, "datasets", "Datasets", &body))
}

/// The page of one.
pub(crate) async fn dataset(site: &Site, query: &Query) -> Result<Response, PageError> {
    let snapshot = snapshot(site, &query.name).await?;
    let meta = snapshot.meta();
    let diff = match query.with.as_str() {
        "" => None,
        other => Some(Diff::between(
            &self::snapshot(site, other).await?,
            &snapshot,
        )),
    };
    let listing = site.index.listing().await?;
    let others = listing
        .datasets
        .iter()
        .filter(|it| it.name == meta.name && it.hash != meta.hash);
    let title = format!("{}@{}", meta.name, digits(&meta.hash));
    let body = html! {
        nav.trail aria-label="Where" { a href=(url::page("datasets", &[])) { "Datasets" } }
        h1 { (title) }
        p { (count(meta.counts.frames)) " frames, " (count(meta.counts.shapes)) " shapes" }
        p.hint { code { (meta.hash) } }
        (warnings(&meta.warnings))
        (splits(&meta.counts))
        (labels(&meta.counts))
        section aria-labelledby="files" {
            h2 #files { "Files" }
            ul { @for file in FILES { li {
                a href=(url::page("download", &[("name", &query.name), ("file", file)])) download { (file) }
            } } }
            p.hint { "In the format of a trainer: " code { "framemill dataset export " (title) " --format coco -o DIR" } }
        }
        section aria-labelledby="changes" {
            h2 #changes { "Changes" }
            form.filter method="get" action=(url::page("dataset", &[])) {
                input type="hidden" name="name" value=(query.name);
                p { label for="with" { "Since" } select #with name="with" {
                    @for it in others {
                        @let value = format!("{}@{}", it.name, it.hash);
                        option value=(value) selected[value == query.with] { (digits(&it.hash)) " of " (time(it.written_micros)) }
                    }
                } }
                p { button type="submit" { "Compare" } }
            }
            @if let Some(diff) = &diff { pre { (diff) } }
        }
    };
    Ok(shell::at(site, "datasets", &title, &body))
}

/// A file of a snapshot.
pub(crate) async fn download(site: &Site, query: &Query) -> Result<Response, PageError> {
    let file = FILES.into_iter().find(|it| *it == query.file);
    let file = file.ok_or(PageError::Gone("file"))?;
    let address = Address::parse(&query.name)?;
    let hash = address.resolve(site.store.as_ref()).await?;
    let object = format!(
        "{}{}/{hash}/{file}",
        framemill_dataset_host::DATASETS,
        address.name
    );
    let reading = match site.store.read(&object, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Err(PageError::Gone("file")),
        reading => reading?,
    };
    let length = HeaderValue::from(reading.meta.size);
    let mut response = Body::from_stream(reading.stream).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

async fn snapshot(site: &Site, name: &str) -> Result<Snapshot, PageError> {
    let address = Address::parse(name)?;
    let store = site.store.as_ref();
    let hash = address.resolve(store).await?;
    Ok(load(store, &address.name, &hash).await?)
}

fn warnings(all: &[Warning]) -> Markup {
    html! {
        @for warning in all {
            section.alert {
                p { (count(warning.count)) ": " (warning.message) }
                ul { @for example in &warning.examples { li { code { (example) } } } }
            }
        }
    }
}

fn splits(counts: &Counts) -> Markup {
    html! {
        table {
            caption { "Splits" }
            thead { tr { th scope="col" { "Split" } th.right scope="col" { "Frames" } th.right scope="col" { "Shapes" } th.right scope="col" { "Groups" } } }
            tbody { @for it in &counts.splits { tr {
                th scope="row" { (it.name) }
                td.right { (count(it.frames)) } td.right { (count(it.shapes)) } td.right { (count(it.groups)) }
            } } }
        }
    }
}

fn labels(counts: &Counts) -> Markup {
    let most = counts
        .labels
        .iter()
        .map(|it| it.shapes)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        table {
            caption { "Labels" }
            thead { tr { th.right scope="col" { "Id" } th scope="col" { "Label" } th.right scope="col" { "Shapes" } th.right scope="col" { "Frames" } th scope="col" { "Share" } } }
            tbody { @for it in &counts.labels { tr {
                td.right { (it.id) } th scope="row" { (it.name) }
                td.right { (count(it.shapes)) } td.right { (count(it.frames)) }
                td { meter min="0" max=(most) value=(it.shapes) aria-label={ (it.name) ": " (it.shapes) " shapes" } {} }
            } } }
        }
    }
}

fn address(name: &str, hash: &str) -> String {
    url::page("dataset", &[("name", &format!("{name}@{hash}"))])
}

fn digits(hash: &str) -> &str {
    hash.get(..DIGITS).unwrap_or(hash)
}
