//! Access units in an H.264 or HEVC byte stream that arrives in pieces: where each starts and
//! ends, its place in presentation order, and whether decoding can start there.

use super::config::{CodecParameters, push_nal};
use crate::bitstream::{ParameterSets, h264, hevc, nal};
use crate::{Codec, Dependence};

/// Bytes of a NAL unit kept to be parsed: slices need 64, parameter sets rarely more than 500.
const HEAD: usize = 4096;
/// Bytes of a slice kept.
const SLICE_HEAD: usize = 96;
/// Parameter sets kept for the configuration.
const MAX_SETS: usize = 64;

/// One access unit, found when the next one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// First byte in the stream, start code included.
    pub(super) start: u64,
    /// One past the last byte.
    pub(super) end: u64,
    /// Picture order count.
    pub(super) order: i64,
    /// The count starts anew: all pictures before are shown before.
    pub(super) restart: bool,
    pub(super) sync: bool,
    pub(super) shown: bool,
    pub(super) dependence: Dependence,
}

/// Splits a byte stream into access units.
#[derive(Debug)]
pub(super) struct Splitter {
    codec: Syntax,
    /// Bytes taken in.
    position: u64,
    /// The last two bytes taken in.
    tail: Vec<u8>,
    /// The NAL unit being taken in: start (with start code) and first bytes.
    unit: Option<(u64, Vec<u8>)>,
    wanted: usize,
    current: Option<Picture>,
    /// First NAL unit after the current picture that may belong to the next.
    next_start: Option<u64>,
    /// What the NAL units before the next picture say.
    prefix: Prefix,
    sets: Vec<(u8, Vec<u8>)>,
    found: Vec<Picture>,
    /// No picture has been complete with its parameter sets so far.
    unparsed_slices: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Prefix {
    recovery_point: bool,
    sequence_start: bool,
}

#[derive(Debug)]
enum Syntax {
    H264 {
        sets: Box<ParameterSets<h264::Sps, h264::Pps>>,
        counter: h264::PocCounter,
        last: Option<h264::SliceHeader>,
        first_field: Option<h264::SliceHeader>,
    },
    Hevc {
        sets: Box<ParameterSets<hevc::Sps, hevc::Pps>>,
        counter: hevc::PocCounter,
        /// Leading pictures that cannot be decoded follow (after a first CRA, or a BLA).
        skip_leading: bool,
    },
}

/// What one NAL unit means for the division into access units.
enum NalRole {
    /// Belongs to what is before.
    Continues,
    /// May start an access unit, if a picture is before.
    MayStart,
    /// A slice of the picture before.
    SamePicture,
    /// A slice of the second field of the picture before, with its count.
    SecondField(i64),
    /// A slice that starts a picture (places are filled in later).
    NewPicture(Picture),
}

impl Splitter {
    pub(super) fn new(codec: Codec) -> Self {
        let codec = match codec {
            Codec::Hevc => Syntax::Hevc {
                sets: Box::default(),
                counter: hevc::PocCounter::default(),
                skip_leading: false,
            },
            _ => Syntax::H264 {
                sets: Box::default(),
                counter: h264::PocCounter::default(),
                last: None,
                first_field: None,
            },
        };
        Self {
            codec,
            position: 0,
            tail: Vec::new(),
            unit: None,
            wanted: HEAD,
            current: None,
            next_start: None,
            prefix: Prefix::default(),
            sets: Vec::new(),
            found: Vec::new(),
            unparsed_slices: 0,
        }
    }

    /// Takes in the next piece of the stream.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let base = self.position;
        let mut from = 0; // first byte of `piece` that belongs to the open unit
        let mut search = 0;
        if let Some(code_end) = self.code_across(piece) {
            // The start code began before this piece.
            let code_in_tail = (self.tail.len() + code_end).saturating_sub(3);
            let before = code_in_tail.checked_sub(1).and_then(|at| self.tail.get(at));
            let zero_byte = u64::from(before == Some(&0));
            self.start_unit((base + code_end as u64).saturating_sub(3 + zero_byte));
            (from, search) = (code_end, code_end);
        }
        while let Some(code) = nal::find_start_code(piece, search) {
            self.take_head(piece.get(from..code).unwrap_or_default());
            let zero_byte = self.byte_before(piece, code) == Some(0);
            self.start_unit((base + code as u64).saturating_sub(u64::from(zero_byte)));
            (from, search) = (code + 3, code + 3);
        }
        self.take_head(piece.get(from..).unwrap_or_default());
        self.position = base + piece.len() as u64;
        self.tail
            .extend_from_slice(piece.get(piece.len().saturating_sub(3)..).unwrap_or(piece));
        let excess = self.tail.len().saturating_sub(3);
        self.tail.drain(..excess);
    }

