//! The way of a video, with how many are where.

use super::numbers::count;
use super::shell;
use crate::error::PageError;
use crate::index::{Listing, VideoState};
use crate::site::Site;
use crate::url::page;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// A step of the way.
struct Stage {
    name: &'static str,
    about: &'static str,
    count: usize,
    address: String,
}

/// The page.
pub(crate) async fn overview(site: &Site) -> Result<Response, PageError> {
    let listing = site.index.listing().await?;
    let stages = stages(&listing);
    let body = html! {
        h1 { "Overview" }
        section aria-labelledby="way" {
            h2 #way { "From video to dataset" }
            ol.stages {
                @for stage in &stages {
                    li {
                        a.stage href=(stage.address) {
                            span.number { (count(stage.count as u64)) }
                            span.name { (stage.name) }
                            span.hint { (stage.about) }
                        }
                    }
                }
            }
        }
        (failures(&listing))
        (targets(&listing))
    };
    Ok(shell::at(site, "", "Overview", &body))
}

fn stages(listing: &Listing) -> [Stage; 6] {
    let videos = &listing.videos;
    let with = |state: VideoState| page("videos", &[("state", state.id())]);
    let waiting = videos.iter().filter(|it| it.state() == VideoState::Waiting);
    [
        Stage {
            name: "videos",
            about: "uploaded",
            count: videos.len(),
            address: page("videos", &[]),
        },
        Stage {
            name: "waiting",
            about: "for extraction",
            count: waiting.count(),
            address: with(VideoState::Waiting),
        },
        Stage {
            name: "with images",
            about: "extracted",
            count: videos.iter().filter(|it| it.manifest.is_some()).count(),
            address: with(VideoState::Extracted),
        },
        Stage {
            name: "asked",
            about: "labels requested",
            count: videos.iter().filter(|it| !it.asked.is_empty()).count(),
            address: with(VideoState::Asked),
        },
        Stage {
            name: "frames",
            about: "with an answer",
            count: videos.iter().map(|it| it.answered_frames()).sum(),
            address: with(VideoState::Answered),
        },
        Stage {
            name: "datasets",
            about: "snapshots",
            count: listing.datasets.len(),
            address: page("datasets", &[]),
        },
    ]
}

fn failures(listing: &Listing) -> Markup {
    let mut codes: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    let of_videos = listing.videos.iter().flat_map(|it| &it.failures);
    for failure in of_videos.chain(listing.other_failures.iter().map(|(_, it)| it)) {
        let key = (failure.code.as_str(), failure.function.as_str());
        codes.entry(key).or_insert((0, failure.remedy.as_str())).0 += 1;
    }
    html! {
        section aria-labelledby="failures" {
            h2 #failures { "Failures" }
            @if codes.is_empty() { p.hint { "None." } } @else {
                table {
                    thead { tr { th scope="col" { "Code" } th scope="col" { "Function" } th.right scope="col" { "Videos" } th scope="col" { "What to do" } } }
                    tbody {
                        @for ((code, function), (number, remedy)) in &codes {
                            tr {
                                th scope="row" { a href=(page("videos", &[("code", code)])) { code { (code) } } }
                                td { (function) }
                                td.right { (number) }
                                td { (remedy) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn targets(listing: &Listing) -> Markup {
    let mut targets: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for video in &listing.videos {
        for target in &video.asked {
            targets.entry(target).or_default().0 += 1;
        }
        for (target, frames) in &video.answered {
            targets.entry(target).or_default().1 += frames.len();
        }
    }
    html! {
        @if !targets.is_empty() {
            section aria-labelledby="targets" {
                h2 #targets { "Labeling" }
                table {
                    thead { tr { th scope="col" { "Target" } th.right scope="col" { "Videos asked" } th.right scope="col" { "Frames answered" } } }
                    tbody {
                        @for (target, (asked, answered)) in &targets {
                            tr {
                                th scope="row" { (target) }
                                td.right { (count(*asked as u64)) }
                                td.right { (count(*answered as u64)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
