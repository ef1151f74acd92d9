//! Transport packets (ISO 13818-1 clause 2.4.3) and PES headers (2.4.3.6).

use crate::IndexError;
use crate::bitstream::nal::find_start_code;
use crate::container::fields::Fields;

/// Container name in messages.
pub(super) const NAME: &str = "mpeg-ts";
const SYNC: u8 = 0x47;

/// How packets lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// First byte of the first packet.
    pub start: u64,
    /// Bytes from one packet to the next.
    pub(super) packet_size: u64,
    /// Where the sync byte is in a packet: M2TS puts a time in front.
    pub(super) sync_at: usize,
}

fn sync_at(packet_size: usize) -> usize {
    if packet_size == 192 { 4 } else { 0 }
}

/// The layout of a file that starts so. Three sync bytes in step at least, eight where there is
/// room for them.
pub fn probe(head: &[u8]) -> Option<Layout> {
    [188_usize, 192, 204].into_iter().find_map(|size| {
        let wanted = (head.len() / size).min(8);
        if wanted < 3 {
            return None;
        }
        let in_step = |start: &usize| {
            (0..wanted).all(|index| {
                // The last of a short file may lie behind the end by the offset.
                head.u8(start + sync_at(size) + index * size)
                    .map_or(index >= 3, |byte| byte == SYNC)
            })
        };
        let start = (0..size).find(in_step)?;
        Some(Layout {
            start: start as u64,
            packet_size: size as u64,
            sync_at: sync_at(size),
        })
    })
}

/// One transport packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    pub(super) starts_unit: bool,
    /// Its payload is marked as scrambled: by conditional access, or by a flipped bit.
    pub(super) scrambled: bool,
    pub(super) continuity: u8,
    /// The adaptation field announces a gap.
    pub(super) discontinuity: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// From the bytes of one packet; `None` where it does not start with the sync byte.
    pub(super) fn parse(bytes: &'a [u8], sync_at: usize) -> Option<Self> {
        let bytes = bytes.get(sync_at..sync_at + 188)?;
        let &[SYNC, b1, b2, b3, ..] = bytes else {
            return None;
        };
        let mut payload = bytes.get(4..)?;
        let mut discontinuity = false;
        if b3 & 0x20 != 0 {
            let length = usize::from(payload.u8(0)?);
            discontinuity = length > 0 && payload.u8(1)? & 0x80 != 0;
            payload = payload.get(1 + length..).unwrap_or_default();
        }
        // Bit 7 of b1: the packet is known to be damaged.
        if b3 & 0x10 == 0 || b1 & 0x80 != 0 {
            payload = &[];
        }
        Some(Self {
            pid: (u16::from(b1 & 0x1f) << 8) | u16::from(b2),
            starts_unit: b1 & 0x40 != 0,
            scrambled: b3 & 0xc0 != 0 && !payload.is_empty(),
            continuity: b3 & 15,
            discontinuity,
            payload,
        })
    }
}

/// A PES header.
#[derive(Clone, Copy, Debug)]
pub(super) struct PesHeader {
    /// Bytes before the payload.
    pub(super) length: usize,
    pub(super) pts: Option<i64>,
    pub(super) dts: Option<i64>,
}

impl PesHeader {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        if !payload.starts_with(&[0, 0, 1]) || payload.u8(6)? & 0xc0 != 0x80 {
            return None;
        }
        let flags = payload.u8(7)?;
        let time = |at: usize| -> Option<i64> {
            let high = i64::from(payload.u8(at)? >> 1) & 7;
            let middle = i64::from(payload.be16(at + 1)? >> 1);
            let low = i64::from(payload.be16(at + 3)? >> 1);
            Some((high << 30) | (middle << 15) | low)
        };
        Some(Self {
            length: 9 + usize::from(payload.u8(8)?),
            pts: (flags & 0x80 != 0).then(|| time(9)).flatten(),
            dts: (flags & 0xc0 == 0xc0).then(|| time(14)).flatten(),
        })
    }
}

/// The packets of stream `pid` that carry something, repeats left out.
fn packets_of(bytes: &[u8], pid: u16, packet_size: u16) -> impl Iterator<Item = Packet<'_>> {
    let size = usize::from(packet_size.max(188));
    let sync_at = sync_at(size);
    let mut rest = bytes;
    let mut continuity = None;
    std::iter::from_fn(move || {
        while rest.len() >= size {
            let Some(packet) = Packet::parse(rest, sync_at) else {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            };
            rest = rest.get(size..).unwrap_or_default();
            let duplicate = continuity == Some(packet.continuity) && !packet.starts_unit;
            if packet.pid == pid && !packet.payload.is_empty() && !duplicate {
                continuity = Some(packet.continuity);
                return Some(packet);
            }
        }
        None
    })
}

/// How often packets of stream `pid` are missing or scrambled in a run of transport packets.
pub fn transport_gaps(bytes: &[u8], pid: u16, packet_size: u16) -> usize {
    let mut expected = None;
    let gap = |packet: &Packet<'_>| {
        let jumps = expected.is_some_and(|it| it != packet.continuity) && !packet.discontinuity;
        expected = Some((packet.continuity + 1) & 15);
        jumps || packet.scrambled
    };
    packets_of(bytes, pid, packet_size).filter(gap).count()
}

