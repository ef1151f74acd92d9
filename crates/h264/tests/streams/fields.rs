//! Frames of two fields (PAFF).

use crate::decode;
use crate::writer::{Bits, Head, Stream};
use framemill_h264::{Frame, Samples};

fn stream() -> Stream {
    Stream {
        interlaced: true,
        height: 4,
        ..Stream::default()
    }
}

fn field(frame_num: u32, bottom: bool) -> Head {
    Head {
        idr: frame_num == 0 && !bottom,
        frame_num,
        field: Some(bottom),
        ..Head::default()
    }
}

/// Values of the first two lines: the top and the bottom field's.
fn lines(frame: &Frame) -> [u8; 2] {
    let plane = &frame.planes[0];
    let Samples::U8(samples) = &plane.samples else {
        panic!("8 bit expected");
    };
    for (y, line) in samples.chunks(plane.stride).enumerate() {
        assert!(
            line.iter()
                .all(|sample| *sample == samples[y % 2 * plane.stride]),
            "line {y}"
        );
    }
    [samples[0], samples[plane.stride]]
}

#[test]
fn two_fields_are_a_frame() {
    let stream = stream();
    let top = stream.pcm(&field(0, false), &[50; 4]);
    let bottom = stream.pcm(&field(0, true), &[90; 4]);
    let sets = vec![stream.sps(), stream.pps()];
    // In one access unit, and in two.
    for (units, second_tag) in [
        (vec![sets.clone(), vec![top.clone(), bottom.clone()]], None),
        (
            vec![sets.clone(), vec![top.clone()], vec![bottom.clone()]],
            Some(2),
        ),
    ] {
        let frames = decode(&units);
        assert_eq!(frames.len(), 1);
        assert_eq!((frames[0].tag, frames[0].second_tag), (1, second_tag));
        assert_eq!(lines(&frames[0]), [50, 90]);
        assert_eq!(frames[0].damage, None);
    }
    let frames = decode(&[sets, vec![top]]);
    assert_eq!(
        frames[0].damage.as_deref(),
        Some("one field of the frame is missing")
    );
}

#[test]
fn fields_refer_to_fields() {
    let stream = stream();
    let units = vec![
        vec![stream.sps(), stream.pps()],
        // The second field copies the first.
        vec![
            stream.pcm(&field(0, false), &[50; 4]),
            stream.skip(&field(0, true), 4),
        ],
        vec![
            stream.pcm(&field(1, false), &[70; 4]),
            stream.pcm(&field(1, true), &[80; 4]),
        ],
        // Fields of the same parity come first.
        vec![
            stream.skip(&field(2, false), 4),
            stream.skip(&field(2, true), 4),
        ],
        // Picture numbers of the other parity are even: the bottom field before, then the top one.
        vec![
            stream.skip(
                &Head {
                    modification: other(2),
                    ..field(3, false)
                },
                4,
            ),
            stream.skip(
                &Head {
                    modification: other(2),
                    ..field(3, true)
                },
                4,
            ),
        ],
        // A frame of both.
        vec![stream.skip(
            &Head {
                frame_num: 4,
                ..Head::default()
            },
            8,
        )],
    ];
    let frames = decode(&units);
    let found: Vec<_> = frames.iter().map(lines).collect();
    assert!(frames.iter().all(|frame| frame.damage.is_none()));
    assert_eq!(found, [[50, 50], [70, 80], [70, 80], [80, 70], [80, 70]]);
}

/// A difference of picture numbers, less 1, of the first reference.
fn other(difference: u32) -> Option<Bits> {
    Some(Bits::default().ue(0).ue(difference).ue(3))
}
