//! Whatever happens at the target, in whatever order it is told of and whatever fails meanwhile: at the
//! end the same is known as if all had been read once, in peace.

use crate::harness::{FRAME_0, FRAME_1, FULL_SYNC, Harness, SYNC, annotation, skipped};
use crate::mirror::follows;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What happens. Numbers choose, whatever there is to choose from.
#[derive(Clone, Debug)]
enum Step {
    /// A task for one of the frames, if it has none.
    Create(usize),
    /// A box in place of what was marked.
    Mark(usize),
    /// The frame is passed on.
    Skip(usize),
    /// All answers are taken back.
    Clear(usize),
    /// The task is deleted.
    Delete(usize),
    /// A webhook about the task that the frame has, or had.
    Webhook(usize),
    /// A webhook that names no task.
    Anything,
    /// A webhook of before, once more.
    Again(usize),
    Sync,
    FullSync,
    /// The call after so many fails, perhaps after it takes effect.
    Fault(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let frame = 0..2_usize;
    prop_oneof![
        2 => frame.clone().prop_map(Step::Create),
        4 => frame.clone().prop_map(Step::Mark),
        2 => frame.clone().prop_map(Step::Skip),
        2 => frame.clone().prop_map(Step::Clear),
        2 => frame.clone().prop_map(Step::Delete),
        5 => frame.prop_map(Step::Webhook),
        1 => Just(Step::Anything),
        3 => any::<usize>().prop_map(Step::Again),
        2 => Just(Step::Sync),
        2 => Just(Step::FullSync),
        3 => (0..25_usize, any::<bool>()).prop_map(|(call, late)| Step::Fault(call, late)),
    ]
}

/// A target and who reads it.
struct World {
    harness: Harness,
    /// Seconds; each change has one of its own.
    clock: i64,
    /// Task of each frame, the last one that it had.
    tasks: [u64; 2],
    /// Webhooks so far.
    webhooks: Vec<String>,
    /// Revisions as they were first seen.
    revisions: BTreeMap<String, Vec<u8>>,
}

impl World {
    fn new() -> Self {
        Self {
            harness: Harness::mirrored("label-studio"),
            clock: 0,
            tasks: [1, 2],
            webhooks: Vec::new(),
            revisions: BTreeMap::new(),
        }
    }

    fn has_task(&self, frame: usize) -> bool {
        let tasks = self.harness.systems.tasks.borrow();
        tasks.contains_key(&self.tasks[frame])
    }

    fn change(&mut self, frame: usize, answers: impl Fn(i64) -> Value) {
        if self.has_task(frame) {
            self.put(frame, answers);
        }
    }

    fn put(&mut self, frame: usize, answers: impl Fn(i64) -> Value) {
        self.clock += 1;
        let image = [FRAME_0, FRAME_1][frame];
        let answers = answers(self.clock);
        self.harness
            .set_task(self.tasks[frame], image, self.clock, answers);
    }

    fn webhook(&mut self, body: &Value) {
        let name = format!("w{}", self.webhooks.len());
        self.harness.put_webhook(&name, body.to_string().as_bytes());
        self.harness.deliver(&name);
        self.webhooks.push(name);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Create(frame) if !self.has_task(frame) => {
                self.tasks[frame] += 10;
                self.put(frame, |_| json!([]));
            }
            Step::Create(_) => {}
            Step::Mark(frame) => {
                self.change(frame, |at| json!([annotation(1, at, at as f64 / 9.0)]))
            }
            Step::Skip(frame) => self.change(frame, |at| json!([skipped(2, at)])),
            Step::Clear(frame) => self.change(frame, |_| json!([])),
            Step::Delete(frame) => {
                let mut tasks = self.harness.systems.tasks.borrow_mut();
                tasks.remove(&self.tasks[frame]);
            }
            Step::Webhook(frame) => {
                let task = json!({"id": self.tasks[frame]});
                let number = self.webhooks.len();
                self.webhook(&json!({"action": "ANNOTATION_UPDATED", "task": task, "n": number}));
            }
            Step::Anything => self.webhook(&json!({"action": "ANNOTATIONS_DELETED"})),
            Step::Again(which) => {
                if let Some(name) = self.webhooks.get(which % self.webhooks.len().max(1)) {
                    self.harness.deliver(name);
                }
            }
            Step::Sync => {
                self.harness.request_sync();
                self.harness.deliver(SYNC);
            }
            Step::FullSync => drop(self.harness.full_sync()),
            Step::Fault(call, late) => {
                let at = self.harness.calls.get() + call;
                self.harness.fault.set(Some((at, late)));
            }
        }
        self.look();
    }

    /// Revisions are created, never changed or removed.
    fn look(&mut self) {
        let names = self.harness.objects.names();
        for (name, bytes) in &self.revisions {
            assert_eq!(
                self.harness.objects.bytes(name).as_ref(),
                Ok(bytes),
                "{name}"
            );
        }
        for name in names {
            let is_revision = name.starts_with("records/annotations/")
                && !name.ends_with("/current.json")
                && !name.ends_with("/synced.json");
            if is_revision && !self.revisions.contains_key(&name) {
                let bytes = self.harness.objects.bytes(&name).unwrap();
                self.revisions.insert(name, bytes);
            }
        }
    }
}

/// What is known; an answer that was taken back is as one that was never seen.
fn end(harness: &Harness) -> [Option<Value>; 2] {
    let current = [0, 30].map(|frame| harness.current(frame));
    current.map(|it| it.filter(|current| current["state"] != "deleted"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn all_ends_as_if_it_had_been_read_once(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        let harness = &world.harness;
        harness.fault.set(None);
        harness.sync();
        harness.full_sync();
        let clean = Harness::mirrored("label-studio");
        let tasks = harness.systems.tasks.borrow().clone();
        *clean.systems.tasks.borrow_mut() = tasks;
        clean.full_sync();
        prop_assert_eq!(end(harness), end(&clean));
        prop_assert!(follows(harness), "{:?}", harness.firestore.by_frame());
        // And nothing is left to do.
        let names = harness.objects.names();
        harness.deliver(FULL_SYNC);
        prop_assert_eq!(names, harness.objects.names());
    }
}