/// The access unit of stream `pid` in a run of transport packets.
///
/// Where a PES packet holds several, the packets at both ends may hold parts of the neighbours:
/// what is before the first access unit delimiter (where the run starts inside a PES packet) is left
/// out, and from the first one on that the next neighbour begins with. That lies in the last packet,
/// and not where a PES packet begins, as then it would have a packet of its own; others are of the
/// second field of a frame. Transport streams have to have delimiters (ISO 13818-1 clause 2.14).
///
/// # Errors
/// [`IndexError::Damaged`] where no packet is found.
pub fn transport_payload(bytes: &[u8], pid: u16, packet_size: u16) -> Result<Vec<u8>, IndexError> {
    let mut unit = Vec::with_capacity(bytes.len());
    let mut header_left = 0;
    let mut starts_inside = None;
    // Where the last packet's payload begins, and whether a PES packet does there.
    let mut last = (0, false);
    for packet in packets_of(bytes, pid, packet_size) {
        if packet.scrambled {
            continue;
        }
        starts_inside.get_or_insert(!packet.starts_unit);
        if packet.starts_unit {
            header_left = PesHeader::parse(packet.payload).map_or(0, |header| header.length);
        }
        let skip = header_left.min(packet.payload.len());
        header_left -= skip;
        last = (unit.len(), packet.starts_unit);
        unit.extend_from_slice(packet.payload.get(skip..).unwrap_or_default());
    }
    if unit.is_empty() {
        return Err(IndexError::Damaged {
            container: NAME,
            what: format!("no payload of stream {pid:#x} in {} bytes", bytes.len()),
        });
    }
    trim(&mut unit, starts_inside == Some(true), last);
    Ok(unit)
}

/// Cuts off what belongs to the access units before and after; `last` is where the last packet begins,
/// and whether a PES packet begins there.
fn trim(unit: &mut Vec<u8>, starts_inside: bool, (last, starts_unit): (usize, bool)) {
    let mut delimiters = delimiters(unit);
    let first = delimiters.next();
    // A start code may lie across the border.
    let in_last = |&at: &usize| at + 4 >= last && !(starts_unit && at <= last);
    let next = delimiters.find(in_last);
    drop(delimiters);
    if let Some(next) = next {
        unit.truncate(next);
    }
    if let Some(first) = first.filter(|_| starts_inside) {
        unit.drain(..first);
    }
}

/// Where access unit delimiters start, with their start codes. The first bytes of H.264's and
/// H.265's differ from all other NAL units of both.
fn delimiters(unit: &[u8]) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let code = find_start_code(unit, from)?;
            from = code + 3;
            let is_delimiter =
                matches!(unit.get(from..), Some([0x09, _, ..] | [0x46, 0x01, _, ..]));
            if is_delimiter {
                let zero_byte = code.checked_sub(1).and_then(|at| unit.u8(at)) == Some(0);
                return Some(code - usize::from(zero_byte));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(third: u8, fill: u8) -> [u8; 188] {
        let mut bytes = [fill; 188];
        bytes[..4].copy_from_slice(&[SYNC, 1, 0, third]);
        bytes
    }

    /// As the index takes them: a repeat of a scrambled packet is a repeat.
    #[test]
    fn scrambled_packets_count_for_continuity() {
        let run = [packet(0x11, 1), packet(0x92, 2), packet(0x12, 3)].concat();
        let unit = transport_payload(&run, 0x100, 188).unwrap();
        assert_eq!(unit, [1; 184]);
        assert_eq!(transport_gaps(&run, 0x100, 188), 1);
    }

    /// A frame's fields have a delimiter each, and a PES packet each or one together.
    #[test]
    fn fields_stay_together_and_neighbours_are_cut_off() {
        const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0x10];
        const PES: [u8; 9] = [0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0];
        let packet = |counter: u8, parts: &[&[u8]]| {
            let mut bytes = packet(0x10 | counter, 0xff);
            let payload = parts.concat();
            bytes[1] |= if payload.starts_with(&PES) { 0x40 } else { 0 };
            bytes[4..4 + payload.len()].copy_from_slice(&payload);
            bytes
        };
        let delimiters_in = |packets: &[[u8; 188]]| {
            let unit = transport_payload(&packets.concat(), 0x100, 188).unwrap();
            (delimiters(&unit).count(), unit.ends_with(&[0xff]))
        };
        let begin: &[&[u8]] = &[&PES, &DELIMITER];
        let inside: &[&[u8]] = &[&[0xff; 20], &DELIMITER];
        // Two fields, each in a PES packet; the second one also in the last packet.
        assert_eq!(
            delimiters_in(&[packet(0, begin), packet(1, begin), packet(2, &[])]),
            (2, true)
        );
        assert_eq!(
            delimiters_in(&[packet(0, begin), packet(1, begin)]),
            (2, true)
        );
        // In one PES packet.
        assert_eq!(
            delimiters_in(&[packet(0, begin), packet(1, inside), packet(2, &[])]),
            (2, true)
        );
        // The start of what comes next, behind a frame and behind two fields.
        assert_eq!(
            delimiters_in(&[packet(0, begin), packet(1, inside)]),
            (1, true)
        );
        let both = [packet(0, begin), packet(1, begin), packet(2, inside)];
        assert_eq!(delimiters_in(&both), (2, true));
        // Begins in the middle of the packet where the one before ends.
        assert_eq!(
            delimiters_in(&[packet(0, inside), packet(1, &[])]),
            (1, true)
        );
    }

    #[test]
    fn gaps_are_where_the_counter_jumps() {
        let run = |counters: &[u8]| -> Vec<u8> {
            let packets = counters.iter().map(|counter| packet(0x10 | counter, 1));
            packets.flatten().collect()
        };
        let gaps = |counters: &[u8]| transport_gaps(&run(counters), 0x100, 188);
        // From 15 to 0, and a packet that is there twice.
        assert_eq!(gaps(&[14, 15, 0, 0, 1]), 0);
        assert_eq!(gaps(&[3, 5, 6, 9]), 2);
        assert_eq!(transport_gaps(&run(&[3, 5]), 0x101, 188), 0);
    }
}
