//! Program tables (ISO 13818-1 clause 2.4.4): which packets are the video.

use super::packet::{NAME, Packet};
use crate::container::fields::Fields;
use crate::{Codec, IndexError};
use std::collections::BTreeMap;

/// The most bytes of a section.
const MAX_SECTION: usize = 4096;
/// The most programs we look at.
const MAX_PROGRAMS: usize = 256;

/// The chosen stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Video {
    pub(super) pid: u16,
    pub(super) codec: Codec,
    /// The system of conditional access that the map announces.
    pub(super) access_system: Option<u16>,
}

/// What the tables have said so far.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// Packets of program maps, and whether each was read.
    maps: BTreeMap<u16, bool>,
    sections: BTreeMap<u16, Vec<u8>>,
    names: Vec<String>,
    unsupported: Option<&'static str>,
}

impl Programs {
    /// Takes in a packet; gives the video once a program map names one.
    ///
    /// # Errors
    /// When all programs are known and none has a video that we decode.
    pub(super) fn packet(&mut self, packet: Packet<'_>) -> Result<Option<Video>, IndexError> {
        let of_table = packet.pid == 0 || self.maps.contains_key(&packet.pid);
        if !of_table {
            return Ok(None);
        }
        let Some(section) = self.section(packet) else {
            return Ok(None);
        };
        if packet.pid == 0 {
            self.association(&section);
            return Ok(None);
        }
        let video = self.map(&section);
        self.maps.insert(packet.pid, true);
        if video.is_none() && self.maps.values().all(|read| *read) {
            return Err(self.no_video_error());
        }
        Ok(video)
    }

    /// The section that the packet completes.
    fn section(&mut self, packet: Packet<'_>) -> Option<Vec<u8>> {
        let section = self.sections.entry(packet.pid).or_default();
        if packet.starts_unit {
            let pointer = usize::from(packet.payload.u8(0)?);
            section.clear();
            section.extend_from_slice(packet.payload.get(1 + pointer..)?);
        } else if !section.is_empty() {
            section.extend_from_slice(packet.payload);
        }
        let length = usize::from(section.be16(1)? & 0xfff) + 3;
        if section.len() >= length {
            let mut whole = std::mem::take(section);
            whole.truncate(length);
            return Some(whole);
        }
        if section.len() > MAX_SECTION {
            section.clear();
        }
        None
    }

    fn association(&mut self, section: &[u8]) {
        if section.u8(0) != Some(0) {
            return;
        }
        let end = section.len().saturating_sub(4); // checksum
        for entry in section.get(8..end).unwrap_or_default().chunks_exact(4) {
            if let (Some(program), Some(pid)) = (entry.be16(0), entry.be16(2))
                && program != 0
                && self.maps.len() < MAX_PROGRAMS
            {
                self.maps.entry(pid & 0x1fff).or_insert(false);
            }
        }
    }

    fn map(&mut self, section: &[u8]) -> Option<Video> {
        if section.u8(0) != Some(2) {
            return None;
        }
        let end = section.len().saturating_sub(4);
        let mut at = 12 + usize::from(section.be16(10)? & 0xfff);
        let of_program = section.get(12..at);
        while at + 5 <= end {
            let (kind, pid) = (section.u8(at)?, section.be16(at + 1)? & 0x1fff);
            let next = at + 5 + usize::from(section.be16(at + 3)? & 0xfff);
            let codec = match kind {
                0x1b => Some(Codec::H264),
                0x24 => Some(Codec::Hevc),
                _ => None,
            };
            if let Some(codec) = codec {
                let of_stream = section.get(at + 5..next);
                let mut descriptors = of_stream.into_iter().chain(of_program);
                return Some(Video {
                    pid,
                    codec,
                    access_system: descriptors.find_map(access_system),
                });
            }
            self.note(kind);
            at = next;
        }
        None
    }

    /// Keeps the name of a stream that is not decoded.
    fn note(&mut self, kind: u8) {
        let video = match kind {
            0x01 => Some("mpeg1video"),
            0x02 => Some("mpeg2video"),
            0x10 => Some("mpeg4"),
            0x21 => Some("jpeg2000"),
            0x33 => Some("vvc"),
            0x42 => Some("cavs"),
            0xd1 => Some("dirac"),
            0xea => Some("vc1"),
            _ => None,
        };
        self.unsupported = self.unsupported.or(video);
        let name = match kind {
            0x03 | 0x04 => "audio mpeg".to_owned(),
            0x0f | 0x11 => "audio aac".to_owned(),
            0x81 => "audio ac3".to_owned(),
            0x87 => "audio eac3".to_owned(),
            other => format!("type {other:#04x}"),
        };
        if self.names.len() < 100 {
            self.names.push(name);
        }
    }

    /// Why there is no video.
    pub(super) fn no_video_error(&self) -> IndexError {
        if let Some(codec) = self.unsupported {
            return IndexError::UnsupportedCodec {
                codec: codec.to_owned(),
            };
        }
        if self.names.is_empty() {
            return IndexError::Damaged {
                container: NAME,
                what: "there is no program map".to_owned(),
            };
        }
        IndexError::NoVideoTrack {
            tracks: self.names.join(", "),
        }
    }
}

/// The system that a conditional access descriptor (ISO 13818-1 clause 2.6.16) among these names.
fn access_system(descriptors: &[u8]) -> Option<u16> {
    let mut rest = descriptors;
    loop {
        let (tag, length) = (rest.u8(0)?, usize::from(rest.u8(1)?));
        if tag == 9 {
            return rest.be16(2);
        }
        rest = rest.get(2 + length..)?;
    }
}
