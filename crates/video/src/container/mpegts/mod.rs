//! MPEG-2 transport streams (ISO 13818-1) with H.264 or HEVC: packets of 188, 192 (M2TS) or 204
//! bytes.
//!
//! There is no index in them: all packets are scanned once, through the window. A sample is the
//! run of packets from the first to the last that holds a part of its access unit; packets of
//! other streams in between are part of the run, and [`transport_payload`] leaves them out.

mod packet;
mod tables;

use super::demux::Demux;
use super::limits;
use super::pictures::{Picture, Splitter};
use super::sample_table::{derive_dts, drop_unreadable, duration, last_duration, warning};
use super::window::{ReadError, ReadResult, Window};
use crate::{
    ColorDescription, Container, Dts, IndexError, IndexWarning, Pts, Rotation, Sample, Timescale,
    Unwrap, VideoIndex,
};
pub(super) use packet::{Layout, probe, transport_gaps, transport_payload};
use packet::{NAME, Packet, PesHeader};
use std::collections::VecDeque;
use tables::{Programs, Video};

/// Ticks per second of presentation times.
const CLOCK: u32 = 90_000;
/// Times wrap after 33 bits.
const WRAP: i64 = 1 << 33;
/// Packets that one access unit may span: 30 MB.
const MAX_SPAN: usize = 160_000;
/// Packets of the video, all scrambled, after which a stream that announces conditional access is
/// not read on: up to 4 MB. Recordings often start scrambled, until the receiver has its key.
const FIRST_PACKETS: u64 = 20_000;

/// The scan of one file.
#[derive(Debug)]
pub(super) struct MpegTs {
    layout: Layout,
    at: u64,
    programs: Programs,
    stream: Option<ElementaryStream>,
    samples: Vec<Sample>,
    lost_sync: u64,
    warnings: Vec<IndexWarning>,
}

/// The chosen elementary stream.
#[derive(Debug)]
struct ElementaryStream {
    video: Video,
    splitter: Splitter,
    /// Bytes of the elementary stream so far.
    position: u64,
    /// Bytes of a PES header still to come.
    header_left: usize,
    started: bool,
    /// Where packets' payloads start in the elementary stream, and the packets in the file.
    packets: VecDeque<(u64, u64)>,
    pes_times: VecDeque<PesTimes>,
    continuity: Option<u8>,
    /// With a payload.
    packet_count: u64,
    gaps: Damage,
    scrambled: Damage,
    /// Unwrapped time that the next ones are close to.
    near: Option<i64>,
}

/// Packets of one kind that are missing or cannot be read.
#[derive(Clone, Copy, Debug, Default)]
struct Damage {
    count: u64,
    /// The samples that were found before the first and before the last of them.
    samples: Option<(usize, usize)>,
}

impl Damage {
    fn add(&mut self, sample: usize) {
        self.count += 1;
        let first = self.samples.map_or(sample, |(first, _)| first);
        self.samples = Some((first, sample));
    }

    fn warning(&self, message: String, samples: &[Sample]) -> IndexWarning {
        let mut damage = warning("damaged_data", message);
        if let Some((first, last)) = self.samples {
            // Damage is in the access unit that comes next, or spills into the one after.
            let end = last.saturating_add(2).min(samples.len());
            let first = first.min(end.saturating_sub(1));
            let hit = samples.get(first..end).unwrap_or_default();
            damage.from_pts = hit.iter().map(|sample| sample.pts).min();
            damage.to_pts = hit.iter().map(|sample| sample.pts).max();
        }
        damage
    }
}

/// Times of a PES packet.
#[derive(Clone, Copy, Debug)]
struct PesTimes {
    /// Where its payload starts in the elementary stream.
    position: u64,
    /// The packet that it starts in.
    packet: u64,
    pts: Option<i64>,
    dts: Option<i64>,
    used: bool,
}

impl MpegTs {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            at: layout.start,
            layout,
            programs: Programs::default(),
            stream: None,
            samples: Vec::new(),
            lost_sync: 0,
            warnings: Vec::new(),
        }
    }
}

impl Demux for MpegTs {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        let size = self.layout.packet_size;
        while self.at.saturating_add(size) <= window.size() {
            let bytes = window.from(self.at, size)?;
            let mut done = 0_u64;
            for packet in bytes.chunks_exact(usize::try_from(size).unwrap_or(188)) {
                let place = self.at + done;
                match Packet::parse(packet, self.layout.sync_at) {
                    Some(packet) => {
                        self.packet(packet, place)?;
                        done += size;
                    }
                    None => {
                        done += 1;
                        self.lost_sync += 1;
                        break;
                    }
                }
            }
            self.at += done;
        }
        self.finish(window)
    }

    fn cut_off(&self) -> IndexError {
        IndexError::NoFrames
    }
}

