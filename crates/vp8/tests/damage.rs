//! Frames that are damaged or missing: nothing panics, and what is not exact says so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{clip, file, ivf, raw, reference, units};
use framemill_vp8::{Damage, Decoder, Error, Frame};
use proptest::prelude::*;

const SOURCE: &str = "testsrc2=size=96x80:rate=25:duration=0.8,noise=alls=10:allf=t";

fn small(args: &str) -> Vec<Vec<u8>> {
    units(&clip("damage", SOURCE, args))
}

/// Decodes on through errors.
fn through(units: &[Vec<u8>]) -> Vec<Result<Option<Frame>, Error>> {
    let mut decoder = Decoder::default();
    units.iter().map(|unit| decoder.decode(unit)).collect()
}

fn damages(units: &[Vec<u8>]) -> Vec<Result<Option<Damage>, Error>> {
    let decoded = through(units).into_iter();
    decoded
        .map(|it| it.map(|frame| frame.unwrap().damage()))
        .collect()
}

#[test]
fn nothing_before_a_key_frame() {
    let units = small("-b:v 200k -g 10");
    let found = damages(&units[3..]);
    assert_eq!(found[..7], [Err(Error::NoKeyFrame); 7]);
    assert!(found[7..].iter().all(|it| *it == Ok(None)));
}

#[test]
fn everything_after_an_error_until_a_key_frame() {
    let mut units = small("-b:v 200k -g 10");
    units[4].truncate(2);
    let found = damages(&units);
    assert_eq!(found[..4], [Ok(None); 4]);
    assert_eq!(found[4], Err(Error::Short(2)));
    assert!(found[5..10].iter().all(|it| matches!(it, Ok(Some(_)))));
    assert!(found[10..].iter().all(|it| *it == Ok(None)));
}

#[test]
fn everything_after_a_frame_that_is_left_out() {
    let units = small("-b:v 200k -g 10");
    let mut decoder = Decoder::default();
    decoder.decode(&units[0]).unwrap();
    decoder.leave_out();
    let frame = decoder.decode(&units[1]).unwrap().unwrap();
    assert_eq!(frame.damage(), Some(Damage::State));
    let frame = decoder.decode(&units[10]).unwrap().unwrap();
    assert_eq!(frame.damage(), None);
}

/// A frame that is cut ends before its last macroblock, and what refers to it is as damaged.
#[test]
fn a_cut_frame() {
    let whole = small("-b:v 200k -g 10");
    let mut units = whole.clone();
    let length = units[4].len();
    units[4].truncate(length - 12);
    let found = damages(&units);
    assert_eq!(found[4], Ok(Some(Damage::TokensEnd(0))));
    assert!(
        found[5..10]
            .iter()
            .all(|it| *it == Ok(Some(Damage::Reference)))
    );
    assert!(found[10..].iter().all(|it| *it == Ok(None)));
    let mut units = whole;
    units[4].truncate(20);
    assert!(matches!(
        damages(&units)[4],
        Err(Error::FirstPartition { .. })
    ));
}

#[test]
fn a_frame_with_something_after_it() {
    let mut units = small("-b:v 200k -g 10");
    units[4].extend([0; 300]);
    units[5].extend([0xff; 300]);
    let filled = damages(&units);
    assert!(filled.iter().all(|it| *it == Ok(None)), "filled up");
    units[4].extend(b"something else");
    let Ok(Some(Damage::TokensLeft(0, left))) = damages(&units)[4] else {
        panic!("{:?}", damages(&units)[4]);
    };
    assert!((314..320).contains(&left), "{left}");
}

#[test]
fn partitions_larger_than_the_frame() {
    let mut units = small("-b:v 200k -slices 4");
    let first = u32::from_le_bytes([units[0][0], units[0][1], units[0][2], 0]) >> 5;
    let sizes = 10 + first as usize;
    units[0][sizes + 5] = 0xff; // the top byte of the second one's
    assert_eq!(damages(&units)[0], Err(Error::TokenPartition(1)));
    units[0].truncate(sizes + 8);
    assert_eq!(damages(&units)[0], Err(Error::TokenPartition(0)));
}

/// Where frames refer to a golden frame from before the damage alone, they are exact again.
#[test]
fn damage_ends_where_nothing_damaged_is_referred_to() {
    // Temporal layers: the upper one refers to nothing of its own.
    let args = "-b:v 300k -deadline realtime -error-resilient default -ts-parameters ts_number_layers=2:ts_target_bitrate=150,300:ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2";
    let whole = small(args);
    let mut units = whole.clone();
    let length = units[5].len();
    units[5].truncate(length - 12);
    let (found, exact) = (through(&units), through(&whole));
    let mut recovered = 0;
    for (number, (found, exact)) in found.iter().zip(&exact).enumerate() {
        let found = found.as_ref().unwrap().as_ref().unwrap();
        let same = raw(found) == raw(exact.as_ref().unwrap().as_ref().unwrap());
        assert!(same || found.damage().is_some(), "frame {number}");
        recovered += usize::from(number > 5 && found.damage().is_none());
    }
    assert!(recovered > 3, "{recovered}");
}

