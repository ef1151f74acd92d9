//! A video: what is in it, what came of it, and its frames.

use super::numbers::{bytes, clock, count, time};
use super::paging::Paging;
use super::shapes::overlay;
use super::timeline::timeline;
use super::{shell, videos};
use crate::error::PageError;
use crate::index::VideoEntry;
use crate::site::Site;
use crate::url;
use axum::response::Response;
use framemill_annotations::FrameAnnotation;
use framemill_contract::{KeptFrame, Manifest};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Frames of a page.
const SIZE: usize = 60;
/// Dropped frames that are listed.
const MOST_DROPPED: usize = 500;
/// Annotations that are read at the same time.
const AT_ONCE: usize = 16;

/// Which video, and which of its frames.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    name: String,
    page: usize,
}

/// A frame, and what is known of it.
struct Tile<'m> {
    frame: &'m KeptFrame,
    annotations: Vec<Arc<FrameAnnotation>>,
}

impl<'m> Tile<'m> {
    async fn read(site: &Site, video: &VideoEntry, frame: &'m KeptFrame) -> Self {
        Self {
            frame,
            annotations: site.index.annotations(video, frame.index).await,
        }
    }
}

/// The page.
pub(crate) async fn video(site: &Site, query: &Query) -> Result<Response, PageError> {
    let (listing, place) = site.index.video(&query.name).await?;
    let video = listing.videos.get(place).ok_or(PageError::Gone("video"))?;
    let manifest = site.index.manifest(video).await?;
    let frames = match &manifest {
        Some(manifest) => frames(site, video, manifest, query.page).await,
        None => html! {},
    };
    let body = html! {
        nav.trail aria-label="Where" { a href=(url::page("videos", &[])) { "Videos" } @if !video.folder().is_empty() {
            " / " a href=(url::page("videos", &[("folder", &format!("{}/", video.folder()))])) { (video.folder()) }
        } }
        h1.name { (video.name) }
        p { (videos::state(video)) }
        (failures(video))
        @if let Some(manifest) = &manifest {
            (timeline(manifest))
            (facts(video, manifest))
            (warnings(manifest))
            (dropped(video, manifest))
        } @else if video.failures.is_empty() {
            p.empty { "No images yet. They appear here when they are extracted." }
        }
        (frames)
    };
    Ok(shell::at(site, "videos", &video.name, &body))
}

fn failures(video: &VideoEntry) -> Markup {
    html! {
        @for failure in &video.failures {
            section.alert {
                h2 { (failure.function) ": " code { (failure.code) } }
                p { (failure.message) }
                p { (failure.remedy) }
                p.hint { (time(failure.stamp.updated_micros)) " UTC" }
            }
        }
    }
}

fn facts(video: &VideoEntry, manifest: &Manifest) -> Markup {
    let (facts, stats) = (&manifest.video, &manifest.stats);
    let asked: Vec<&str> = video.asked.iter().map(String::as_str).collect();
    let all: Vec<(&str, String)> = vec![
        (
            "Format",
            format!(
                "{:?} in {:?}, {}",
                facts.codec, facts.container, facts.profile
            ),
        ),
        ("Picture", format!("{} × {}", facts.width, facts.height)),
        ("Frames of the video", count(facts.frame_count)),
        ("Selected", count(stats.frames_selected)),
        ("Kept", count(manifest.frames.len() as u64)),
        ("Dropped", count(manifest.dropped.len() as u64)),
        ("Lost to damage", count(manifest.frames_lost())),
        ("Answered", count(video.answered_frames() as u64)),
        (
            "Asked",
            if asked.is_empty() {
                "nobody".to_owned()
            } else {
                asked.join(", ")
            },
        ),
        (
            "Read",
            format!(
                "{} of {}",
                bytes(stats.bytes_read),
                bytes(manifest.source.size)
            ),
        ),
        (
            "Decoded",
            format!(
                "{} of {} access units",
                count(stats.access_units_decoded),
                count(stats.access_units_total)
            ),
        ),
        ("Memory at most", bytes(stats.peak_memory_bytes)),
    ];
    html! {
        dl.facts {
            @for (name, value) in &all { div { dt { (name) } dd { (value) } } }
        }
    }
}