impl MpegTs {
    fn packet(&mut self, packet: Packet<'_>, place: u64) -> Result<(), IndexError> {
        if let Some(stream) = &mut self.stream {
            if packet.pid != stream.video.pid {
                return Ok(());
            }
            stream.packet(packet, place, &self.samples);
            stream.check_announced()?;
            return self.take_pictures();
        }
        if let Some(video) = self.programs.packet(packet)? {
            self.stream = Some(ElementaryStream::new(video));
        }
        Ok(())
    }

    fn take_pictures(&mut self) -> Result<(), IndexError> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        for picture in stream.splitter.take_found() {
            let sample = stream.sample(picture, self.layout.packet_size, self.samples.last());
            limits::push(&mut self.samples, sample)?;
        }
        stream.forget();
        Ok(())
    }

    fn finish(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        let Some(stream) = &mut self.stream else {
            return Err(ReadError::Failed(self.programs.no_video_error()));
        };
        stream.check_scrambled()?;
        stream.splitter.finish();
        self.take_pictures()?;
        let Some(stream) = self.stream.take() else {
            return Err(ReadError::PastEnd);
        };
        let mut samples = std::mem::take(&mut self.samples);
        let mut warnings = std::mem::take(&mut self.warnings);
        wrap_to_negative(&mut samples);
        stream.warn(self.lost_sync, &samples, &mut warnings);
        let parameters = stream.splitter.parameters();
        drop_unreadable(&mut samples, window.size(), NAME, &mut warnings)?;
        if !samples.is_sorted_by_key(|sample| sample.dts) {
            derive_dts(&mut samples);
        }
        let last = last_duration(&samples);
        Ok(VideoIndex {
            container: Container::MpegTs,
            other_configs: Vec::new(),
            config: parameters.config(stream.video.codec, (0, 0), ColorDescription::default()),
            timescale: Timescale::new(CLOCK).unwrap_or(Timescale::ONE),
            duration: duration(&samples, last),
            rotation: Rotation::R0,
            pixel_aspect: parameters.pixel_aspect.unwrap_or_default(),
            samples,
            unwrap: Unwrap::TransportPid {
                pid: stream.video.pid,
                packet_size: u16::try_from(self.layout.packet_size).unwrap_or(188),
            },
            warnings,
        })
    }
}

/// Times that start shortly before the wrap are taken as negative, as ffmpeg does, so that a
/// stream that wraps goes on from zero.
fn wrap_to_negative(samples: &mut [Sample]) {
    let near_wrap = samples
        .first()
        .is_some_and(|first| first.dts.0 >= WRAP - WRAP / 8);
    if near_wrap {
        for sample in samples {
            sample.pts = Pts(sample.pts.0.saturating_sub(WRAP));
            sample.dts = Dts(sample.dts.0.saturating_sub(WRAP));
        }
    }
}

impl ElementaryStream {
    fn new(video: Video) -> Self {
        Self {
            splitter: Splitter::new(video.codec),
            video,
            position: 0,
            header_left: 0,
            started: false,
            packets: VecDeque::new(),
            pes_times: VecDeque::new(),
            continuity: None,
            packet_count: 0,
            gaps: Damage::default(),
            scrambled: Damage::default(),
            near: None,
        }
    }

    /// Most packets are scrambled: nothing can be made of it. A few are damage, whatever the tables
    /// announce: recordings that were descrambled keep the announcement.
    fn check_scrambled(&self) -> Result<(), IndexError> {
        if self.scrambled.count <= self.packet_count / 2 {
            return Ok(());
        }
        let by = self
            .video
            .access_system
            .map(|system| format!(", conditional access system {system:#06x}"));
        Err(IndexError::Encrypted {
            scheme: format!("scrambled transport stream{}", by.unwrap_or_default()),
        })
    }

    /// Spares reading the whole of a stream that says itself that it is scrambled.
    fn check_announced(&self) -> Result<(), IndexError> {
        let all = self.scrambled.count == FIRST_PACKETS && self.packet_count == FIRST_PACKETS;
        if all && self.video.access_system.is_some() {
            return self.check_scrambled();
        }
        Ok(())
    }

