//! Bytes that are no streams, or almost: an error, never a panic, and memory within the level's bounds.

use crate::writer::{Bits, Head, Stream};
use framemill_h264::Decoder;
use proptest::prelude::*;

/// Parameter sets, an intra picture, copies of it, fields.
fn units(interlaced: bool) -> Vec<Vec<u8>> {
    let stream = Stream {
        interlaced,
        height: 4,
        ..Stream::default()
    };
    let head = |frame_num: u32, field| Head {
        idr: frame_num == 0 && field != Some(true),
        frame_num,
        field,
        ..Head::default()
    };
    let mut units = vec![stream.sps(), stream.pps()];
    if interlaced {
        units.push(stream.pcm(&head(0, Some(false)), &[40; 4]));
        units.push(stream.skip(&head(0, Some(true)), 4));
        units.push(stream.skip(&head(1, Some(false)), 4));
        units.push(stream.skip(&head(1, Some(true)), 4));
    } else {
        units.push(stream.pcm(&head(0, None), &[40; 8]));
    }
    units.push(stream.skip(&head(2, None), 8));
    units.push(stream.pcm(&head(3, None), &[50; 8]));
    units
}

fn decode(units: &[Vec<u8>]) {
    let mut decoder = Decoder::default();
    for (tag, unit) in units.iter().enumerate() {
        let _ = decoder.decode([unit.as_slice()], tag as i64);
    }
    decoder.flush();
}

proptest! {
    #[test]
    fn random_units_do_no_harm(
        random in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..12),
    ) {
        decode(&random);
    }

    #[test]
    fn random_slices_do_no_harm(
        interlaced in any::<bool>(),
        heads in proptest::collection::vec(prop_oneof![Just(0x65_u8), Just(0x41), Just(0x01), Just(0x61)], 1..8),
        bytes in proptest::collection::vec(any::<u8>(), 200),
    ) {
        let mut all = units(interlaced);
        for (number, head) in heads.iter().enumerate() {
            all.push([&[*head], &bytes[number * 20..]].concat());
        }
        decode(&all);
    }

    #[test]
    fn mutations_do_no_harm(
        interlaced in any::<bool>(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), 0..40_usize, any::<u8>()), 1..6),
    ) {
        let mut all = units(interlaced);
        for (unit, at, value) in places {
            let unit = unit.get(&all).clone();
            let place = all.iter().position(|it| *it == unit).unwrap();
            if let Some(byte) = all[place].get_mut(at) {
                *byte = value;
            }
        }
        decode(&all);
    }
}

#[test]
fn what_no_encoder_may_say_of_references_is_refused() {
    let stream = Stream::default();
    let refused = |head: &Head| {
        let mut decoder = Decoder::default();
        let first = Head {
            idr: true,
            ..Head::default()
        };
        let begin = [stream.sps(), stream.pps(), stream.pcm(&first, &[40; 4])];
        decoder.decode(begin.iter().map(Vec::as_slice), 0).unwrap();
        let copy = stream.skip(head, 4);
        let error = decoder.decode([copy.as_slice()], 1).unwrap_err();
        error.to_string()
    };
    let second = Head {
        frame_num: 1,
        ..Head::default()
    };
    let modifications = Bits::default().ue(0).ue(0).ue(0).ue(0).ue(3);
    let twice = refused(&Head {
        modification: Some(modifications),
        ..second.clone()
    });
    assert!(twice.contains("more modifications"), "{twice}");
    let far = refused(&Head {
        modification: Some(Bits::default().ue(0).ue(16).ue(3)),
        ..second.clone()
    });
    assert!(far.contains("abs_diff_pic_num_minus1 is 16"), "{far}");
    let long = refused(&Head {
        marking: Some(Bits::default().ue(6).ue(2).ue(0)),
        ..second
    });
    assert!(long.contains("long_term_frame_idx 2"), "{long}");
}
