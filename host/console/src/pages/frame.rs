//! A frame: its image, what is marked in it, and its neighbours.

use super::numbers::{bytes, clock};
use super::shapes::{colour, overlay};
use super::shell;
use super::video::picture;
use crate::error::PageError;
use crate::site::Site;
use crate::url;
use axum::response::Response;
use framemill_annotations::{FrameAnnotation, Geometry};
use framemill_contract::{DroppedFrame, KeptFrame, Manifest};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Which frame.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    pub(crate) video: String,
    pub(crate) index: u64,
}

/// The page.
pub(crate) async fn frame(site: &Site, query: &Query) -> Result<Response, PageError> {
    let (listing, place) = site.index.video(&query.video).await?;
    let video = listing.videos.get(place).ok_or(PageError::Gone("video"))?;
    let manifest = site.index.manifest(video).await?;
    let manifest: Arc<Manifest> = manifest.ok_or(PageError::Gone("manifest"))?;
    let all = &manifest.frames;
    let place = all.iter().position(|it| it.index == query.index);
    let place = place.ok_or(PageError::Gone("frame"))?;
    let frame = all.get(place).ok_or(PageError::Gone("frame"))?;
    let before = place.checked_sub(1).and_then(|it| all.get(it));
    let after = place.checked_add(1).and_then(|it| all.get(it));
    let annotations = site.index.annotations(video, frame.index).await;
    let like: Vec<&DroppedFrame> = manifest
        .dropped
        .iter()
        .filter(|it| it.like == Some(frame.index))
        .collect();
    let title = format!("Frame {} of {}", frame.index, video.name);
    let body = html! {
        nav.trail aria-label="Where" {
            a href=(url::page("videos", &[])) { "Videos" } " / "
            a #up href=(url::video(&video.name)) { (video.name) }
        }
        h1 { "Frame " (frame.index) span.hint { " at " (clock(frame.seconds)) } }
        nav.paging aria-label="Frames" {
            (step("earlier", "Previous", &video.name, before))
            span { (place + 1) " of " (all.len()) }
            (step("later", "Next", &video.name, after))
            @if let Some(other) = before.or(after) {
                button #compare type="button" aria-pressed="false" data-other=(picture("image", &video.name, other)) { "Compare with the neighbour" }
            }
        }
        div.view {
            div.picture.large {
                img #image width=(frame.width) height=(frame.height) src=(picture("image", &video.name, frame)) alt=(title);
                (overlay(frame, &annotations))
            }
            aside aria-label="About the frame" {
                (facts(frame))
                (answers(&annotations))
                (predictions(frame))
                (duplicates(&like))
            }
        }
        p.hint { "Keys: " kbd { "←" } " " kbd { "→" } " frames, " kbd { "space" } " compare, " kbd { "u" } " to the video" }
    };
    Ok(shell::at(site, "videos", &title, &body))
}

fn step(id: &str, name: &str, video: &str, frame: Option<&KeptFrame>) -> Markup {
    html! {
        @if let Some(frame) = frame {
            a id=(id) href=(url::of_frame("frame", video, frame.index)) { (name) }
        } @else {
            span.hint { (name) }
        }
    }
}

fn facts(frame: &KeptFrame) -> Markup {
    html! {
        dl.facts {
            div { dt { "Image" } dd { (frame.width) " × " (frame.height) ", " (bytes(frame.bytes)) } }
            div { dt { "Sharpness" } dd { (format!("{:.1}", frame.sharpness)) } }
            div { dt { "Name" } dd { code { (frame.name) } } }
            div { dt { "SHA-256" } dd { code { (frame.sha256) } } }
        }
        @if let Some(damage) = &frame.damage { p.alert { "The picture cannot be trusted: " (damage) } }
    }
}

fn answers(annotations: &[Arc<FrameAnnotation>]) -> Markup {
    html! {
        h2 { "Annotations" }
        @if annotations.is_empty() { p.hint { "None." } }
        @for annotation in annotations {
            h3 { (annotation.target) ": " span class={ "state " (format!("{:?}", annotation.state).to_lowercase()) } { (format!("{:?}", annotation.state).to_lowercase()) } }
            ul.shapes {
                @for shape in &annotation.shapes { li { (swatch(&shape.label)) (shape.label) span.hint { " " (kind(&shape.geometry)) } } }
            }
            @for answer in &annotation.answers {
                p.hint {
                    (answer.annotator.as_deref().unwrap_or("someone")) ", " (answer.updated_at.strftime("%Y-%m-%d %H:%M")) " UTC"
                    @if annotation.counts.as_ref() == Some(&answer.id) { ", this one counts" }
                }
                @for fault in &answer.faults { p.alert { "Cannot be used: " (fault) } }
            }
        }
    }
}

fn predictions(frame: &KeptFrame) -> Markup {
    html! {
        @if !frame.predictions.is_empty() {
            h2 { "Predictions" }
            ul.shapes {
                @for it in &frame.predictions {
                    li { (swatch(&it.label)) (it.label) @if let Some(score) = it.score { span.hint { (format!(" {score:.2}")) } } }
                }
            }
        }
    }
}

fn duplicates(like: &[&DroppedFrame]) -> Markup {
    html! {
        @if !like.is_empty() {
            h2 { "Dropped for this one" }
            ul { @for it in like { li { "frame " (it.index) ", at a distance of " (format!("{:.0}", it.score)) } } }
        }
    }
}

fn swatch(label: &str) -> Markup {
    html! { svg.swatch viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill=(colour(label)) {} } }
}

fn kind(geometry: &Geometry) -> &'static str {
    match geometry {
        Geometry::Box(_) => "box",
        Geometry::Polygon { .. } => "polygon",
        Geometry::Polyline { .. } => "line",
        Geometry::Point(_) => "point",
        Geometry::Mask(_) => "mask",
        Geometry::Classification => "image as a whole",
    }
}
