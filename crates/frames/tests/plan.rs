//! Plans over tracks made by hand and by chance.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use framemill_contract::{GopWork, Interval, Select, Selection, Snap};
use framemill_frames::{Plan, PlanError, Spread, gop_structure, plan};
use framemill_video::{
    Codec, CodecConfig, ColorDescription, Container, Dependence, Dts, PixelAspect, Pts, Rotation,
    Sample, Timescale, Unwrap, VideoIndex,
};
use proptest::prelude::*;

fn index(timescale: u32, duration: i64, samples: Vec<Sample>) -> VideoIndex {
    VideoIndex {
        container: Container::Mp4,
        config: CodecConfig {
            codec: Codec::H264,
            nal_length_size: Some(4),
            parameter_sets: Vec::new(),
            profile: "High".to_owned(),
            width: 640,
            height: 360,
            color: ColorDescription::default(),
        },
        timescale: Timescale::new(timescale).unwrap(),
        duration,
        rotation: Rotation::R0,
        pixel_aspect: PixelAspect::default(),
        samples,
        unwrap: Unwrap::Plain,
        warnings: Vec::new(),
    }
}

fn sample(i: usize, pts: i64, sync: bool) -> Sample {
    Sample {
        offset: i as u64 * 1000,
        size: 1000,
        dts: Dts(i as i64),
        pts: Pts(pts),
        sync,
        shown: true,
        dependence: Dependence::Unknown,
    }
}

/// Samples from `(pts, sync)` in decoding order.
fn samples(list: &[(i64, bool)]) -> Vec<Sample> {
    let make = |(i, (pts, sync)): (usize, &(i64, bool))| sample(i, *pts, *sync);
    list.iter().enumerate().map(make).collect()
}

/// Constant rate without reordering: `frames` frames of `ticks`, a sync sample each `gop`.
fn constant(timescale: u32, ticks: i64, frames: usize, gop: usize) -> VideoIndex {
    let list: Vec<_> = (0..frames)
        .map(|i| (i as i64 * ticks, i % gop == 0))
        .collect();
    index(timescale, frames as i64 * ticks, samples(&list))
}

/// Two open GOPs: I0 P3 B1 B2 P6 B4 B5 | I9 B7 B8 P12 B10 B11, one tick per frame.
fn open_gops() -> VideoIndex {
    let pts = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11];
    let list: Vec<_> = pts.iter().map(|pts| (*pts, *pts % 9 == 0)).collect();
    let mut index = index(10, 13, samples(&list));
    for sample in &mut index.samples {
        if sample.pts.0 % 3 != 0 {
            sample.dependence = Dependence::Disposable;
        }
    }
    index
}

fn micros(n: u64) -> Interval {
    Interval::from_micros(n)
}

fn exact(select: Select) -> Selection {
    Selection {
        select,
        snap: Snap::Exact,
    }
}

fn every(micros: u64) -> Selection {
    exact(Select::Every(Interval::from_micros(micros)))
}

fn at(times: &[u64]) -> Selection {
    exact(Select::At(times.iter().map(|t| micros(*t)).collect()))
}

fn indices(plan: &Plan<'_>) -> Vec<u64> {
    plan.gops()
        .flat_map(|gop| gop.wanted)
        .map(|wanted| wanted.index)
        .collect()
}

/// PTS of the samples to decode, GOP by GOP.
fn decoded(plan: &Plan<'_>) -> Vec<Vec<i64>> {
    plan.gops()
        .map(|gop| gop.samples.iter().map(|sample| sample.pts.0).collect())
        .collect()
}

fn codes<'a>(plan: &'a Plan<'a>) -> Vec<&'a str> {
    plan.warnings.iter().map(|w| w.code.as_str()).collect()
}

#[test]
fn a_second_of_30_fps_is_30_frames() {
    let index = constant(30, 1, 100, 10);
    let plan = plan(&index, &every(1_000_000)).unwrap();
    assert_eq!(indices(&plan), [0, 30, 60, 90]);
    assert_eq!((plan.wanted, plan.frame_count), (4, 100));
    // A sync sample at each target: nothing else is decoded.
    assert_eq!(decoded(&plan), [[0], [30], [60], [90]]);
    assert_eq!(plan.access_units, 4);
}