fn warnings(manifest: &Manifest) -> Markup {
    html! {
        @if !manifest.warnings.is_empty() {
            section aria-labelledby="warnings" {
                h2 #warnings { "Warnings" }
                ul { @for warning in &manifest.warnings { li { code { (warning.code) } " " (warning.message) } } }
            }
        }
    }
}

/// What was selected and has no image, and why.
fn dropped(video: &VideoEntry, manifest: &Manifest) -> Markup {
    html! {
        @if !manifest.dropped.is_empty() {
            details {
                summary { (count(manifest.dropped.len() as u64)) " selected frames were dropped" @if manifest.dropped.len() > MOST_DROPPED { ", the first " (MOST_DROPPED) " of them" } }
                table {
                    thead { tr { th.right scope="col" { "Frame" } th scope="col" { "Why" } th.right scope="col" { "Score" } th scope="col" { "Like" } } }
                    tbody {
                        @for frame in manifest.dropped.iter().take(MOST_DROPPED) {
                            tr {
                                th.right scope="row" { (frame.index) }
                                td { (reason(frame.reason)) }
                                td.right { (format!("{:.1}", frame.score)) }
                                td { @if let Some(like) = frame.like { a href=(url::of_frame("frame", &video.name, like)) { "frame " (like) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn reason(reason: framemill_contract::DropReason) -> &'static str {
    use framemill_contract::DropReason;
    match reason {
        DropReason::Duplicate => "looks like the kept frame before it",
        DropReason::Blurred => "too blurred",
        DropReason::Blank => "one colour",
        DropReason::SameFrame => "of the same frame",
    }
}

async fn frames(site: &Site, video: &VideoEntry, manifest: &Manifest, page: usize) -> Markup {
    let paging = Paging::new(page, SIZE, manifest.frames.len());
    // Boxed: what is borrowed is else too much for the compiler to see that it may be sent.
    let shown = paging.of(&manifest.frames).iter();
    let shown: Vec<BoxFuture<'_, Tile<'_>>> = shown
        .map(|frame| Tile::read(site, video, frame).boxed())
        .collect();
    let tiles: Vec<Tile<'_>> = futures::stream::iter(shown)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let address = |page: usize| {
        url::page(
            "video",
            &[("name", &video.name), ("page", &page.to_string())],
        )
    };
    html! {
        section aria-labelledby="frames" {
            h2 #frames { "Frames" }
            @if tiles.is_empty() { p.empty { "None was kept." } }
            ul.grid {
                @for tile in &tiles { li { (self::tile(video, tile)) } }
            }
            (paging.links("frames", address))
        }
    }
}

fn tile(video: &VideoEntry, tile: &Tile<'_>) -> Markup {
    let frame = tile.frame;
    let state = tile
        .annotations
        .first()
        .map(|it| format!("{:?}", it.state).to_lowercase());
    html! {
        a.tile href=(url::of_frame("frame", &video.name, frame.index)) {
            span.picture {
                img loading="lazy" decoding="async" width=(frame.width) height=(frame.height)
                    src=(picture("thumbnail", &video.name, frame)) alt={ "Frame " (frame.index) };
                (overlay(frame, &tile.annotations))
            }
            span.caption {
                span { (clock(frame.seconds)) }
                @if frame.damaged { span.state.failed { "damaged" } }
                @if let Some(state) = &state { span class={ "state " (state) } { (state) } }
            }
        }
    }
}

/// The address of a picture: another one where the image is.
pub(super) fn picture(path: &str, video: &str, frame: &KeptFrame) -> String {
    let digits = frame.sha256.get(..16).unwrap_or(&frame.sha256);
    url::page(
        path,
        &[
            ("video", video),
            ("index", &frame.index.to_string()),
            ("v", digits),
        ],
    )
}
