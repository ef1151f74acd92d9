//! H.264 whose fields have a sample each, as `ffmpeg -c copy` makes MP4 files of transport streams.

use crate::harness::*;
use crate::mp4::{Part, boxed, joined, words};
use crate::writer::{Head, Stream};
use framemill_contract::{DropReason, Manifest, Outcome};

/// Frames of two fields; every second one is referred to by none.
const FRAMES: u32 = 5;

fn stream() -> Stream {
    Stream {
        interlaced: true,
        height: 4,
        ..Stream::default()
    }
}

/// The fields of all frames: each a NAL unit.
fn fields() -> Vec<Vec<u8>> {
    let mut frame_num = 0;
    let mut fields = Vec::new();
    for frame in 0..FRAMES {
        let reference = frame % 2 == 0;
        for bottom in [false, true] {
            let head = Head {
                idr: frame == 0 && !bottom,
                reference,
                frame_num,
                field: Some(bottom),
                ..Head::default()
            };
            let value = 40 + 30 * frame as u8 + 10 * u8::from(bottom);
            fields.push(stream().pcm(&head, &[value; 4]));
        }
        frame_num += u32::from(reference);
    }
    fields
}

/// An SEI message that says nothing.
const SEI: &[u8] = &[6, 5, 1, 0, 0x80];

fn prefixed(unit: &[u8]) -> Vec<u8> {
    [&(unit.len() as u32).to_be_bytes(), unit].concat()
}

/// A track with these samples of NAL units.
fn file(samples: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let sets = [stream().sps(), stream().pps()];
    let mut config = vec![1, 66, 0, 40, 0xff];
    for set in &sets {
        config.push(1);
        config.extend((set.len() as u16).to_be_bytes());
        config.extend(set);
    }
    let head = [words(&[0, 1, 0, 0, 0, 0, 32 << 16 | 64]), vec![0; 50]].concat();
    let samples = samples.iter().enumerate().map(|(number, units)| {
        let bytes = units.iter().flat_map(|unit| prefixed(unit)).collect();
        (bytes, number == 0)
    });
    let part = Part {
        file: Vec::new(),
        entry: boxed(b"avc1", &[head, boxed(b"avcC", &config)].concat()),
        samples: samples.collect(),
    };
    joined(&[&part.entry], &[(&part, 1)])
}

fn extracted(file: &[u8], every: &str) -> Manifest {
    let store = Memory::with_video(file, 5);
    let every = ("every_frames", every);
    let config = config(&[every, ("format", "png"), ("dedupe", "off")]);
    let outcome = run(&store, &config, 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store.json(MANIFEST)
}

/// Index and content of the images; nothing is lost or damaged.
fn images(manifest: &Manifest) -> Vec<(u64, &str)> {
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    assert!(manifest.damaged.is_empty(), "{:?}", manifest.damaged);
    let frames = manifest.frames.iter();
    frames
        .map(|frame| (frame.index, frame.sha256.as_str()))
        .collect()
}

#[test]
fn a_frame_is_made_once_whichever_of_its_samples_are_selected() {
    let fields = fields();
    let together: Vec<_> = fields.chunks(2).map(<[_]>::to_vec).collect();
    let apart: Vec<_> = fields.iter().map(|field| vec![field.clone()]).collect();
    let and_sei: Vec<_> = fields
        .iter()
        .flat_map(|field| [vec![SEI.to_vec()], vec![field.clone()]])
        .collect();
    let whole = extracted(&file(&together), "1");
    let expected = images(&whole);
    assert_eq!(expected.len(), FRAMES as usize);

    for (samples, spread) in [(&apart, 2), (&and_sei, 4)] {
        let file = file(samples);
        let all = extracted(&file, "1");
        let scaled: Vec<_> = expected
            .iter()
            .map(|(index, hash)| (index * spread, *hash))
            .collect();
        assert_eq!(images(&all), scaled);
        for dropped in &all.dropped {
            assert_eq!(dropped.reason, DropReason::SameFrame);
            assert_eq!(dropped.like, Some(dropped.index / spread * spread));
        }
        let selected = all.frames.len() + all.dropped.len();
        assert_eq!(selected as u64, u64::from(FRAMES) * spread);

        // Any sample stands for its frame, disposable ones and the last one too.
        for step in 1..u64::from(FRAMES) * spread {
            let some = extracted(&file, &step.to_string());
            let mut frames: Vec<_> = (0..u64::from(FRAMES) * spread)
                .step_by(step as usize)
                .map(|index| (index, expected[(index / spread) as usize].1))
                .collect();
            frames.dedup_by_key(|(_, hash)| *hash);
            assert_eq!(images(&some), frames, "every {step} of {spread}");
        }
    }
}
