//! Whatever happens to a bucket, and whenever it is refreshed: the files are those of a rebuild.

use crate::common::fixture::{answer, marked};
use crate::common::{
    Memory, current, layout, put_annotation, put_manifest, put_receipt, rebuild, refresh, tables,
    warehouse,
};
use framemill_contract::VideoName;
use proptest::prelude::*;
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Step {
    Manifest {
        video: usize,
        frames: u64,
    },
    DamagedManifest {
        video: usize,
    },
    NoManifest {
        video: usize,
    },
    Receipt {
        target: usize,
        video: usize,
    },
    Answer {
        target: usize,
        video: usize,
        index: u64,
        shapes: usize,
        at: i64,
    },
    DamagedAnswer {
        target: usize,
        video: usize,
        index: u64,
    },
    NoAnswer {
        target: usize,
        video: usize,
        index: u64,
    },
    LostFile {
        number: usize,
    },
    LostState,
    Failure {
        reads: usize,
    },
    Refresh,
}

const VIDEOS: [&str; 6] = [
    "a.mp4",
    "cam1/a.mp4",
    "cam1/a.mp4@7",
    "cam1/b.mp4",
    "a.mp4/x.mp4",
    "c.mp4",
];
const TARGETS: [&str; 2] = ["cvat-1", "label-studio-2"];

fn step() -> impl Strategy<Value = Step> {
    let (video, target, index) = (0..VIDEOS.len(), 0..TARGETS.len(), 0..4_u64);
    prop_oneof![
        3 => (video.clone(), 0..4_u64).prop_map(|(video, frames)| Step::Manifest { video, frames }),
        1 => video.clone().prop_map(|video| Step::DamagedManifest { video }),
        1 => video.clone().prop_map(|video| Step::NoManifest { video }),
        1 => (target.clone(), video.clone()).prop_map(|(target, video)| Step::Receipt { target, video }),
        4 => (target.clone(), video.clone(), index.clone(), 0..3_usize, 0..9_i64)
            .prop_map(|(target, video, index, shapes, at)| Step::Answer { target, video, index, shapes, at }),
        1 => (target.clone(), video.clone(), index.clone())
            .prop_map(|(target, video, index)| Step::DamagedAnswer { target, video, index }),
        1 => (target, video, index).prop_map(|(target, video, index)| Step::NoAnswer { target, video, index }),
        1 => (0..20_usize).prop_map(|number| Step::LostFile { number }),
        1 => Just(Step::LostState),
        1 => (0..9_usize).prop_map(|reads| Step::Failure { reads }),
        3 => Just(Step::Refresh),
    ]
}

async fn carry_out(store: &Arc<Memory>, step: &Step) {
    match *step {
        Step::Manifest { video, frames } => {
            put_manifest(store, VIDEOS[video], &(0..frames).collect::<Vec<_>>());
        }
        Step::DamagedManifest { video } => {
            store.put(&layout().manifest(&VideoName::parse(VIDEOS[video])), "{");
        }
        Step::NoManifest { video } => {
            store.delete(&layout().manifest(&VideoName::parse(VIDEOS[video])));
        }
        Step::Receipt { target, video } => put_receipt(store, TARGETS[target], VIDEOS[video]),
        Step::Answer {
            target,
            video,
            index,
            shapes,
            at,
        } => {
            let answers = vec![answer("1", "ann", at, &vec![marked("car", 1.0); shapes])];
            put_annotation(store, TARGETS[target], VIDEOS[video], index, answers);
        }
        Step::DamagedAnswer {
            target,
            video,
            index,
        } => {
            store.put(&current(TARGETS[target], VIDEOS[video], index), "[]");
        }
        Step::NoAnswer {
            target,
            video,
            index,
        } => {
            store.delete(&current(TARGETS[target], VIDEOS[video], index));
        }
        Step::LostFile { number } => {
            let names: Vec<String> = tables(store).into_keys().collect();
            if let Some(name) = names.get(number) {
                store.delete(name);
            }
        }
        Step::LostState => {
            store.delete("warehouse/state.json");
        }
        Step::Failure { reads } => {
            store.fail_after(Some(reads));
            let _ = warehouse(store).refresh(&|_| {}).await;
            store.fail_after(None);
        }
        Step::Refresh => {
            refresh(store).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn many_refreshes_are_one_rebuild(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(Memory::default());
            for step in &steps {
                carry_out(&store, step).await;
            }
            let refreshed = refresh(&store).await;
            let files = tables(&store);
            // Of the same bucket, where no warehouse ever was.
            let fresh = Arc::new(Memory::default());
            for (name, bytes) in store.below("") {
                if !name.starts_with("warehouse/") {
                    fresh.put(&name, bytes);
                }
            }
            rebuild(&fresh).await;
            prop_assert_eq!(&tables(&fresh), &files);
            let rebuilt = rebuild(&store).await;
            prop_assert_eq!(&tables(&store), &files);
            prop_assert_eq!(&rebuilt.problems, &refreshed.problems);
            for (one, other) in rebuilt.tables.iter().zip(&refreshed.tables) {
                prop_assert_eq!((one.rows, one.bytes), (other.rows, other.bytes));
            }
            // A rebuild leaves nothing to do.
            prop_assert_eq!(refresh(&store).await.written, 0);
            Ok(())
        })?;
    }
}
