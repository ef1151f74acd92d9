//! Which picture a reference index means: skipped macroblocks copy that of index 0.

use crate::writer::{Bits, Head, Stream};
use crate::{decode, values};

/// A stream of pictures of one value each, and copies.
struct Script {
    stream: Stream,
    units: Vec<Vec<Vec<u8>>>,
}

impl Script {
    fn new(stream: Stream) -> Self {
        let units = vec![vec![stream.sps(), stream.pps()]];
        Self { stream, units }
    }

    fn intra(mut self, frame_num: u32, value: u8, marking: Option<Bits>) -> Self {
        let head = Head {
            idr: frame_num == 0,
            frame_num,
            marking,
            ..Head::default()
        };
        self.units.push(vec![self.stream.pcm(&head, &[value; 4])]);
        self
    }

    fn copy(mut self, head: Head) -> Self {
        self.units.push(vec![self.stream.skip(&head, 4)]);
        self
    }

    /// Values of the frames; `None` where one is damaged.
    fn decoded(self) -> Vec<Option<u8>> {
        let frames = decode(&self.units);
        let value = |frame| values(frame)[0];
        frames
            .iter()
            .map(|frame| frame.damage.is_none().then(|| value(frame)))
            .collect()
    }
}

fn p(frame_num: u32) -> Head {
    Head {
        frame_num,
        ..Head::default()
    }
}

/// `ref_pic_list_modification()` of one operation.
fn first(operation: u32, value: u32) -> Option<Bits> {
    Some(Bits::default().ue(operation).ue(value).ue(3))
}

/// Three pictures of values 10, 20, 30.
fn three(stream: Stream) -> Script {
    Script::new(stream)
        .intra(0, 10, None)
        .intra(1, 20, None)
        .intra(2, 30, None)
}

#[test]
fn the_newest_is_first() {
    let decoded = three(Stream::default()).copy(p(3)).decoded();
    assert_eq!(decoded, [10, 20, 30, 30].map(Some));
}

#[test]
fn lists_are_modified() {
    let head = Head {
        modification: first(0, 1),
        ..p(3)
    };
    assert_eq!(three(Stream::default()).copy(head).decoded()[3], Some(20));
    let head = Head {
        modification: first(0, 2),
        ..p(3)
    };
    assert_eq!(three(Stream::default()).copy(head).decoded()[3], Some(10));
}

#[test]
fn the_window_slides() {
    let stream = Stream {
        references: 2,
        ..Stream::default()
    };
    // The picture of value 10 has left.
    let head = Head {
        modification: first(0, 2),
        ..p(3)
    };
    assert_eq!(three(stream).copy(head).decoded()[3], None);
}

#[test]
fn memory_is_managed() {
    // 1: the picture before is not used any more.
    let unmark = Some(Bits::default().ue(1).ue(0).ue(0));
    let script = Script::new(Stream::default())
        .intra(0, 10, None)
        .intra(1, 20, None);
    let decoded = script.intra(2, 30, unmark).copy(Head {
        modification: first(0, 1),
        ..p(3)
    });
    assert_eq!(decoded.decoded()[3], None);
    // 4 and 3: two before, the picture of value 10, becomes long-term picture 0.
    let keep = Some(Bits::default().ue(4).ue(1).ue(3).ue(1).ue(0).ue(0));
    let script = || {
        Script::new(Stream::default())
            .intra(0, 10, None)
            .intra(1, 20, None)
    };
    let head = |number| Head {
        modification: first(2, number),
        ..p(3)
    };
    let decoded = script().intra(2, 30, keep.clone()).copy(head(0)).decoded();
    assert_eq!(decoded[3], Some(10));
    let decoded = script().intra(2, 30, keep.clone()).copy(head(1)).decoded();
    assert_eq!(decoded[3], None);
    // It stays while others come and go, and is behind the short-term ones.
    let mut long = script()
        .intra(2, 30, keep)
        .intra(3, 40, None)
        .intra(4, 50, None);
    long = long.intra(5, 60, None).copy(p(6)).copy(Head {
        modification: first(2, 0),
        ..p(7)
    });
    assert_eq!(long.decoded()[6..], [60, 10].map(Some));
    // 5: nothing is used any more, and numbers begin again.
    let reset = Some(Bits::default().ue(5).ue(0));
    let decoded = script().intra(2, 30, reset).copy(p(1)).decoded();
    assert_eq!(decoded[3], Some(30));
    // 6: the picture itself becomes long-term.
    let own = Some(Bits::default().ue(4).ue(3).ue(6).ue(2).ue(0));
    let decoded = script().intra(2, 30, own).copy(p(3)).copy(Head {
        modification: first(2, 2),
        ..p(4)
    });
    assert_eq!(decoded.decoded()[3..], [20, 30].map(Some));
}

#[test]
fn a_gap_is_damage_unless_it_is_allowed() {
    let script = |gaps_allowed| {
        let stream = Stream {
            gaps_allowed,
            ..Stream::default()
        };
        Script::new(stream).intra(0, 10, None).intra(1, 20, None)
    };
    // Frame 2 is not there: who refers to the newest refers to nothing.
    assert_eq!(script(false).copy(p(3)).decoded()[2], None);
    assert_eq!(script(true).copy(p(3)).decoded()[2], None);
    // Frame 1 is still there, two before.
    let head = Head {
        modification: first(0, 1),
        ..p(3)
    };
    assert_eq!(script(true).copy(head).decoded()[2], Some(20));
    // An intra picture needs none.
    assert_eq!(
        script(false).intra(5, 30, None).copy(p(6)).decoded()[2..],
        [30, 30].map(Some)
    );
}

/// Pictures that come before the first one in presentation order may refer to what was before it: who
/// begins there leaves them out.
#[test]
fn leading_references_of_an_open_gop_may_be_left_out() {
    // Frame 6 is left out; frame 7 refers to the first one, as nothing but leading pictures may to 6.
    let to_the_first = Head {
        modification: first(0, 1),
        ..p(7)
    };
    let opening = || Script::new(Stream::default()).intra(5, 10, None);
    let decoded = opening().copy(to_the_first.clone()).copy(p(8)).decoded();
    assert_eq!(decoded, [Some(10); 3]);
    // What refers to it all the same is damaged, and so is what comes after a later gap.
    assert_eq!(opening().copy(p(7)).decoded(), [Some(10), None]);
    let decoded = opening().copy(p(6)).copy(Head {
        modification: first(0, 1),
        ..p(8)
    });
    assert_eq!(decoded.decoded(), [Some(10), Some(10), None]);
}

#[test]
fn damage_goes_on_to_what_refers_to_it() {
    let stream = Stream::default();
    let mut script = Script::new(stream).intra(0, 10, None);
    let half = script.stream.pcm(&Head { ..p(1) }, &[20, 20]);
    script.units.push(vec![half]);
    let head = Head {
        modification: first(0, 1),
        ..p(3)
    };
    let decoded = script
        .copy(p(2))
        .copy(head)
        .intra(4, 50, None)
        .copy(p(5))
        .decoded();
    assert_eq!(decoded, [Some(10), None, None, None, Some(50), Some(50)]);
}
