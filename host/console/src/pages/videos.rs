//! The videos of the bucket.

use super::numbers::{bytes, count, time};
use super::paging::Paging;
use super::shell;
use crate::error::PageError;
use crate::index::{VideoEntry, VideoState};
use crate::site::Site;
use crate::url;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

/// Videos of a page.
const SIZE: usize = 50;

/// Which videos, in which order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    /// In the name.
    q: String,
    /// Id of a [`VideoState`].
    state: String,
    /// Code of a failure.
    code: String,
    /// How the name starts: a folder.
    folder: String,
    /// `name`, else by time.
    sort: String,
    page: usize,
}

impl Filter {
    fn takes(&self, video: &VideoEntry) -> bool {
        let name = video.name.to_lowercase();
        let has_state = match self.state.as_str() {
            "" => true,
            "extracted" => video.manifest.is_some(),
            "asked" => !video.asked.is_empty(),
            "answered" => !video.answered.is_empty(),
            id => video.state().id() == id,
        };
        has_state
            && name.contains(&self.q.to_lowercase())
            && video.name.starts_with(&self.folder)
            && (self.code.is_empty() || video.failures.iter().any(|it| it.code == self.code))
    }

    fn address(&self, page: usize) -> String {
        let page = match page {
            1 => String::new(),
            page => page.to_string(),
        };
        url::page(
            "videos",
            &[
                ("q", &self.q),
                ("state", &self.state),
                ("code", &self.code),
                ("folder", &self.folder),
                ("sort", &self.sort),
                ("page", &page),
            ],
        )
    }
}

/// The page.
pub(crate) async fn videos(site: &Site, filter: &Filter) -> Result<Response, PageError> {
    let listing = site.index.listing().await?;
    let mut found: Vec<&VideoEntry> = listing
        .videos
        .iter()
        .filter(|it| filter.takes(it))
        .collect();
    if filter.sort != "name" {
        found.sort_by_key(|it| std::cmp::Reverse(it.updated_micros()));
    }
    let paging = Paging::new(filter.page, SIZE, found.len());
    let body = html! {
        h1 { "Videos" }
        (form(filter))
        @if found.is_empty() {
            p.empty { (if listing.videos.is_empty() { "No videos yet: upload one, and it appears here." } else { "No video fits." }) }
        } @else {
            (table(paging.of(&found)))
            (paging.links("videos", |page| filter.address(page)))
        }
    };
    Ok(shell::at(site, "videos", "Videos", &body))
}

fn form(filter: &Filter) -> Markup {
    let option = |value: &str, name: &str, chosen: &str| {
        html! { option value=(value) selected[value == chosen] { (name) } }
    };
    html! {
        form.filter method="get" action=(url::page("videos", &[])) role="search" {
            p { label for="q" { "Name" } input #q type="search" name="q" value=(filter.q) placeholder="part of the name"; }
            p { label for="folder" { "Folder" } input #folder name="folder" value=(filter.folder) placeholder="cam1/"; }
            p {
                label for="state" { "State" }
                select #state name="state" {
                    (option("", "any", &filter.state))
                    @for state in VideoState::ALL { (option(state.id(), &state.to_string(), &filter.state)) }
                }
            }
            p { label for="code" { "Failure" } input #code name="code" value=(filter.code) placeholder="code"; }
            p {
                label for="sort" { "Order" }
                select #sort name="sort" {
                    (option("", "newest first", &filter.sort))
                    (option("name", "by name", &filter.sort))
                }
            }
            p { button type="submit" { "Show" } }
        }
    }
}

fn table(videos: &[&VideoEntry]) -> Markup {
    html! {
        table #videos {
            thead { tr {
                th scope="col" { "Video" } th scope="col" { "State" }
                th.right scope="col" { "Answered" } th.right scope="col" { "Size" }
                th scope="col" { "Changed (UTC)" }
            } }
            tbody {
                @for video in videos {
                    tr {
                        th.wide scope="row" { a href=(url::video(&video.name)) { (video.name) } }
                        td { (state(video)) }
                        td.right { (count(video.answered_frames() as u64)) }
                        td.right { @if let Some(upload) = video.upload { (bytes(upload.size)) } }
                        td { (time(video.updated_micros())) }
                    }
                }
            }
        }
    }
}

/// How far a video is, and why not further.
pub(super) fn state(video: &VideoEntry) -> Markup {
    let state = video.state();
    html! {
        span class={ "state " (state.id()) } { (state) }
        @for failure in &video.failures { " " code { (failure.code) } }
    }
}
