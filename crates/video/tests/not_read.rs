//! What is not read: containers of other kinds, and encrypted streams; and what only looks so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::{H264, clip, index_of, index_of_bytes, make, read_index, small, with};
use framemill_video::{IndexError, VideoIndex};

fn error(outcome: Result<Box<VideoIndex>, IndexError>) -> IndexError {
    outcome.expect_err("an error")
}

fn is_damaged(bytes: &[u8]) {
    let index = index_of_bytes(bytes).unwrap();
    let codes: Vec<_> = index.warnings.iter().map(|it| it.code.as_str()).collect();
    assert!(codes.contains(&"damaged_data"), "{codes:?}");
}

fn stream() -> Vec<u8> {
    let path = make("s.ts", &small(), &with(&H264, &["-bf", "2"]));
    std::fs::read(path).unwrap()
}

/// Containers that are known and not read: each is named, and what the message advises makes a file
/// that is read.
#[test]
fn other_containers_are_named_and_the_advice_helps() {
    let copied = ["-c:v", "libx264", "-g", "12", "-pix_fmt", "yuv420p"];
    let still = |codec| vec!["-c:v", codec];
    for (name, container, arguments) in [
        ("x.flv", "flv", copied.to_vec()),
        ("x.mxf", "mxf", [&copied[..], &["-bf", "2"]].concat()),
        ("x.nut", "nut", copied.to_vec()),
        ("x.vob", "mpeg program stream", copied.to_vec()),
        ("x.mpg", "mpeg program stream", still("mpeg1video")),
        ("x.wmv", "asf (wmv)", still("wmv2")),
        ("x.wtv", "wtv", still("mpeg2video")),
        ("x.ogv", "ogg", still("libtheora")),
        ("x.m2v", "mpeg-1/2 video stream", still("mpeg2video")),
        ("x.gif", "gif", still("gif")),
        ("x.rm", "realmedia", vec!["-c:v", "rv10", "-s", "160x128"]),
        ("x.y4m", "yuv4mpeg", Vec::new()),
        (
            "x.dv",
            "dv",
            vec!["-c:v", "dvvideo", "-s", "720x576", "-pix_fmt", "yuv420p"],
        ),
    ] {
        let path = make(name, &small(), &arguments);
        let found = error(index_of(&path).0);
        let IndexError::UnsupportedContainer {
            container: named,
            remedy,
        } = &found
        else {
            panic!("{name}: {found}")
        };
        assert_eq!(*named, container, "{name}");
        let text = found.to_string();
        assert!(text.contains(container) && text.contains(remedy), "{text}");
        let command = text.split('`').nth(1).unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        let ["ffmpeg", middle @ .., output] = &words[..] else {
            panic!("{command}")
        };
        let middle: Vec<&str> = middle
            .iter()
            .map(|word| {
                if *word == "IN" {
                    path.to_str().unwrap()
                } else {
                    word
                }
            })
            .collect();
        let (index, _) = index_of(&clip(&format!("{name}-{output}"), &middle));
        let index = index.unwrap_or_else(|error| panic!("{name}, {command}: {error}"));
        assert_eq!(index.config.codec, framemill_video::Codec::H264, "{name}");
    }
}

/// Operators may put up to 64 KiB in front of an MXF file.
#[test]
fn mxf_behind_a_run_in_is_named() {
    let path = make(
        "x.mxf",
        &small(),
        &["-c:v", "libx264", "-pix_fmt", "yuv420p"],
    );
    let mut file = vec![b'-'; 1000];
    file.extend(std::fs::read(path).unwrap());
    let found = error(index_of_bytes(&file));
    let container = match &found {
        IndexError::UnsupportedContainer { container, .. } => *container,
        _ => panic!("{found}"),
    };
    assert_eq!(container, "mxf");
}

/// The first letter of GIF is the sync byte of transport streams.
#[test]
fn a_transport_stream_that_starts_like_a_gif_is_read() {
    let expected = index_of_bytes(&stream()).unwrap().samples.len();
    for start in [&b"GIF8"[..], b"GIF89a"] {
        let mut file = start.to_vec();
        file.resize(188, 0);
        file.extend(stream());
        assert_eq!(index_of_bytes(&file).unwrap().samples.len(), expected);
    }
}

/// Where each transport packet of the video starts that has a payload.
fn video_packets(file: &[u8]) -> Vec<usize> {
    let of_video =
        |at: &usize| (file[at + 1] & 0x1f, file[at + 2]) == (1, 0) && file[at + 3] & 0x10 != 0;
    (0..file.len()).step_by(188).filter(of_video).collect()
}

