//! Slice groups (clause 8.2.2), arbitrary slice order, redundant slices.

use crate::writer::{Bits, Head, Stream};
use crate::{decode, values};

fn idr(first_mb: u32) -> Head {
    Head {
        idr: true,
        first_mb,
        ..Head::default()
    }
}

/// A picture of 4 × 3 macroblocks in two groups: macroblocks of group 0 have value 40, those of group 1
/// value 200.
fn two_groups(map: Bits, cycle: Option<(u32, u32)>, group_of: [u8; 12]) {
    let stream = Stream {
        width: 4,
        height: 3,
        groups: Some((2, map)),
        ..Stream::default()
    };
    let slice = |group: u8, value: u8| {
        let first = group_of.iter().position(|it| *it == group).unwrap() as u32;
        let count = group_of.iter().filter(|it| **it == group).count();
        let head = Head {
            cycle,
            ..idr(first)
        };
        stream.pcm(&head, &vec![value; count])
    };
    for order in [[(0, 40), (1, 200)], [(1, 200), (0, 40)]] {
        let slices = order.map(|(group, value)| slice(group, value));
        let units = [vec![stream.sps(), stream.pps()], slices.to_vec()].concat();
        let frames = decode(&[units]);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].damage, None);
        let expected = group_of.map(|group| if group == 0 { 40 } else { 200 });
        assert_eq!(values(&frames[0]), expected);
    }
}

#[test]
fn interleaved() {
    let map = Bits::default().ue(0).ue(2).ue(1);
    two_groups(map, None, [0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0]);
}

#[test]
fn dispersed() {
    let map = Bits::default().ue(1);
    two_groups(map, None, [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1]);
}

#[test]
fn foreground_and_leftover() {
    // From macroblock 1 to macroblock 6.
    let map = Bits::default().ue(2).ue(1).ue(6);
    two_groups(map, None, [1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn box_out() {
    // Clockwise, in steps of one: three macroblocks from the middle on. 4 bits of cycle.
    let map = Bits::default().ue(3).bit(false).ue(0);
    two_groups(map, Some((3, 4)), [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn raster_and_wipe() {
    let map = Bits::default().ue(4).bit(false).ue(1);
    two_groups(map, Some((2, 3)), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    let map = Bits::default().ue(5).bit(false).ue(1);
    two_groups(map, Some((2, 3)), [0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1]);
}

#[test]
fn explicit() {
    let ids = [1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
    let map = Bits::default().ue(6).ue(11);
    let map = ids.iter().fold(map, |map, id| map.bit(*id == 1));
    two_groups(map, None, ids);
}

#[test]
fn slices_in_any_order() {
    let stream = Stream::default();
    let slices = [2, 3, 0, 1].map(|at: u32| stream.pcm(&idr(at), &[at as u8 * 10 + 5]));
    let frames = decode(&[[vec![stream.sps(), stream.pps()], slices.to_vec()].concat()]);
    assert_eq!(frames[0].damage, None);
    assert_eq!(values(&frames[0]), [5, 15, 25, 35]);
}

#[test]
fn a_redundant_slice_fills_a_gap_and_nothing_else() {
    let stream = Stream {
        redundant: true,
        ..Stream::default()
    };
    let sets = vec![stream.sps(), stream.pps()];
    let redundant = |at: u32, value| {
        let head = Head {
            redundant: 1,
            ..idr(at)
        };
        stream.pcm(&head, &[value; 2])
    };
    let whole = stream.pcm(&idr(0), &[1, 2, 3, 4]);
    let frames = decode(&[[sets.clone(), vec![whole, redundant(0, 9)]].concat()]);
    assert_eq!(
        (frames[0].damage.as_ref(), values(&frames[0])),
        (None, vec![1, 2, 3, 4])
    );
    let upper = stream.pcm(&idr(0), &[1, 2]);
    let frames = decode(&[[sets.clone(), vec![upper.clone(), redundant(2, 9)]].concat()]);
    assert_eq!(
        (frames[0].damage.as_ref(), values(&frames[0])),
        (None, vec![1, 2, 9, 9])
    );
    let frames = decode(&[[sets, vec![upper]].concat()]);
    assert_eq!(
        frames[0].damage.as_deref(),
        Some("2 macroblocks are missing")
    );
}
