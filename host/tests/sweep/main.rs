//! Sweeps and lists of failures: what they find, and what they ask of a bucket for it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod bucket;

use bucket::{Bucket, Calls, Many, One, Published};
use framemill::app::records;
use framemill::app::sweep::{Sweep, SweepRule, Swept};
use framemill::app::sweep_rules;
use framemill::functions::builtins;
use framemill_contract::{Claim, Config, FailureRecord, JobError, LabelConfig, ObjectRef, Tool};
use framemill_function_spec::Function;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BUCKET: &str = "b";
/// What is younger is left alone.
const AGE: Duration = Duration::from_secs(3600);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros() as i64
}

fn config(pairs: &[(&str, &str)]) -> Config {
    Config::from_lookup(|key| given(pairs, key)).unwrap()
}

/// Who is asked for labels.
const LABELING: [(&str, &str); 2] = [("target", "webhook"), ("target_url", "https://h")];

fn label_config() -> LabelConfig {
    LabelConfig::from_lookup(|key| given(&LABELING, key)).unwrap()
}

fn given(pairs: &[(&str, &str)], key: &str) -> Option<String> {
    let pair = pairs.iter().find(|(name, _)| *name == key)?;
    Some(pair.1.to_owned())
}

/// The rule of one of our functions.
fn rule(function: &str, pairs: &[(&str, &str)], published: &Arc<Published>) -> SweepRule {
    let mut builtins = builtins().unwrap().iter();
    let (spec, _) = builtins.find(|(spec, _)| spec.name == function).unwrap();
    let function = Function::new(spec, |key| given(pairs, key));
    sweep_rules::rule(&function, published.clone()).unwrap()
}

async fn sweep(bucket: &Arc<Bucket>, rules: Vec<SweepRule>) -> Vec<Swept> {
    let sweep = Sweep {
        store: bucket.clone(),
        bucket: BUCKET.to_owned(),
        rules,
        skip: |_| false,
        age: AGE,
    };
    sweep.run(&|_| {}).await.unwrap()
}

const VIDEOS: u64 = 100_000;
const IMAGES_EACH: u64 = 100;
const DONE: Range<u64> = 0..99_000;
const FAILED: Range<u64> = 99_000..99_900;
/// Of the others, the first ten are being worked on.
const CLAIMED: Range<u64> = 0..99_910;
const LAST_YEAR: i64 = 1_700_000_000_000_000;

fn failure_name(number: u64) -> String {
    format!("records/failures/extract-frames/{number:06}.mp4.json")
}

/// 100,000 videos with 10,000,000 images; labels were asked for for all but ten manifests.
fn footage() -> Bucket {
    let many = [
        Many {
            numbers: 0..VIDEOS * IMAGES_EACH,
            object: |number| {
                let (video, image) = (number / IMAGES_EACH, number % IMAGES_EACH);
                (format!("images/{video:06}.mp4/{image:06}.jpg"), LAST_YEAR)
            },
        },
        Many {
            numbers: DONE,
            object: |number| (format!("manifests/{number:06}.mp4.json"), LAST_YEAR + 2),
        },
        Many {
            numbers: CLAIMED,
            object: |number| {
                let time = if number < FAILED.end {
                    LAST_YEAR
                } else {
                    now()
                };
                (format!("records/claims/{number:06}.mp4.json"), time)
            },
        },
        Many {
            numbers: 0..2 * (DONE.end - 10),
            object: |number| {
                let id = label_config().target_id().unwrap();
                let kind = ["intent", "receipt"][(number % 2) as usize];
                let video = number / 2;
                let name = format!("records/labels/{id}/{video:06}.mp4/{kind}.json");
                (name, LAST_YEAR + 3)
            },
        },
        Many {
            numbers: 0..VIDEOS,
            object: |number| (format!("videos/{number:06}.mp4"), LAST_YEAR + 1),
        },
    ];
    let failure = |number| {
        let source = ObjectRef {
            bucket: BUCKET.to_owned(),
            name: format!("videos/{number:06}.mp4"),
            generation: Some(1),
        };
        let reason = "test".to_owned();
        let error = JobError::Encode { reason };
        let record = FailureRecord::new(&source, &error, Tool::new(None));
        let one = One {
            generation: 1,
            updated: LAST_YEAR + 2,
            bytes: serde_json::to_vec(&record).unwrap(),
        };
        (failure_name(number), one)
    };
    Bucket {
        many: many.into(),
        one: FAILED.map(failure).collect(),
        ..Bucket::default()
    }
}