    fn packet(&mut self, packet: Packet<'_>, place: u64, samples: &[Sample]) {
        if packet.payload.is_empty() {
            return;
        }
        self.packet_count += 1;
        let expected = self.continuity.map(|counter| (counter + 1) & 15);
        if self.continuity == Some(packet.continuity) && !packet.starts_unit {
            return; // a duplicate (clause 2.4.3.3)
        }
        if expected.is_some_and(|expected| expected != packet.continuity) && !packet.discontinuity {
            self.gaps.add(samples.len());
        }
        self.continuity = Some(packet.continuity);
        if packet.scrambled {
            self.scrambled.add(samples.len());
            return;
        }
        let mut payload = packet.payload;
        if packet.starts_unit {
            let Some(header) = PesHeader::parse(payload) else {
                return;
            };
            self.started = true;
            self.header_left = header.length;
            let dts = header.dts.or(header.pts).map(|time| self.unwrapped(time));
            let pts = header.pts.map(|time| self.unwrapped(time));
            self.near = dts.or(self.near);
            self.pes_times.push_back(PesTimes {
                position: self.position,
                packet: place,
                pts,
                dts,
                used: false,
            });
        }
        if !self.started {
            return;
        }
        let skip = self.header_left.min(payload.len());
        self.header_left -= skip;
        payload = payload.get(skip..).unwrap_or_default();
        if payload.is_empty() {
            return;
        }
        if self.packets.len() >= MAX_SPAN {
            self.packets.pop_front();
        }
        self.packets.push_back((self.position, place));
        self.splitter.feed(payload);
        self.position += payload.len() as u64;
    }

    /// The time nearest to the last one that is `time` in its lower 33 bits.
    fn unwrapped(&self, time: i64) -> i64 {
        match self.near {
            None => time,
            Some(near) => {
                let ahead = time.saturating_sub(near).rem_euclid(WRAP);
                near + if ahead >= WRAP / 2 {
                    ahead - WRAP
                } else {
                    ahead
                }
            }
        }
    }

    /// A zero byte that ends one PES packet does not belong to the start code that begins the
    /// next.
    fn snap(&self, position: u64) -> u64 {
        let next = position.saturating_add(1);
        if self.pes_times.iter().any(|times| times.position == next) {
            next
        } else {
            position
        }
    }

    /// The packet that holds the elementary stream's byte `position`.
    fn packet_of(&self, position: u64) -> Option<u64> {
        let after = self
            .packets
            .partition_point(|(start, _)| *start <= position);
        let (_, place) = self.packets.get(after.checked_sub(1)?)?;
        Some(*place)
    }

    fn sample(&mut self, picture: Picture, packet_size: u64, last: Option<&Sample>) -> Sample {
        let (start, end) = (self.snap(picture.start), self.snap(picture.end));
        let mut first = self.packet_of(start).unwrap_or(0);
        let until = self
            .packet_of(end.saturating_sub(1))
            .map_or(first, |place| place + packet_size);
        let parameters = || self.splitter.parameters().frame_duration;
        // The times of a PES packet are those of the first access unit that starts in it.
        let times = self
            .pes_times
            .iter_mut()
            .rev()
            .find(|times| times.position <= start)
            .filter(|times| !times.used);
        let (mut pts, mut dts) = (None, None);
        if let Some(times) = times {
            times.used = true;
            if times.position == start {
                first = times.packet;
            }
            (pts, dts) = (times.pts, times.dts);
        }
        let step = || {
            parameters().map_or(i64::from(CLOCK / 25), |(num, den)| {
                i64::from(CLOCK) * i64::from(num) / i64::from(den.max(1))
            })
        };
        let dts = dts.unwrap_or_else(|| last.map_or(0, |last| last.dts.0.saturating_add(step())));
        let pts = pts.unwrap_or_else(|| last.map_or(dts, |last| last.pts.0.saturating_add(step())));
        Sample {
            offset: first,
            size: u32::try_from(until.saturating_sub(first)).unwrap_or(u32::MAX),
            dts: Dts(dts),
            pts: Pts(pts),
            sync: picture.sync,
            shown: picture.shown,
            dependence: picture.dependence,
            description: 0,
        }
    }

    /// Drops places and times that no later access unit needs.
    fn forget(&mut self) {
        let needed = self.splitter.needed_from();
        while self
            .packets
            .get(1)
            .is_some_and(|(start, _)| *start <= needed)
        {
            self.packets.pop_front();
        }
        while self
            .pes_times
            .get(1)
            .is_some_and(|times| times.position <= needed)
        {
            self.pes_times.pop_front();
        }
    }

    fn warn(&self, lost_sync: u64, samples: &[Sample], warnings: &mut Vec<IndexWarning>) {
        let (gaps, scrambled) = (self.gaps.count, self.scrambled.count);
        if gaps > 0 || lost_sync > 0 {
            let message = format!(
                "{gaps} gaps in the video's packets, {lost_sync} bytes outside of packets: \
                 frames there may be damaged"
            );
            warnings.push(self.gaps.warning(message, samples));
        }
        if scrambled > 0 {
            let message = format!(
                "{scrambled} of {} packets of the video are marked as scrambled: they are left \
                 out, frames there may be damaged",
                self.packet_count
            );
            warnings.push(self.scrambled.warning(message, samples));
        }
        if self.splitter.unparsed_slices() > 0 {
            warnings.push(warning(
                "undecodable_start",
                format!(
                    "{} slices come before their parameter sets: they are left out",
                    self.splitter.unparsed_slices()
                ),
            ));
        }
    }
}
