//! ISO base media files (ISO 14496-12) and QuickTime: MP4, MOV, M4V, fragmented too.
//!
//! The scan: top-level boxes up to `moov`; inside it, small boxes are read and the places of the
//! sample tables noted, for all tracks; then the tables of the chosen track are streamed
//! into samples; then, where the file is fragmented, each `moof`; then the edit list.

mod boxes;
mod descriptions;
mod edits;
mod entry;
mod fragments;
mod samples;
mod tables;
mod track;

use super::demux::Demux;
use super::fields::{Fields, fourcc};
use super::sample_table::{decode_before_show, drop_unreadable, duration, warning};
use super::window::{ReadError, ReadResult, Window};
use crate::{Container, IndexError, IndexWarning, Timescale, VideoIndex};
use boxes::{BoxHead, NAME, damaged, leaf};
use fragments::Fragments;
use samples::SampleBuilder;
use track::Track;

/// Bytes of `moov` asked for in one go.
const MOOV_READ: u64 = 4 << 20;
/// The most bytes a `moov` may have.
const MAX_MOOV: u64 = 512 << 20;
/// The most tracks we look at.
const MAX_TRACKS: usize = 256;

/// The scan of one file.
#[derive(Debug, Default)]
pub(super) struct Mp4 {
    stage: Stage,
    at: u64,
    moov_end: u64,
    /// Most indexes do: then all of it is in memory after one request.
    fits_in_one_read: bool,
    movie_timescale: u32,
    movie_orientation: track::Orientation,
    fragmented: bool,
    saw_media: bool,
    /// Still pictures (HEIF) have `meta` for an index.
    saw_meta: bool,
    tracks: Vec<Track>,
    track_defaults: Vec<(u32, fragments::Defaults)>,
    builder: Option<SampleBuilder>,
    fragments: Option<Fragments>,
    warnings: Vec<IndexWarning>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// Top-level boxes before `moov`.
    #[default]
    Top,
    /// Boxes in `moov`.
    Moov,
    /// The chosen track's tables.
    Tables,
    /// Top-level boxes after `moov`, where fragments are.
    Fragments,
}

impl Demux for Mp4 {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        loop {
            match self.stage {
                Stage::Top => self.top(window)?,
                Stage::Moov => self.moov(window)?,
                Stage::Tables => {
                    let Some(builder) = &mut self.builder else {
                        return Err(ReadError::PastEnd);
                    };
                    builder.run(window, &mut self.warnings)?;
                    if !self.fragmented {
                        return self.finish(window);
                    }
                    self.stage = Stage::Fragments;
                }
                Stage::Fragments => {
                    self.fragments(window)?;
                    return self.finish(window);
                }
            }
        }
    }

    fn cut_off(&self) -> IndexError {
        let what = match self.stage {
            Stage::Top => "the file ends before its index (`moov` box)",
            Stage::Moov | Stage::Tables => "the file ends inside its index (`moov` box)",
            Stage::Fragments => "the file ends inside a fragment",
        };
        IndexError::Truncated {
            container: NAME,
            what: what.to_owned(),
        }
    }
}

impl Mp4 {
    /// Skips top-level boxes until `moov`.
    fn top(&mut self, window: &Window) -> ReadResult<()> {
        loop {
            if self.at >= window.size() {
                return Err(self.no_moov());
            }
            let head = BoxHead::read(window, self.at, window.size())?;
            match &head.kind {
                b"moov" => {
                    if head.end > window.size() {
                        return Err(ReadError::PastEnd);
                    }
                    let length = head.end - head.body;
                    if length > MAX_MOOV {
                        return Err(ReadError::Failed(IndexError::Limit {
                            what: "size of the index in bytes",
                            value: length,
                            limit: MAX_MOOV,
                            remedy: "split the video",
                        }));
                    }
                    self.at = head.body;
                    self.moov_end = head.end;
                    self.fits_in_one_read = length <= MOOV_READ;
                    self.stage = Stage::Moov;
                    return Ok(());
                }
                b"mdat" => self.saw_media = true,
                b"meta" => self.saw_meta = true,
                _ => {}
            }
            self.at = head.end;
        }
    }

    fn no_moov(&self) -> ReadError {
        if self.saw_meta {
            ReadError::Failed(IndexError::NoVideoTrack {
                tracks: "still picture".to_owned(),
            })
        } else if self.saw_media {
            ReadError::PastEnd
        } else {
            damaged("there is no index (`moov` box) and no media (`mdat` box)".to_owned())
        }
    }

    /// Walks the boxes in `moov`. Containers are entered, leaves read or noted.
    fn moov(&mut self, window: &Window) -> ReadResult<()> {
        if self.fits_in_one_read {
            window.peek(self.at, self.moov_end.saturating_sub(self.at))?;
            self.fits_in_one_read = false;
        }
        while self.at.saturating_add(8) <= self.moov_end {
            let head = BoxHead::read(window, self.at, self.moov_end)?;
            if head.end > self.moov_end {
                return Err(damaged(format!(
                    "box `{}` at byte {} ends after the index",
                    fourcc(head.kind),
                    self.at
                )));
            }
            self.at = self.moov_box(window, head)?;
        }
        self.choose(window)
    }