/// Requests for a listing of so many objects.
fn pages(objects: u64) -> u64 {
    objects / records::PAGE as u64 + 1
}

#[tokio::test]
async fn a_sweep_asks_for_listings_of_videos_and_records_alone() {
    let (bucket, published) = (Arc::new(footage()), Arc::new(Published::default()));
    let rule = rule("extract-frames", &[], &published);
    let swept = sweep(&bucket, vec![rule]).await;
    let expected = Swept {
        function: "extract-frames".to_owned(),
        objects: VIDEOS,
        done: 99_000,
        failed: 900,
        young: 10,
        queued: 90,
    };
    assert_eq!(swept, [expected]);
    let missing: Vec<_> = (99_910..VIDEOS)
        .map(|number| format!("videos/{number:06}.mp4"))
        .collect();
    assert_eq!(published.names(), missing);
    let lists = [
        ("videos/", pages(VIDEOS)),
        ("manifests/", pages(99_000)),
        ("records/failures/extract-frames/", pages(900)),
        ("records/claims/", pages(99_910)),
    ];
    let calls = Calls {
        lists: lists
            .map(|(prefix, count)| (prefix.to_owned(), count))
            .into(),
        ..Calls::default()
    };
    assert_eq!(bucket.calls(), calls);
    let sum: u64 = calls.lists.values().sum();
    println!(
        "extraction, {VIDEOS} videos: {sum} listings, nothing else: {:?}",
        calls.lists
    );
}

#[tokio::test]
async fn a_sweep_for_labels_asks_for_listings_of_records_alone() {
    let (bucket, published) = (Arc::new(footage()), Arc::new(Published::default()));
    let rule = rule("request-labeling", &LABELING, &published);
    let swept = sweep(&bucket, vec![rule]).await;
    assert_eq!((swept[0].objects, swept[0].queued), (99_000, 10));
    assert_eq!((swept[0].done, swept[0].failed), (98_990, 0));
    assert_eq!(published.names()[0], "manifests/098990.mp4.json");
    let id = label_config().target_id().unwrap();
    let lists = [
        ("manifests/".to_owned(), pages(99_000)),
        (format!("records/labels/{id}/"), pages(2 * 98_990)),
        (format!("records/failures/request-labeling/{id}/"), pages(0)),
    ];
    let calls = Calls {
        lists: lists.into(),
        ..Calls::default()
    };
    assert_eq!(bucket.calls(), calls);
    let sum: u64 = calls.lists.values().sum();
    println!(
        "labels, 99000 manifests: {sum} listings, nothing else: {:?}",
        calls.lists
    );
}

#[tokio::test]
async fn a_list_of_failures_costs_the_failures() {
    let bucket = footage();
    let layout = config(&[]).layout;
    let failures = records::failures(&bucket, &layout).await.unwrap();
    let names: Vec<String> = FAILED.map(failure_name).collect();
    assert!(failures.iter().map(|failure| &failure.name).eq(&names));
    assert_eq!(failures[0].record.source.name, "videos/099000.mp4");
    let calls = Calls {
        lists: [("records/failures/".to_owned(), pages(900))].into(),
        reads: names,
        heads: Vec::new(),
    };
    assert_eq!(bucket.calls(), calls);
    println!("failures list, {VIDEOS} videos: 1 listing, 900 reads");
}

