//! Access units that are lost: every frame that is not exact says so, and every exact one that
//! depends on nothing lost does not.

use crate::clips::{Clip, Unit};
use crate::raw;
use framemill_video::{Codec, CodecConfig, DecodeError, Frame, open_decoder};
use std::collections::BTreeMap;

const MOVING: &str = "testsrc2=size=176x144:rate=25:duration=1,noise=alls=8:allf=t";

/// Decodes on through errors.
fn frames(config: &CodecConfig, units: &[Unit]) -> (BTreeMap<i64, Frame>, Vec<DecodeError>) {
    let mut decoder = open_decoder(config).unwrap();
    let mut frames = BTreeMap::new();
    let mut errors = Vec::new();
    for unit in units {
        errors.extend(decoder.decode(&unit.bytes, unit.pts).err());
        while let Some(frame) = decoder.next_frame() {
            frames.insert(frame.pts.0, frame);
        }
    }
    (frames, errors)
}

/// Frames that are wrong, those that say so, and those that are right.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    wrong: usize,
    told: usize,
    exact: usize,
}

fn compare(name: &str, clip: &Clip, lost: &[usize]) -> Count {
    let (whole, errors) = frames(&clip.config, &clip.units);
    assert!(errors.is_empty(), "{name}: {errors:?}");
    let kept = clip.units.iter().enumerate();
    let kept = kept.filter(|(place, _)| !lost.contains(place));
    let kept: Vec<Unit> = kept.map(|(_, unit)| unit.clone()).collect();
    let (rest, _) = frames(&clip.config, &kept);
    let mut count = Count::default();
    for (pts, frame) in &rest {
        let same = raw(frame) == raw(&whole[pts]);
        assert!(
            same || frame.damage.is_some(),
            "{name} without {lost:?}: the frame at {pts} is wrong and does not say so"
        );
        count.wrong += usize::from(!same);
        count.told += usize::from(frame.damage.is_some());
        count.exact += usize::from(frame.damage.is_none());
    }
    count
}

/// `told` where the decoder gives frames whose references are missing.
fn each_unit_lost(name: &str, args: &str, told: bool) {
    let clip = Clip::make(Codec::Hevc, name, "mp4", MOVING, args);
    let whole = clip.units.len();
    let mut all = Count::default();
    for lost in 0..whole {
        let count = compare(name, &clip, &[lost]);
        all.wrong += count.wrong;
        all.told += count.told;
        all.exact += count.exact;
    }
    println!("{name}: {all:?}");
    // What is refused as a whole is told too, and where nothing that it needs is lost, a frame is
    // given.
    assert_eq!(all.wrong > 10, told, "{name}: {all:?}");
    assert!(all.told < 2 * all.wrong + 1, "{name}: {all:?}");
    assert!(all.exact > whole * whole / 4, "{name}: {all:?}");
}

const HEVC: &str = "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:keyint=12:min-keyint=12:scenecut=0";

#[test]
fn hevc() {
    each_unit_lost("lost_hevc", HEVC, true);
}

#[test]
fn hevc_open_gop_with_slices_and_many_references() {
    let args = format!("{HEVC}:open-gop=1:slices=2:ref=5:bframes=5:b-adapt=0");
    each_unit_lost("lost_hevc_open", &args, true);
}

#[test]
fn hevc_temporal_layers() {
    let args = format!("{HEVC}:temporal-layers=3:bframes=4:b-adapt=0");
    each_unit_lost("lost_hevc_layers", &args, true);
}

#[test]
fn hevc_422() {
    let args = HEVC.replace("yuv420p", "yuv422p10le");
    each_unit_lost("lost_hevc_422", &args, false);
}

#[test]
fn hevc_starts_at_a_random_access_point_alone() {
    let clip = Clip::make(Codec::Hevc, "lost_hevc", "mp4", MOVING, HEVC);
    let next = (1..clip.units.len()).find(|&at| clip.units[at].sync);
    let next = next.expect("a second sync sample");
    let (found, errors) = frames(&clip.config, &clip.units[1..]);
    assert_eq!(errors.len(), next - 1, "{errors:?}");
    let first = errors[0].to_string();
    assert!(first.contains("no random access point"), "{first}");
    let (whole, _) = frames(&clip.config, &clip.units);
    // Without the leading pictures that refer to what is before it.
    let start = clip.units[next].pts;
    assert!(
        found.len()
            >= clip.units[next..]
                .iter()
                .filter(|unit| unit.pts >= start)
                .count()
    );
    for (pts, frame) in &found {
        assert!(frame.damage.is_none() && raw(frame) == raw(&whole[pts]));
    }
}