#[test]
fn ntsc_and_odd_rates_show_the_frame_on_display() {
    // 29.97: frame 30 starts at 1.001 s, so 1 s shows frame 29.
    let index = constant(30_000, 1001, 300, 30);
    let plan_of = |index| indices(&plan(index, &every(1_000_000)).unwrap());
    let expected: Vec<u64> = (0..11).map(|k| k * 30_000 / 1001).collect();
    assert_eq!(expected[..3], [0, 29, 59]);
    assert_eq!(plan_of(&index), expected);
    // 12.5 fps: 1 s is in the middle of frame 12.
    let index = constant(25, 2, 50, 50);
    assert_eq!(plan_of(&index), [0, 12, 25, 37]);
}

#[test]
fn variable_rates_give_each_frame_once() {
    // On display from 0, 0.1, 2.5, 2.6 s on, until 5 s.
    let index = index(
        10,
        50,
        samples(&[(0, true), (1, false), (25, false), (26, false)]),
    );
    let plan = plan(&index, &every(1_000_000)).unwrap();
    assert_eq!(indices(&plan), [0, 1, 3]);
    assert_eq!(decoded(&plan), [[0, 1, 25, 26]]);
}

#[test]
fn targets_are_exact_at_huge_times() {
    let start = i64::MAX / 2;
    let list: Vec<_> = (0..4).map(|i| (start + i * 90_000, true)).collect();
    let index = index(90_000, 360_000, samples(&list));
    let plan = plan(&index, &every(1_000_000)).unwrap();
    assert_eq!(indices(&plan), [0, 1, 2, 3]);
    assert_eq!(plan.first_pts, Pts(start));
}

#[test]
fn frame_steps_counts_and_keyframes() {
    let index = constant(25, 1, 100, 40);
    let plan_of = |select| indices(&plan(&index, &exact(select)).unwrap());
    assert_eq!(plan_of(Select::EveryFrames(30)), [0, 30, 60, 90]);
    assert_eq!(plan_of(Select::EveryFrames(1)).len(), 100);
    assert_eq!(plan_of(Select::EveryFrames(u64::MAX)), [0]);
    assert_eq!(plan_of(Select::Count(4)), [0, 25, 50, 75]);
    assert_eq!(plan_of(Select::Count(3)), [0, 33, 66]);
    assert_eq!(plan_of(Select::Count(1)), [0]);
    assert_eq!(plan_of(Select::Count(1 << 40)).len(), 100);
    assert_eq!(plan_of(Select::Keyframes), [0, 40, 80]);
}

#[test]
fn the_finest_interval_over_ten_hours_is_quick() {
    let index = constant(30, 1, 1_080_000, 300);
    let all = plan(&index, &every(1)).unwrap();
    assert_eq!((all.wanted, all.access_units), (1_080_000, 1_080_000));
    assert_eq!(all.segments(0, |units, _| units <= 300).count(), 3600);
    let snapped = Selection {
        snap: Snap::Keyframe {
            tolerance: Some(micros(10)),
        },
        ..every(1)
    };
    let snapped = plan(&index, &snapped).unwrap();
    assert_eq!((snapped.wanted, snapped.access_units), (3600, 3600));
}

#[test]
fn given_times_may_come_in_any_order_and_beyond_the_end() {
    let index = constant(10, 1, 20, 5);
    let plan = plan(&index, &at(&[1_950_000, 0, 450_000, 2_000_000, 449_000])).unwrap();
    assert_eq!(indices(&plan), [0, 4, 19]);
    assert_eq!(codes(&plan), ["outside_video"]);
    assert_eq!(decoded(&plan).concat(), [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]);
}

#[test]
fn snapping_takes_the_nearest_sync_sample_once() {
    let index = constant(10, 1, 100, 40);
    let snap = |times: &[u64], tolerance| Selection {
        snap: Snap::Keyframe { tolerance },
        ..at(times)
    };
    let all = plan(
        &index,
        &snap(&[1_900_000, 2_000_000, 2_100_000, 7_000_000], None),
    )
    .unwrap();
    // 2 s is as near to 0 as to 4 s: the earlier one.
    assert_eq!(decoded(&all), [[0], [40], [80]]);
    assert!(all.warnings.is_empty());

    let near = snap(
        &[3_500_000, 4_500_000, 4_600_000, 9_900_000],
        Some(micros(500_000)),
    );
    let near = plan(&index, &near).unwrap();
    assert_eq!(indices(&near), [40]);
    assert_eq!(codes(&near), ["no_keyframe_near", "no_keyframe_near"]);
    assert!(
        near.warnings[0].message.starts_with("1 target"),
        "{:?}",
        near.warnings
    );
    assert!(near.warnings[0].from_pts.unwrap() <= Pts(46));
}