/// A bucket of objects with these times, in seconds before now, and these bytes.
fn small(objects: &[(&str, i64, &[u8])]) -> Arc<Bucket> {
    let one = |(name, age, bytes): &(&str, i64, &[u8])| {
        let one = One {
            generation: 7,
            updated: now() - age * 1_000_000,
            bytes: bytes.to_vec(),
        };
        ((*name).to_owned(), one)
    };
    Arc::new(Bucket {
        one: objects.iter().map(one).collect(),
        ..Bucket::default()
    })
}

/// What a sweep says of the one video of a bucket; what it read.
async fn found(objects: &[(&str, i64, &[u8])], naming: &str) -> (String, Vec<String>) {
    let (bucket, published) = (small(objects), Arc::new(Published::default()));
    let rule = rule("extract-frames", &[("naming", naming)], &published);
    let swept = sweep(&bucket, vec![rule]).await.remove(0);
    assert_eq!(swept.objects, 1, "{objects:?}");
    let counts = [
        ("done", swept.done),
        ("failed", swept.failed),
        ("young", swept.young),
        ("queued", swept.queued),
    ];
    let found = counts.into_iter().find(|(_, count)| *count == 1).unwrap();
    assert_eq!(published.names().len() as u64, swept.queued);
    (found.0.to_owned(), bucket.calls().reads)
}

#[tokio::test]
async fn an_upload_is_done_where_what_is_about_it_says_so() {
    const VIDEO: &str = "videos/x.mp4";
    const PLAIN: &str = "manifests/x.mp4.json";
    const OWN: &str = "manifests/x.mp4@7.json";
    const OTHER: &str = "manifests/x.mp4@6.json";
    const FAILURE: &str = "records/failures/extract-frames/x.mp4.json";
    const OWN_FAILURE: &str = "records/failures/extract-frames/x.mp4@7.json";
    const CLAIM: &str = "records/claims/x.mp4.json";
    const OWN_CLAIM: &str = "records/claims/x.mp4@7.json";
    let work = config(&[]).work();
    let claim = |generation| serde_json::to_vec(&Claim::new(VIDEO, generation, &work)).unwrap();
    let (ours, others) = (claim(7), claim(6));
    let old = 10_000;
    let nothing: &[u8] = b"";
    for (objects, expected, reads) in [
        (vec![], "queued", 0),
        (vec![("videos/notes.txt", old, nothing)], "queued", 0),
        (vec![(PLAIN, old - 1, nothing)], "done", 0),
        (vec![(OWN, old + 1, nothing)], "done", 0),
        (vec![(FAILURE, old - 1, nothing)], "failed", 0),
        (vec![(OWN_FAILURE, old + 1, nothing)], "failed", 0),
        (vec![(OTHER, old - 1, nothing)], "queued", 0),
        // Uploaded again: what has the plain name is about the upload before.
        (
            vec![(PLAIN, old + 1, nothing), (CLAIM, old + 2, &others)],
            "queued",
            1,
        ),
        (
            vec![(FAILURE, old + 1, nothing), (CLAIM, old + 2, &others)],
            "queued",
            1,
        ),
        (
            vec![(PLAIN, old + 1, nothing), (FAILURE, old - 1, nothing)],
            "failed",
            0,
        ),
        (
            vec![(PLAIN, old + 1, nothing), (OWN, old - 1, nothing)],
            "done",
            0,
        ),
        (
            vec![(PLAIN, old + 1, nothing), (OWN_FAILURE, old - 1, nothing)],
            "failed",
            0,
        ),
        // Touched since, or written in the same second as far as the store says.
        (
            vec![(PLAIN, old + 1, nothing), (CLAIM, old + 2, &ours)],
            "done",
            1,
        ),
        (
            vec![(FAILURE, old + 1, nothing), (CLAIM, old + 2, &ours)],
            "failed",
            1,
        ),
        (vec![(PLAIN, old + 1, nothing)], "queued", 1),
        // Someone is at work.
        (vec![(CLAIM, 10, &ours)], "young", 0),
        (vec![(OWN_CLAIM, 10, &ours)], "young", 0),
        (vec![(CLAIM, old - 1, &ours)], "queued", 0),
    ] {
        let mut all = vec![(VIDEO, old, nothing)];
        all.extend(objects.iter().copied());
        let (state, read) = found(&all, "index").await;
        assert_eq!((state.as_str(), read.len()), (expected, reads), "{all:?}");
    }
    let young = [(VIDEO, 10, nothing)];
    assert_eq!(found(&young, "index").await.0, "young");
}

