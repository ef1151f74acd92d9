//! Plans over tracks made by hand and by chance.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod by_definition;
mod tracks;

use framemill_contract::{GopWork, Interval, Select, Selection, Snap};
use framemill_frames::{Plan, PlanError, Spread, gop_structure, plan};
use framemill_video::Pts;
use tracks::{constant, index, open_gops, samples};

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