#[test]
fn snapped_grids_count_what_is_left_out() {
    let index = constant(10, 1, 100, 40);
    let selection = Selection {
        snap: Snap::Keyframe {
            tolerance: Some(micros(1_000_000)),
        },
        ..every(1_000_000)
    };
    let plan = plan(&index, &selection).unwrap();
    // 0, 1 | 2 | 3, 4, 5 | 6 | 7, 8, 9
    assert_eq!(indices(&plan), [0, 40, 80]);
    assert_eq!(codes(&plan), ["no_keyframe_near", "no_keyframe_near"]);
}

#[test]
fn decoding_ends_with_the_last_wanted_sample_and_skips_disposable_ones() {
    let index = open_gops();
    let plan_at = |times: &[u64]| decoded(&plan(&index, &at(times)).unwrap());
    assert_eq!(plan_at(&[300_000]), [[0, 3]]);
    assert_eq!(plan_at(&[500_000]), [[0, 3, 6, 5]]);
    assert_eq!(plan_at(&[600_000, 100_000]), [[0, 3, 1, 6]]);
    // The second GOP's leading pictures are not needed for what follows.
    assert_eq!(plan_at(&[1_200_000]), [[9, 12]]);
    assert_eq!(plan_at(&[900_000, 1_100_000]), [[9, 12, 11]]);
}

#[test]
fn leading_pictures_are_decoded_from_the_gop_before() {
    let index = open_gops();
    let plan = plan(&index, &at(&[0, 800_000, 900_000])).unwrap();
    assert_eq!(indices(&plan), [0, 8, 9]);
    assert_eq!(decoded(&plan), [vec![0, 3, 6, 9, 8], vec![9]]);
    assert!(plan.gops().all(|gop| gop.samples[0].sync));
}

#[test]
fn leading_pictures_of_the_first_gop_are_left_out_with_a_warning() {
    let list = [(3, true), (1, false), (2, false), (4, false)];
    let index = index(10, 4, samples(&list));
    let plan = plan(&index, &exact(Select::EveryFrames(1))).unwrap();
    assert_eq!(indices(&plan), [2, 3]);
    assert_eq!(decoded(&plan), [[3, 4]]);
    assert_eq!(codes(&plan), ["no_reference"]);
    assert_eq!(plan.warnings[0].from_pts, Some(Pts(1)));
    assert_eq!(plan.warnings[0].to_pts, Some(Pts(2)));
}

#[test]
fn hidden_samples_are_decoded_but_never_counted() {
    let mut index = constant(10, 1, 10, 10);
    for sample in index.samples.iter_mut().take(3) {
        sample.shown = false;
    }
    let plan = plan(&index, &at(&[0, 100_000])).unwrap();
    assert_eq!((plan.first_pts, plan.frame_count), (Pts(3), 7));
    assert_eq!(indices(&plan), [0, 1]);
    assert_eq!(decoded(&plan), [[0, 1, 2, 3, 4]]);
}

#[test]
fn negative_pts_single_frames_and_no_frames() {
    let list: Vec<_> = (0..20).map(|i| (i - 10, i % 10 == 0)).collect();
    let negative = index(10, 20, samples(&list));
    let negative = plan(&negative, &every(1_000_000)).unwrap();
    assert_eq!(
        (indices(&negative), negative.first_pts),
        (vec![0, 10], Pts(-10))
    );

    // A single frame that says nothing of its duration.
    let single = index(1000, 0, samples(&[(77, false)]));
    for select in [
        Select::Every(micros(1)),
        Select::Count(5),
        Select::EveryFrames(7),
        Select::Keyframes,
        Select::At(vec![micros(0)]),
    ] {
        let single = plan(&single, &exact(select)).unwrap();
        assert_eq!(indices(&single), [0]);
        assert!(single.gops().next().unwrap().samples[0].sync);
    }

    let mut hidden = constant(10, 1, 3, 3);
    hidden.samples.iter_mut().for_each(|s| s.shown = false);
    let error = plan(&hidden, &every(1_000_000)).unwrap_err();
    assert_eq!(error, PlanError::NoFrames { samples: 3 });
    assert_eq!(gop_structure(&hidden).gops, 0);
    for select in [
        Select::Every(micros(0)),
        Select::Count(0),
        Select::EveryFrames(0),
    ] {
        let index = constant(10, 1, 3, 3);
        assert_eq!(
            plan(&index, &exact(select)).unwrap_err(),
            PlanError::ZeroStep
        );
    }
}

#[test]
fn frames_with_the_same_pts_count_but_the_last_is_shown() {
    let index = index(
        10,
        4,
        samples(&[(0, true), (1, false), (1, false), (2, false)]),
    );
    let plan = plan(&index, &every(100_000)).unwrap();
    assert_eq!((plan.frame_count, indices(&plan)), (4, vec![0, 2, 3]));
}