    fn byte_before(&self, piece: &[u8], at: usize) -> Option<u8> {
        match at.checked_sub(1) {
            Some(before) => piece.get(before).copied(),
            None => self.tail.last().copied(),
        }
    }

    /// Where in `piece` a start code ends that begins in the bytes before it.
    fn code_across(&self, piece: &[u8]) -> Option<usize> {
        let tail = self.tail.get(self.tail.len().saturating_sub(2)..)?;
        let mut joined = tail.to_vec();
        joined.extend(piece.iter().take(2));
        let at = joined.windows(3).position(|window| window == [0, 0, 1])?;
        (at < tail.len()).then(|| at + 3 - tail.len())
    }

    fn take_head(&mut self, bytes: &[u8]) {
        if let Some((_, head)) = &mut self.unit {
            let room = self.wanted.saturating_sub(head.len());
            head.extend(bytes.iter().take(room));
            if let Some(&first) = head.first() {
                let slice = match self.codec {
                    Syntax::H264 { .. } => (1..=5).contains(&(first & 0x1f)),
                    Syntax::Hevc { .. } => hevc::is_slice((first >> 1) & 0x3f),
                };
                self.wanted = if slice { SLICE_HEAD } else { HEAD };
            }
        }
    }

    /// A start code ends the open unit and opens another.
    fn start_unit(&mut self, start: u64) {
        self.end_unit();
        self.unit = Some((start, Vec::with_capacity(SLICE_HEAD)));
        self.wanted = HEAD;
    }

    fn end_unit(&mut self) {
        let Some((start, mut head)) = self.unit.take() else {
            return;
        };
        if head.len() < self.wanted {
            while let [.., 0] = head.as_slice() {
                head.pop();
            }
        }
        if head.is_empty() {
            return;
        }
        let meaning = match self.codec {
            Syntax::H264 { .. } => self.h264_unit(&head),
            Syntax::Hevc { .. } => self.hevc_unit(&head),
        };
        match meaning {
            NalRole::Continues => {}
            NalRole::MayStart => {
                self.next_start.get_or_insert(start);
            }
            NalRole::SamePicture => self.next_start = None,
            NalRole::SecondField(order) => {
                self.next_start = None;
                if let Some(current) = &mut self.current {
                    current.order = current.order.min(order);
                }
            }
            NalRole::NewPicture(mut picture) => {
                let begin = self.next_start.take().unwrap_or(start);
                self.end_picture(begin);
                picture.start = begin;
                self.current = Some(picture);
                self.prefix = Prefix::default();
            }
        }
    }

    fn end_picture(&mut self, end: u64) {
        if let Some(mut picture) = self.current.take() {
            picture.end = end;
            self.found.push(picture);
        }
    }

    /// The stream has ended.
    pub(super) fn finish(&mut self) {
        self.end_unit();
        self.end_picture(self.position);
    }

    /// Access units completed since the last call.
    pub(super) fn take_found(&mut self) -> Vec<Picture> {
        std::mem::take(&mut self.found)
    }

    /// First byte of the stream that a future access unit may start at.
    pub(super) fn needed_from(&self) -> u64 {
        let open = self.unit.as_ref().map(|(start, _)| *start);
        let starts = [self.current.map(|p| p.start), self.next_start, open];
        starts.into_iter().flatten().min().unwrap_or(self.position)
    }

    /// Slices without parameter sets, which were left out.
    pub(super) fn unparsed_slices(&self) -> u64 {
        self.unparsed_slices
    }

    /// The codec's configuration as the parameter sets say.
    pub(super) fn parameters(&self) -> CodecParameters {
        let mut stream = Vec::new();
        // An H.265 decoder wants VPS before SPS before PPS, and so are the types numbered.
        for (_, set) in &self.sets {
            push_nal(&mut stream, set);
        }
        let codec = match self.codec {
            Syntax::H264 { .. } => Codec::H264,
            Syntax::Hevc { .. } => Codec::Hevc,
        };
        CodecParameters::from_access_unit(codec, None, &stream)
    }

    /// Keeps the first parameter set of each type and id.
    fn keep_set(&mut self, key: u8, unit: &[u8]) {
        let known = self
            .sets
            .iter()
            .any(|(of, set)| *of == key && same_id(set, unit));
        if !known && self.sets.len() < MAX_SETS {
            self.sets.push((key, unit.to_vec()));
            self.sets.sort_by_key(|(key, _)| *key);
        }
    }