    /// Where to go on after looking at `head`.
    fn moov_box(&mut self, window: &Window, head: BoxHead) -> ReadResult<u64> {
        match &head.kind {
            b"trak" => {
                if self.tracks.len() >= MAX_TRACKS {
                    return Err(damaged(format!("there are more than {MAX_TRACKS} tracks")));
                }
                self.tracks.push(Track::default());
                return Ok(head.body);
            }
            b"mdia" | b"minf" | b"stbl" | b"edts" => return Ok(head.body),
            b"mvex" => {
                self.fragmented = true;
                return Ok(head.body);
            }
            b"mvhd" => {
                let body = leaf(window, head)?;
                self.movie_timescale = track::header_timescale(body).unwrap_or(0);
                let matrix_at = if body.u8(0) == Some(1) { 48 } else { 36 };
                self.movie_orientation = track::Orientation::from_matrix(body, matrix_at);
            }
            b"trex" => self.trex(leaf(window, head)?),
            b"cmov" => return Err(damaged("the index is compressed (`cmov`)".to_owned())),
            _ => {
                if let Some(track) = self.tracks.last_mut() {
                    track.take_box(window, head)?;
                }
            }
        }
        Ok(head.end)
    }

    /// Defaults for fragments (clause 8.8.3).
    fn trex(&mut self, body: &[u8]) {
        let Some(id) = body.be32(4) else {
            return;
        };
        let defaults = fragments::Defaults {
            description: body.be32(8).unwrap_or(0),
            duration: body.be32(12).unwrap_or(0),
            size: body.be32(16).unwrap_or(0),
            flags: body.be32(20).unwrap_or(0),
        };
        // `mvex` may come before the tracks: kept apart until one is chosen.
        if self.track_defaults.len() < MAX_TRACKS {
            self.track_defaults.push((id, defaults));
        }
    }

    fn defaults_of(&self, id: u32) -> fragments::Defaults {
        let found = self.track_defaults.iter().find(|(of, _)| *of == id);
        found.map(|(_, defaults)| *defaults).unwrap_or_default()
    }

    /// Chooses the track and starts on its tables.
    fn choose(&mut self, window: &Window) -> ReadResult<()> {
        let track = track::choose(&mut self.tracks, self.fragmented)?;
        if track.timescale == 0 {
            return Err(damaged("the video track has a timescale of 0".to_owned()));
        }
        if track.orientation.is_mirrored() {
            self.warnings.push(warning(
                "mirrored",
                "the display matrix mirrors the picture: that is not applied".to_owned(),
            ));
        }
        self.builder = Some(SampleBuilder::new(track.tables, window.size()));
        self.fragments = self
            .fragmented
            .then(|| Fragments::new(track.id, self.defaults_of(track.id)));
        self.tracks = vec![track];
        self.stage = Stage::Tables;
        Ok(())
    }

    /// Reads the fragments after `moov`.
    fn fragments(&mut self, window: &Window) -> ReadResult<()> {
        let (Some(fragments), Some(builder)) = (&mut self.fragments, &mut self.builder) else {
            return Ok(());
        };
        while self.at < window.size() {
            let head = match BoxHead::read(window, self.at, window.size()) {
                // A recording that was cut off ends anywhere: what is whole counts.
                Err(ReadError::PastEnd | ReadError::Failed(_)) => {
                    fragments.cut_off = true;
                    break;
                }
                other => other?,
            };
            if &head.kind == b"moof" {
                if head.end > window.size() {
                    fragments.cut_off = true;
                    break;
                }
                let body = window.bytes(head.body, head.end - head.body)?;
                fragments.take(body, self.at, window.size(), builder)?;
            } else if head.end > window.size() {
                fragments.cut_off = true;
            }
            self.at = head.end;
        }
        if fragments.cut_off {
            let last = builder.samples.iter().map(|s| s.pts).max();
            self.warnings.push(IndexWarning {
                code: "truncated_data".to_owned(),
                message: "the file ends inside a fragment: later frames are missing".to_owned(),
                from_pts: last,
                to_pts: None,
            });
        }
        Ok(())
    }

    fn finish(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        let (Some(builder), Some(track)) = (self.builder.take(), self.tracks.pop()) else {
            return Err(ReadError::PastEnd);
        };
        let Some(timescale) = Timescale::new(track.timescale) else {
            return Err(ReadError::PastEnd);
        };
        let mut samples = builder.samples;
        edits::apply(
            &track.edits,
            &mut samples,
            edits::Clocks {
                movie: self.movie_timescale,
                media: track.timescale,
            },
            self.fragmented,
            &mut self.warnings,
        )?;
        let used = descriptions::assign(&mut samples, &track.usable, &mut self.warnings)?;
        drop_unreadable(&mut samples, window.size(), NAME, &mut self.warnings)?;
        decode_before_show(&mut samples);
        let entries: Vec<_> = used
            .iter()
            .filter_map(|&number| track.entries.get(usize::from(number)))
            .collect();
        let mut configs = entries.iter().map(|entry| entry.config());
        let (Some(entry), Some(config)) = (entries.first(), configs.next()) else {
            return Err(ReadError::PastEnd);
        };
        Ok(VideoIndex {
            container: Container::Mp4,
            config,
            other_configs: configs.collect(),
            timescale,
            duration: duration(&samples, builder.last_delta),
            rotation: track.orientation.then(self.movie_orientation).rotation(),
            pixel_aspect: entry
                .pixel_aspect
                .or(entry.parameters.pixel_aspect)
                .unwrap_or_default(),
            samples,
            unwrap: crate::Unwrap::Plain,
            warnings: std::mem::take(&mut self.warnings),
        })
    }
}