/// For single bits that are flipped, something is said wherever ffmpeg says something.
#[test]
fn flipped_bits() {
    for (name, args) in [
        ("one", "-b:v 300k -g 10"),
        ("four", "-b:v 300k -g 10 -slices 4 -profile:v 2"),
    ] {
        let whole = small(args);
        let exact: Vec<_> = through(&whole)
            .into_iter()
            .map(|it| it.map(|it| it.map(|it| raw(&it))))
            .collect();
        let mut numbers = common::Numbers(1);
        let [mut told, mut harmless, mut silent] = [0; 3];
        for flip in 0..200 {
            let mut units = whole.clone();
            let unit = numbers.below(units.len() as u64) as usize;
            // Half of all in the headers.
            let bits = 8 * if flip % 2 == 0 { 40 } else { units[unit].len() };
            let bit = numbers.below(bits as u64) as usize;
            units[unit][bit / 8] ^= 1 << (bit % 8);
            let found = through(&units);
            let doubt = |it: &Result<Option<Frame>, Error>| match it {
                Ok(Some(frame)) => frame.damage().is_some(),
                Ok(None) => true,
                Err(_) => true,
            };
            if found.iter().any(doubt) {
                told += 1;
                continue;
            }
            let same = found.iter().zip(&exact).all(|(found, exact)| {
                let found = found.as_ref().unwrap().as_ref().unwrap();
                Some(&raw(found)) == exact.as_ref().unwrap().as_ref()
            });
            let path = file(&format!("flipped-{name}-{flip}.ivf"));
            std::fs::write(&path, ivf(&units)).unwrap();
            let (_, words) = reference(&path, "vp8");
            std::fs::remove_file(&path).unwrap();
            assert_eq!(words, "", "{name}: bit {bit} of frame {unit}");
            harmless += usize::from(same);
            silent += usize::from(!same);
        }
        println!("{name}: {told} told, {harmless} harmless, {silent} silent, as is ffmpeg");
        assert!(told > 150, "{name}: {told} told, {silent} silent");
    }
}

/// As many cases as asked for.
fn config() -> ProptestConfig {
    let cases = std::env::var("FRAMEMILL_FUZZ_CASES");
    ProptestConfig {
        cases: cases.map_or(256, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Decodes, and looks at every pixel.
fn survive(units: &[Vec<u8>]) {
    for frame in through(units).into_iter().flatten().flatten() {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        assert_eq!(frame.samples(0).len(), width * height);
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        assert_eq!(
            [frame.samples(1).len(), frame.samples(2).len()],
            [chroma; 2]
        );
    }
}

/// A frame's tag and, in key frames, its start code, before any bytes; sizes are small, as time
/// is.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..600);
    (any::<[u8; 3]>(), 1..80_u8, 1..80_u8, any::<bool>(), bytes).prop_map(
        |([a, b, _], width, height, tagged, bytes)| {
            if !tagged {
                return bytes;
            }
            let mut frame = vec![a & 0xf7, b & 0x0f, 0];
            if a & 1 == 0 {
                frame.extend([0x9d, 0x01, 0x2a, width, 0, height, 0]);
            }
            frame.extend(bytes);
            frame
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes(units in prop::collection::vec(any_frame(), 1..6)) {
        // A key frame of up to 16383x16383 pixels takes its time; the caller looks before.
        let small = |unit: &Vec<u8>| match framemill_vp8::key_frame_size(unit) {
            Ok(Some(size)) => size.width < 200 && size.height < 200,
            _ => true,
        };
        survive(&units.into_iter().filter(small).collect::<Vec<_>>());
    }

    #[test]
    fn changed_bytes(
        changes in prop::collection::vec((0..20_usize, 0.0..1.0_f64, any::<u8>()), 1..8),
        cut in prop::option::of((0..20_usize, 0.0..1.0_f64)),
        pick in 0..3_usize,
    ) {
        let args = ["-b:v 200k -g 6", "-b:v 200k -slices 8 -profile:v 3", "-b:v 90k -profile:v 1"];
        let mut units = small(args[pick]);
        for (unit, at, byte) in changes {
            // Squared: where the headers are, more.
            let at = (at * at * units[unit].len() as f64) as usize;
            let is_size = units[unit][0] & 1 == 0 && (6..10).contains(&at);
            if !is_size {
                units[unit][at] = byte;
            }
        }
        if let Some((unit, at)) = cut {
            let length = (at * units[unit].len() as f64) as usize;
            units[unit].truncate(length);
        }
        survive(&units);
    }
}