    fn h264_unit(&mut self, unit: &[u8]) -> NalRole {
        use h264::nal_type::{AUD, IDR, PARTITION_A, PPS, SEI, SLICE, SPS};
        let Some(kind) = h264::nal_unit_type(unit) else {
            return NalRole::Continues;
        };
        match kind {
            SPS | PPS => {
                if let Syntax::H264 { sets, .. } = &mut self.codec
                    && sets.insert(unit)
                {
                    self.prefix.sequence_start |= kind == SPS;
                    self.keep_set(kind, unit);
                }
                NalRole::MayStart
            }
            SEI => {
                self.prefix.recovery_point |= h264::is_recovery_point(unit);
                NalRole::MayStart
            }
            AUD | 14..=18 => NalRole::MayStart,
            SLICE | PARTITION_A | IDR => self.h264_slice(unit),
            _ => NalRole::Continues,
        }
    }

    fn h264_slice(&mut self, unit: &[u8]) -> NalRole {
        let Syntax::H264 {
            sets,
            counter,
            last,
            first_field,
        } = &mut self.codec
        else {
            return NalRole::Continues;
        };
        let parsed = h264::SliceHeader::parse(unit, sets);
        let (Some(slice), Some((sps, _))) = (parsed, parsed.and_then(|s| sets.of(s.pps_id))) else {
            self.unparsed_slices = self.unparsed_slices.saturating_add(1);
            return NalRole::Continues;
        };
        let same = last.is_some_and(|last| !slice.starts_picture_after(&last));
        *last = Some(slice);
        if same {
            return NalRole::SamePicture;
        }
        let order = counter.next(sps, &slice);
        if first_field
            .take()
            .is_some_and(|first| slice.completes_frame_of(&first))
        {
            return NalRole::SecondField(order);
        }
        *first_field = slice.field.then_some(slice);
        let intra = slice.slice_type == h264::SliceType::I;
        let Prefix {
            recovery_point,
            sequence_start,
        } = self.prefix;
        NalRole::NewPicture(Picture {
            start: 0,
            end: 0,
            order,
            restart: slice.idr,
            sync: slice.idr || recovery_point || (intra && sequence_start),
            shown: true,
            dependence: if slice.ref_idc == 0 {
                Dependence::Disposable
            } else {
                Dependence::Needed
            },
        })
    }

    fn hevc_unit(&mut self, unit: &[u8]) -> NalRole {
        use hevc::nal_type::{AUD, PPS, PREFIX_SEI, SPS, VPS};
        let Some(kind) = hevc::nal_unit_type(unit) else {
            return NalRole::Continues;
        };
        if hevc::layer_id(unit) != Some(0) {
            return NalRole::Continues;
        }
        match kind {
            VPS | SPS | PPS => {
                let Syntax::Hevc { sets, .. } = &mut self.codec else {
                    return NalRole::Continues;
                };
                if kind == VPS || sets.insert(unit) {
                    self.keep_set(kind, unit);
                }
                NalRole::MayStart
            }
            AUD | PREFIX_SEI | 41..=44 | 48..=55 => NalRole::MayStart,
            kind if hevc::is_slice(kind) => self.hevc_slice(unit),
            _ => NalRole::Continues,
        }
    }

    fn hevc_slice(&mut self, unit: &[u8]) -> NalRole {
        let Syntax::Hevc {
            sets,
            counter,
            skip_leading,
        } = &mut self.codec
        else {
            return NalRole::Continues;
        };
        let parsed = hevc::SliceHeader::parse(unit, sets);
        let (Some(slice), Some((sps, _))) = (parsed, parsed.and_then(|s| sets.of(s.pps_id))) else {
            self.unparsed_slices = self.unparsed_slices.saturating_add(1);
            return NalRole::Continues;
        };
        if !slice.first_in_picture {
            return NalRole::SamePicture;
        }
        let order = counter.next(sps, &slice);
        let kind = slice.nal_unit_type;
        if hevc::is_random_access(kind) {
            *skip_leading = order.restart;
        }
        let skipped = matches!(kind, 8 | 9) && *skip_leading;
        let top_layer = slice.temporal_id + 1 >= sps.max_sub_layers;
        NalRole::NewPicture(Picture {
            start: 0,
            end: 0,
            order: order.count,
            restart: order.restart,
            sync: hevc::is_random_access(kind),
            shown: slice.output && !skipped,
            dependence: if hevc::is_sub_layer_non_reference(kind) && top_layer {
                Dependence::Disposable
            } else {
                Dependence::Unknown
            },
        })
    }
}

/// Whether two parameter sets of one type have one id. (Video parameter sets always do.)
fn same_id(a: &[u8], b: &[u8]) -> bool {
    let id = |set: &[u8]| {
        h264::Sps::parse(set)
            .map(|s| s.id)
            .or_else(|| h264::Pps::parse(set).map(|p| p.id))
            .or_else(|| hevc::Sps::parse(set).map(|s| s.id))
            .or_else(|| hevc::Pps::parse(set).map(|p| p.id))
    };
    id(a) == id(b)
}