fn scrambled(file: &[u8], packets: &[usize]) -> Vec<u8> {
    let mut file = file.to_vec();
    for at in packets {
        file[at + 3] |= 0x80;
    }
    file
}

/// A flipped bit in a packet's head does not make a stream an encrypted one.
#[test]
fn a_stray_scrambling_bit_is_damage() {
    let file = stream();
    let packets = video_packets(&file);
    let good = index_of_bytes(&file).unwrap();
    // Parameter sets are in the first: the pictures that need them go with it.
    is_damaged(&scrambled(&file, &packets[..1]));
    for place in [packets.len() / 3, packets.len() / 2, packets.len() - 1] {
        let index = index_of_bytes(&scrambled(&file, &packets[place..=place])).unwrap();
        let [warning] = &index.warnings[..] else {
            panic!("packet {place}: {:?}", index.warnings)
        };
        assert_eq!(warning.code, "damaged_data");
        let expected = format!("1 of {} packets", packets.len());
        assert!(warning.message.contains(&expected), "{}", warning.message);
        let hit = |sample: &&framemill_video::Sample| {
            sample.range().start <= packets[place] as u64
                && sample.range().end > packets[place] as u64
        };
        let times: Vec<_> = good.samples.iter().filter(hit).map(|it| it.pts).collect();
        assert!(!times.is_empty(), "packet {place} is in a picture");
        let (from, to) = (warning.from_pts.unwrap(), warning.to_pts.unwrap());
        // A packet with a picture's time may be the one: its neighbours in the file tell it, which
        // with B pictures are a few pictures away.
        let near = (from.0 - 5 * 3600)..=(to.0 + 5 * 3600);
        assert!(
            times.iter().all(|time| near.contains(&time.0)),
            "packet {place}: {times:?} is not near {warning:?}"
        );
        let span = good.timescale.seconds(to.0 - from.0);
        assert!(
            span < 0.5,
            "packet {place}: {span} s of 2 s are said to be damaged"
        );
        assert!(
            good.samples.len() - index.samples.len() <= 1,
            "packet {place}"
        );
    }
}

#[test]
fn a_scrambled_stream_is_encrypted() {
    let file = stream();
    let packets = video_packets(&file);
    let is_encrypted = |bytes: &[u8]| {
        let found = error(index_of_bytes(bytes));
        assert!(matches!(found, IndexError::Encrypted { .. }), "{found}");
    };
    is_encrypted(&scrambled(&file, &packets));
    // Tables and the head of a stream may be clear.
    is_encrypted(&scrambled(&file, &packets[packets.len() / 3..]));
    let late = scrambled(&file, &packets[packets.len() * 2 / 3..]);
    is_damaged(&late);
}

/// What announces conditional access is said at once: nobody reads a recording of many gigabytes
/// for it.
#[test]
fn announced_conditional_access_is_found_at_the_start() {
    let file = stream();
    let packets = video_packets(&file);
    let map = (0..file.len())
        .step_by(188)
        .find(|at| (file[at + 1] & 0x1f, file[at + 2]) == (0x10, 0))
        .unwrap();
    let announced = |file: &[u8]| {
        let mut file = file.to_vec();
        let length = usize::from(file[map + 7]);
        // Descriptors of the program, after its clock's packet.
        file[map + 7] += 6;
        file.copy_within(map + 17..map + 182, map + 23);
        file[map + 15..map + 17].copy_from_slice(&[0xf0, 6]);
        file[map + 17..map + 23].copy_from_slice(&[9, 4, 0x0b, 0, 0xe1, 0x20]);
        assert!(length + 9 < 183);
        file
    };
    let clear = announced(&file);
    // A recording that was descrambled keeps the announcement.
    assert_eq!(index_of_bytes(&clear).unwrap().warnings, []);
    // Nor is a recording encrypted that starts before the receiver has its key.
    let long = clear.repeat(450 / packets.len() + 1);
    is_damaged(&scrambled(&long, &video_packets(&long)[..150]));
    let many = scrambled(&clear, &packets).repeat(50_000 / packets.len() + 1);
    let fetch =
        |range: framemill_video::ByteRange| many[range.start as usize..range.end as usize].to_vec();
    let (found, reads) = read_index(many.len() as u64, fetch);
    let found = error(found);
    assert!(matches!(found, IndexError::Encrypted { .. }), "{found}");
    assert!(found.to_string().contains("0x0b00"), "{found}");
    assert!(
        reads.bytes < many.len() as u64 / 2,
        "{reads:?} of {}",
        many.len()
    );
}
