//! Containers that are known by how they start and not read: what they are called, and how their
//! pictures get into one that is read.

use crate::IndexError;

/// For containers that often hold H.264.
const REWRAP: &str = "rewrap it with `ffmpeg -i IN -c copy OUT.mp4`, and upload that";
/// The same where sound is mostly PCM, which not every ffmpeg puts into MP4.
const REWRAP_MOV: &str = "rewrap it with `ffmpeg -i IN -c copy OUT.mov`, and upload that";
/// For containers whose codecs are others.
const ENCODE: &str =
    "re-encode it with `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4`, and upload that";

/// Its first bytes, its name, what to do.
type Foreign = (&'static [u8], &'static str, &'static str);

const MXF: Foreign = (&[0x06, 0x0e, 0x2b, 0x34], "mxf", REWRAP_MOV);
/// Key of the header's partition pack, behind a run-in of up to 64 KiB (SMPTE 377-1 clause 6.5).
const MXF_HEADER: [u8; 14] = [
    0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x02,
];

const FOREIGN: &[Foreign] = &[
    (b"FLV", "flv", REWRAP),
    MXF,
    (b"nut/multimedia container\0", "nut", REWRAP),
    (&[0, 0, 1, 0xba], "mpeg program stream", ENCODE),
    (
        &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11],
        "asf (wmv)",
        ENCODE,
    ),
    (
        &[0xb7, 0xd8, 0x00, 0x20, 0x37, 0x49, 0xda, 0x11],
        "wtv",
        ENCODE,
    ),
    (b"OggS", "ogg", ENCODE),
    (&[0, 0, 1, 0xb3], "mpeg-1/2 video stream", ENCODE),
    (b"GIF87a", "gif", ENCODE),
    (b"GIF89a", "gif", ENCODE),
    (b".RMF", "realmedia", ENCODE),
    (b"YUV4MPEG2 ", "yuv4mpeg", ENCODE),
    (&[0x1f, 0x07, 0x00, 0x3f], "dv", ENCODE),
    (&[0x1f, 0x07, 0x00, 0xbf], "dv", ENCODE),
];

fn find(head: &[u8]) -> Option<&'static Foreign> {
    let starts = |(magic, ..): &&Foreign| head.starts_with(magic);
    let behind_run_in = || head.windows(MXF_HEADER.len()).any(|key| key == MXF_HEADER);
    let first = FOREIGN.iter().find(starts);
    first.or_else(|| behind_run_in().then_some(&MXF))
}

/// Whether a file that starts so is one of these.
pub(super) fn is_known(head: &[u8]) -> bool {
    find(head).is_some()
}

/// Why a file that starts so is not read.
pub(super) fn error(head: &[u8]) -> IndexError {
    match find(head) {
        Some((_, container, remedy)) => IndexError::UnsupportedContainer { container, remedy },
        None => IndexError::UnknownContainer,
    }
}
