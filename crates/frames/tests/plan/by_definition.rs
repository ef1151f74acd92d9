//! Plans over tracks made by chance, against the selection's definition.

use crate::tracks::{index, sample};
use framemill_contract::{GopWork, Interval, Select, Selection, Snap};
use framemill_frames::plan;
use framemill_video::{Codec, Dependence, Sample, VideoIndex};
use proptest::prelude::*;

/// A track of mini-GOPs with up to three B pictures, some open, some hidden, some disposable,
/// with a variable rate; of H.264 whose frames may be spread over four samples, or of HEVC.
fn tracks() -> impl Strategy<Value = VideoIndex> {
    let mini = (0usize..4, any::<bool>(), any::<bool>(), 0u8..8, 1i64..6);
    (
        prop::collection::vec(mini, 1..40),
        1u32..100,
        -50i64..50,
        any::<bool>(),
    )
        .prop_map(|(minis, timescale, start, spread)| {
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
            let mut index = index(timescale, clock - start, list);
            if spread {
                index.config.codec = Codec::H264;
            }
            index
        })
}

fn selections() -> impl Strategy<Value = Selection> {
    let select = prop_oneof![
        (1u64..5_000_000).prop_map(|n| Select::Every(Interval::from_micros(n))),
        (1u64..20).prop_map(Select::EveryFrames),
        (1u64..200).prop_map(Select::Count),
        Just(Select::Keyframes),
        prop::collection::vec(0u64..60_000_000, 0..20)
            .prop_map(|times| Select::At(times.into_iter().map(Interval::from_micros).collect())),
    ];
    let snap = prop_oneof![
        3 => Just(Snap::Exact),
        1 => (0u64..2_000_000).prop_map(|t| Snap::Keyframe { tolerance: Some(Interval::from_micros(t)) }),
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
        let mut planned: Vec<u64> = plan
            .gops()
            .flat_map(|gop| gop.wanted)
            .map(|wanted| wanted.index)
            .collect();
        prop_assert_eq!(plan.wanted, planned.len() as u64);
        planned.sort_unstable();
        prop_assert_eq!(planned, expected);

        let reach = if index.config.codec == Codec::H264 { 3 } else { 0 };
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
                for (i, other) in index.samples.iter().enumerate().take(at + reach + 1).skip(from) {
                    let near = i.abs_diff(at) <= reach;
                    let needed = i == from || near || other.dependence != Dependence::Disposable;
                    let skipped = sync_of(i) == from && other.pts < index.samples[from].pts;
                    prop_assert_eq!(positions.contains(&i) || !needed || skipped, true);
                }
            }
            let cut = positions.last().copied().unwrap_or_default();
            prop_assert!((last..=last + reach).contains(&cut), "cut after the last wanted");
            if reach == 0 && matches!(selection.snap, Snap::Keyframe { .. }) {
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