#[tokio::test]
async fn with_the_samples_naming_videos_share_claims_but_not_manifests() {
    let old = 10_000;
    let video = ("videos/x.mp4", old, &b""[..]);
    let other = ("manifests/x.mov.json", old - 1, &b""[..]);
    assert_eq!(found(&[video, other], "sample").await.0, "queued");
    let own = ("manifests/x.mp4@7.json", old - 1, &b""[..]);
    assert_eq!(found(&[video, other, own], "sample").await.0, "done");
    for claim in ["records/claims/x.json", "records/claims/x@7.json"] {
        let claim = (claim, 10, &b""[..]);
        assert_eq!(found(&[video, other, claim], "sample").await.0, "young");
    }
}

#[tokio::test]
async fn labels_are_asked_for_once_per_name_of_a_manifest() {
    let id = label_config().target_id().unwrap();
    let receipt = |video: &str| format!("records/labels/{id}/{video}/receipt.json");
    let intent = format!("records/labels/{id}/d.mp4/intent.json");
    let failure = format!("records/failures/request-labeling/{id}/c.mp4.json");
    let nothing: &[u8] = b"";
    let bucket = small(&[
        ("manifests/a.mp4.json", 9_000, nothing),
        (&receipt("a.mp4"), 8_000, nothing),
        // A person removed the manifest, and the video was extracted again.
        ("manifests/b.mp4@5.json", 7_000, nothing),
        (&receipt("b.mp4@5"), 8_000, nothing),
        ("manifests/c.mp4.json", 9_000, nothing),
        (&failure, 8_000, nothing),
        ("manifests/d.mp4.json", 9_000, nothing),
        (&intent, 8_000, nothing),
        ("manifests/e.mp4.json", 10, nothing),
        ("manifests/notes.txt", 9_000, nothing),
    ]);
    let published = Arc::new(Published::default());
    let rule = rule("request-labeling", &LABELING, &published);
    let swept = sweep(&bucket, vec![rule]).await.remove(0);
    let counts = [
        swept.objects,
        swept.done,
        swept.failed,
        swept.young,
        swept.queued,
    ];
    assert_eq!(counts, [5, 2, 1, 1, 1]);
    assert_eq!(published.names(), ["manifests/d.mp4.json"]);
}

/// Lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// It may be new, or its message lost: a sweep says of an upload what it knows, and no more.
#[tokio::test]
async fn what_is_queued_is_named_in_the_log_and_nothing_else() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let nothing: &[u8] = b"";
    let bucket = small(&[
        ("videos/done.mp4", 9_000, nothing),
        ("manifests/done.mp4.json", 8_000, nothing),
        ("videos/new.mp4", 10, nothing),
        ("videos/open.mp4", 9_000, nothing),
    ]);
    let published = Arc::new(Published::default());
    let rule = rule("extract-frames", &[], &published);
    sweep(&bucket, vec![rule]).await;
    drop(guard);
    assert_eq!(published.names(), ["videos/open.mp4"]);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("videos/"))
        .collect();
    let [line] = said.as_slice() else {
        panic!("one line: {log}")
    };
    let words = "queued, it has no outcome yet: videos/open.mp4";
    assert!(line.contains("INFO") && line.ends_with(words), "{line}");
}