#[test]
fn segments_hold_about_as_many_access_units_as_asked() {
    let index = constant(10, 1, 100, 10);
    let plan = plan(&index, &exact(Select::EveryFrames(1))).unwrap();
    let sizes = |limit| -> Vec<usize> {
        let units = |gops: Vec<GopWork>| gops.iter().map(|gop| gop.samples.len()).sum();
        plan.segments(0, |units, _| units <= limit)
            .map(units)
            .collect()
    };
    assert_eq!(sizes(30), [30, 30, 30, 10]);
    assert_eq!(sizes(25), [20, 20, 20, 20, 20]);
    assert_eq!(sizes(1), [10; 10]);
    assert_eq!(sizes(u64::MAX), [100]);
    let images = plan.segments(5, |_, images| images <= 20);
    assert_eq!(images.map(|gops| gops.len()).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(plan.segments(10, |_, _| true).count(), 0);
    assert_eq!(plan.access_units_before(3), 30);
}

#[test]
fn structure_counts_gops() {
    let structure = gop_structure(&open_gops());
    assert_eq!(
        (structure.gops, structure.open, structure.frames),
        (2, 1, 13)
    );
    let samples = Spread {
        min: 6,
        median: 7,
        max: 7,
    };
    assert_eq!(structure.samples, samples);
    assert_eq!(structure.disposable, 8);
    assert!((structure.seconds.max - 0.9).abs() < 1e-9);
    assert!((structure.seconds.min - 0.4).abs() < 1e-9);
}

/// A track of mini-GOPs with up to three B pictures, some open, some hidden, some disposable,
/// with a variable rate.
fn tracks() -> impl Strategy<Value = VideoIndex> {
    let mini = (0usize..4, any::<bool>(), any::<bool>(), 0u8..8, 1i64..6);
    (prop::collection::vec(mini, 1..40), 1u32..100, -50i64..50).prop_map(
        |(minis, timescale, start)| {
            let mut list = Vec::new();
            let mut clock = start;
            for (i, (inner, sync, disposable, hidden, step)) in minis.into_iter().enumerate() {
                let anchor = clock + inner as i64 * step;
                let mut first = sample(list.len(), anchor, i == 0 || sync);
                first.shown = hidden != 0;
                list.push(first);
                for b in 0..inner {
                    let mut sample = sample(list.len(), clock + b as i64 * step, false);
                    if disposable {
                        sample.dependence = Dependence::Disposable;
                    }
                    list.push(sample);
                }
                clock = anchor + step;
            }
            index(timescale, clock - start, list)
        },
    )
}

fn selections() -> impl Strategy<Value = Selection> {
    let select = prop_oneof![
        (1u64..5_000_000).prop_map(|n| Select::Every(micros(n))),
        (1u64..20).prop_map(Select::EveryFrames),
        (1u64..200).prop_map(Select::Count),
        Just(Select::Keyframes),
        prop::collection::vec(0u64..60_000_000, 0..20)
            .prop_map(|times| Select::At(times.into_iter().map(micros).collect())),
    ];
    let snap = prop_oneof![
        3 => Just(Snap::Exact),
        1 => (0u64..2_000_000).prop_map(|t| Snap::Keyframe { tolerance: Some(micros(t)) }),
        1 => Just(Snap::Keyframe { tolerance: None }),
    ];
    (select, snap).prop_map(|(select, snap)| Selection { select, snap })
}

/// The selection's frames, by the definition: slowly.
fn by_definition(index: &VideoIndex, selection: &Selection) -> Vec<u64> {
    let mut order: Vec<(usize, &Sample)> = index.samples.iter().enumerate().collect();
    order.retain(|(_, sample)| sample.shown);
    order.sort_by_key(|(_, sample)| sample.pts);
    let Some(first) = order.first().map(|(_, sample)| sample.pts.0) else {
        return Vec::new();
    };
    let rel: Vec<i128> = order
        .iter()
        .map(|(_, s)| i128::from(s.pts.0 - first))
        .collect();
    let scale = i128::from(index.timescale.get());
    let last = rel.last().copied().unwrap_or(0);
    let duration = i128::from(index.duration).max(last + 1);
    // Times as (numerator, denominator) in ticks.
    let times: Vec<(i128, i128)> = match &selection.select {
        Select::Every(interval) => (0..)
            .map(|k| (k * i128::from(interval.micros()) * scale, 1_000_000))
            .take_while(|(n, d)| *n < duration * d)
            .collect(),
        Select::Count(n) => (0..*n as i128)
            .map(|k| (k * duration, *n as i128))
            .collect(),
        Select::EveryFrames(n) => rel.iter().step_by(*n as usize).map(|r| (*r, 1)).collect(),
        Select::At(times) => times
            .iter()
            .map(|t| (i128::from(t.micros()) * scale, 1_000_000))
            .filter(|(n, d)| *n < duration * d)
            .collect(),
        Select::Keyframes => Vec::new(),
    };
    let syncs = || (0..order.len()).filter(|i| order[*i].0 == 0 || order[*i].1.sync);
    let mut chosen: Vec<usize> = match (&selection.select, selection.snap) {
        (Select::Keyframes, _) => syncs().collect(),
        (_, Snap::Exact) => times
            .iter()
            .filter_map(|(n, d)| rel.iter().rposition(|r| r * d <= *n))
            .collect(),
        (_, Snap::Keyframe { tolerance }) => times
            .iter()
            .filter_map(|(n, d)| {
                let distance = |i: &usize| (rel[*i] * d - n).abs();
                let near = |i: &usize| {
                    tolerance.is_none_or(|t| {
                        distance(i) * 1_000_000 <= i128::from(t.micros()) * scale * d
                    })
                };
                syncs().min_by_key(distance).filter(near)
            })
            .collect(),
    };
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(|i| i as u64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn plans_hold_what_the_definition_says_and_can_be_decoded(
        index in tracks(),
        selection in selections(),
    ) {
        let result = plan(&index, &selection);
        if index.samples.iter().all(|sample| !sample.shown) {
            prop_assert!(result.is_err());
            return Ok(());
        }
        let plan = result.unwrap();
        let mut shown: Vec<&Sample> = index.samples.iter().filter(|s| s.shown).collect();
        shown.sort_by_key(|sample| sample.pts);
        let position = |sample: &Sample| (sample.offset / 1000) as usize;
        let sync = |position: usize| position == 0 || index.samples[position].sync;
        let sync_of = |position: usize| (0..=position).rev().find(|i| sync(*i)).unwrap();

        // Exactly the defined frames, but those before the first sync sample.
        let first_sync_pts = index.samples[0].pts;
        let next_sync = (1..index.samples.len()).find(|i| sync(*i)).unwrap_or(usize::MAX);
        let expected: Vec<u64> = by_definition(&index, &selection)
            .into_iter()
            .filter(|i| {
                let sample = shown[*i as usize];
                position(sample) >= next_sync || sample.pts >= first_sync_pts
            })
            .collect();
        let mut planned = indices(&plan);
        prop_assert_eq!(plan.wanted, planned.len() as u64);
        planned.sort_unstable();
        prop_assert_eq!(planned, expected);

        let mut units = 0;
        for gop in plan.gops() {
            let positions: Vec<usize> = gop.samples.iter().map(position).collect();
            units += positions.len() as u64;
            prop_assert!(gop.samples[0].sync && !gop.wanted.is_empty());
            prop_assert!(positions.windows(2).all(|two| two[0] < two[1]), "decoding order, once");
            prop_assert!(gop.wanted.windows(2).all(|two| two[0].index < two[1].index));
            let mut last = 0;
            for wanted in &gop.wanted {
                let sample = shown[wanted.index as usize];
                prop_assert_eq!(sample.pts, wanted.pts);
                let at = position(sample);
                prop_assert!(positions.contains(&at));
                last = last.max(at);
                // All it may refer to is there: from the sync sample that it needs on, all
                // that others may depend on and that is not leading.
                let own = sync_of(at);
                let leading = sample.pts < index.samples[own].pts;
                let from = if leading { sync_of(own - 1) } else { own };
                prop_assert_eq!(positions[0], from);
                for (i, other) in index.samples.iter().enumerate().take(at).skip(from) {
                    let needed = i == from || other.dependence != Dependence::Disposable;
                    let skipped = sync_of(i) == from && other.pts < index.samples[from].pts;
                    prop_assert_eq!(positions.contains(&i) || !needed || skipped, true);
                }
            }
            prop_assert_eq!(positions.last().copied(), Some(last), "cut after the last wanted");
            if matches!(selection.snap, Snap::Keyframe { .. }) {
                prop_assert_eq!(positions.len(), 1);
            }
        }
        prop_assert_eq!(units, plan.access_units);
        let gops: Vec<GopWork> = plan.gops().collect();
        let first = gops.len() / 3;
        let again: Vec<GopWork> = plan.segments(first, |units, images| units + images <= 7).flatten().collect();
        prop_assert_eq!(again, gops.get(first..).unwrap_or_default());
    }
}
