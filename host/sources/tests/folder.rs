//! The watched folder: what becomes a message, and when.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use framemill_function_spec::Trigger;
use framemill_sources::{FolderSource, FolderState, FolderWatch, Queue};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

const STABLE_FOR: Duration = Duration::from_secs(1);

fn watch_of(data: &Path, stable_for: Duration) -> FolderWatch {
    FolderWatch {
        follow_links: false,
        data: data.to_owned(),
        bucket: "local".into(),
        trigger: Trigger {
            prefix: "videos/".to_owned(),
            extensions: vec!["mp4".to_owned(), "mkv".to_owned()],
            ..Trigger::default()
        },
        stable_for,
    }
}

struct Bench {
    data: tempfile::TempDir,
    queue: Arc<Queue>,
    source: FolderSource,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("videos")).unwrap();
        let queue = Arc::new(Queue::open(&data.path().join(".framemill/queue.redb"), 5).unwrap());
        let source = FolderSource::new(watch_of(data.path(), STABLE_FOR), Arc::clone(&queue));
        Self {
            data,
            queue,
            source,
            now: Instant::now(),
        }
    }

    fn write(&self, name: &str, bytes: &str) {
        let path = self.data.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Looks after this much time; the names of all messages so far.
    fn look(&mut self, after: Duration) -> u64 {
        self.now += after;
        self.source.look(self.now).unwrap();
        self.queue.pending().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        while let Ok(message) = self.queue.take().unwrap() {
            names.push(message.object.name);
        }
        names.sort();
        names
    }
}

#[test]
fn a_file_is_taken_once_it_stops_growing() {
    let mut bench = Bench::new();
    bench.write("videos/x.mp4", "1");
    assert_eq!(bench.look(STABLE_FOR), 0, "seen for the first time");
    bench.write("videos/x.mp4", "12");
    assert_eq!(bench.look(STABLE_FOR), 0, "it grew");
    assert_eq!(bench.look(STABLE_FOR / 2), 0, "not long enough");
    assert_eq!(bench.look(STABLE_FOR / 2), 1);
    assert_eq!(bench.look(STABLE_FOR * 5), 1, "once");
    let message = bench.queue.take().unwrap().unwrap();
    let metadata = fs::metadata(bench.data.path().join("videos/x.mp4")).unwrap();
    let modified = metadata
        .modified()
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(message.object.generation, Some(modified.as_micros() as i64));
}

#[test]
fn a_changed_file_is_another_message() {
    let mut bench = Bench::new();
    bench.write("videos/x.mp4", "1");
    bench.look(STABLE_FOR);
    assert_eq!(bench.look(STABLE_FOR), 1);
    let file = fs::File::options()
        .write(true)
        .open(bench.data.path().join("videos/x.mp4"))
        .unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(9))
        .unwrap();
    bench.look(STABLE_FOR);
    assert_eq!(bench.look(STABLE_FOR), 2);
}

#[test]
fn only_finished_videos_below_the_prefix_count() {
    let mut bench = Bench::new();
    for name in [
        "videos/a.mp4",
        "videos/cam 1/ü.MKV",
        "videos/notes.txt",
        "videos/.hidden.mp4",
        "videos/b.mp4.part",
        "videos/c.mp4~",
        "videos/.sync/d.mp4",
        "elsewhere/e.mp4",
        "images/f.mp4",
        ".framemill/tmp/g.mp4",
    ] {
        bench.write(name, "x");
    }
    bench.look(STABLE_FOR);
    bench.look(STABLE_FOR);
    assert_eq!(bench.names(), ["videos/a.mp4", "videos/cam 1/ü.MKV"]);
}

#[test]
fn a_new_process_does_not_repeat_what_is_queued() {
    let mut bench = Bench::new();
    bench.write("videos/x.mp4", "1");
    bench.look(STABLE_FOR);
    assert_eq!(bench.look(STABLE_FOR), 1);
    bench.source = FolderSource::new(
        watch_of(bench.data.path(), STABLE_FOR),
        Arc::clone(&bench.queue),
    );
    bench.look(STABLE_FOR);
    assert_eq!(bench.look(STABLE_FOR), 1);
}

#[tokio::test]
async fn the_watcher_finds_what_was_there_and_what_comes() {
    let Bench {
        data,
        queue,
        source,
        ..
    } = Bench::new();
    drop(source);
    fs::write(data.path().join("videos/before.mp4"), "x").unwrap();
    let source = FolderSource::new(
        watch_of(data.path(), Duration::from_millis(200)),
        Arc::clone(&queue),
    );
    let (state, looks) = watch::channel(FolderState::default());
    let running = tokio::spawn(source.run(state));
    assert_eq!(queue.next().await.unwrap().object.name, "videos/before.mp4");
    fs::create_dir_all(data.path().join("videos/new")).unwrap();
    fs::write(data.path().join("videos/new/after.mp4"), "x").unwrap();
    assert_eq!(
        queue.next().await.unwrap().object.name,
        "videos/new/after.mp4"
    );
    assert!(looks.borrow().looks > 1);
    running.abort();
}

/// What lies outside of the folder is taken for an upload only where links are followed.
#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_no_uploads() {
    let (data, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let videos = data.path().join("videos");
    fs::create_dir_all(&videos).unwrap();
    fs::write(outside.path().join("x.mp4"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.mp4"), videos.join("x.mp4")).unwrap();
    std::os::unix::fs::symlink(outside.path(), videos.join("away")).unwrap();
    for (follow_links, expected) in [(false, 0), (true, 2)] {
        let file = data.path().join(format!("{follow_links}.redb"));
        let queue = Arc::new(Queue::open(&file, 5).unwrap());
        let mut watch = watch_of(data.path(), Duration::ZERO);
        watch.follow_links = follow_links;
        let mut source = FolderSource::new(watch, Arc::clone(&queue));
        for _ in 0..2 {
            source.look(Instant::now()).unwrap();
        }
        assert_eq!(queue.pending().unwrap(), expected, "{follow_links}");
    }
}
