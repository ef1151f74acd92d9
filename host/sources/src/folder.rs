//! Notices new and changed videos in a folder, also those that came while nothing watched it.

use super::queue::Queue;
use super::queue_error::QueueError;
use framemill_contract::ObjectRef;
use framemill_function_spec::Trigger;
use framemill_objects::{Found, Walk, generation};
use notify::{RecursiveMode, Watcher};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often the folder is read without a notification: network file systems send none.
const RESCAN: Duration = Duration::from_secs(5);
/// Notifications that come within this time cause one scan.
const CALM: Duration = Duration::from_millis(100);

/// What to watch.
#[derive(Clone, Debug)]
pub struct FolderWatch {
    /// Folder that is the bucket.
    pub data: PathBuf,
    /// Name of the bucket.
    pub bucket: String,
    /// Which names start work.
    pub trigger: Trigger,
    /// Whether links may lead out of the folder.
    pub follow_links: bool,
    /// A file is complete once it has not changed for this long.
    pub stable_for: Duration,
}

/// How far the watcher is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderState {
    /// Scans of the whole folder so far.
    pub looks: u64,
    /// Files that may still be growing.
    pub unstable: usize,
}

/// A file as it was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    size: u64,
    generation: i64,
}

/// Watches a folder and fills a queue.
pub struct FolderSource {
    watch: FolderWatch,
    queue: Arc<Queue>,
    /// Files that may still be growing: what was seen last, and since when.
    growing: HashMap<String, (Look, Instant)>,
    /// Generations of files that are in the queue or were settled.
    known: HashMap<String, i64>,
    /// Names that were logged as skipped.
    skipped: HashSet<String>,
}

impl FolderSource {
    /// Over a folder that exists.
    pub fn new(watch: FolderWatch, queue: Arc<Queue>) -> Self {
        Self {
            watch,
            queue,
            growing: HashMap::new(),
            known: HashMap::new(),
            skipped: HashSet::new(),
        }
    }

    /// Watches until the queue fails or the future is dropped; keeps `state` up to date. A full disk
    /// is waited out.
    ///
    /// # Errors
    /// Where the queue cannot be written.
    pub async fn run(mut self, state: watch::Sender<FolderState>) -> Result<(), QueueError> {
        let (sender, mut noticed) = mpsc::channel(1);
        // Dropping the watcher ends the notifications. The sender stays: a channel without one
        // would end each wait at once.
        let _watcher = start_watcher(&self.video_folder(), sender.clone());
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                let result = self.look(Instant::now());
                (self, result)
            });
            let (source, result) = looked
                .await
                .map_err(|error| QueueError::from(std::io::Error::other(error)))?;
            self = source;
            match result {
                Ok(()) => state.send_modify(|state| {
                    state.looks = state.looks.saturating_add(1);
                    state.unstable = self.growing.len();
                }),
                // What could not be queued is still to be, at the next look.
                Err(error) if error.passes() => {}
                Err(error) => return Err(error),
            }
            let wait = if self.growing.is_empty() {
                RESCAN
            } else {
                self.watch.stable_for.clamp(CALM, RESCAN)
            };
            if let Ok(Some(())) = tokio::time::timeout(wait, noticed.recv()).await {
                tokio::time::sleep(CALM).await;
                while noticed.try_recv().is_ok() {}
            }
        }
    }

    /// The folder that the prefix names.
    fn video_folder(&self) -> PathBuf {
        self.watch.data.join(&self.watch.trigger.prefix)
    }

    /// Reads the folder once.
    ///
    /// # Errors
    /// Where the queue cannot be written.
    pub fn look(&mut self, now: Instant) -> Result<(), QueueError> {
        let mut files = Vec::new();
        let prefix = self.watch.trigger.prefix.clone();
        let data = self.watch.data.clone();
        let walk = Walk {
            folder: &data,
            prefix: &prefix,
            follow_links: self.watch.follow_links,
        };
        walk.visit("", &mut |found| match found {
            Found::File { name, below } => {
                if name.starts_with(&prefix) && !is_unfinished(&name) {
                    files.push((name, data.join(below)));
                }
            }
            Found::LeadsOut { name } => {
                if self.skipped.insert(name.clone()) {
                    tracing::warn!(
                        "skipped, a link that leads out of the folder: follow_links = true allows it: {name}"
                    );
                }
            }
            Found::Unreadable { name, kind } => {
                if self.skipped.insert(name.clone()) {
                    tracing::warn!("skipped, a folder that cannot be read: {kind}: {name}");
                }
            }
        });
        let there: HashSet<&String> = files.iter().map(|(name, _)| name).collect();
        self.growing.retain(|name, _| there.contains(name));
        self.known.retain(|name, _| there.contains(name));
        for (name, path) in files {
            self.look_at(name, &path, now)?;
        }
        Ok(())
    }

    fn look_at(&mut self, name: String, path: &Path, now: Instant) -> Result<(), QueueError> {
        let Ok(metadata) = fs::metadata(path) else {
            return Ok(());
        };
        let look = Look {
            size: metadata.len(),
            generation: generation(&metadata),
        };
        if !metadata.is_file() || self.known.get(&name) == Some(&look.generation) {
            return Ok(());
        }
        if self.watch.trigger.stem(&name).is_none() {
            if self.skipped.insert(name.clone()) {
                tracing::info!("skipped, its name starts nothing: {name}");
            }
            return Ok(());
        }
        let object = ObjectRef {
            bucket: self.watch.bucket.clone(),
            name: name.clone(),
            generation: Some(look.generation),
        };
        match self.growing.get(&name) {
            Some((before, since)) if *before == look => {
                if now.saturating_duration_since(*since) < self.watch.stable_for {
                    return Ok(());
                }
            }
            _ => {
                self.growing.insert(name, (look, now));
                return Ok(());
            }
        }
        if self.queue.enqueue(&object)? {
            tracing::info!(size = look.size, "queued: {name}");
        }
        self.growing.remove(&name);
        self.known.insert(name, look.generation);
        Ok(())
    }
}

/// Whether a name is hidden, or one that programs give to unfinished files.
pub fn is_unfinished(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    let endings = [".part", ".partial", ".tmp", ".crdownload", ".download", "~"];
    lower.split('/').any(|part| part.starts_with('.'))
        || endings.iter().any(|ending| file.ends_with(ending))
}

/// Starts notifications of changes; without them the folder is still read every few seconds.
fn start_watcher(folder: &Path, notice: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let start = || -> notify::Result<_> {
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<_>| {
            let event: Option<notify::Event> = event.ok();
            if event.is_none_or(|event| !event.kind.is_access()) {
                // A full channel means that a scan is due anyway.
                let _ = notice.try_send(());
            }
        })?;
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(watcher)
    };
    start()
        .inspect_err(|error| {
            tracing::warn!(%error, "no notifications of changes here, the folder is read every {} s", RESCAN.as_secs());
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_are_known_by_name() {
        for (name, unfinished) in [
            ("videos/x.mp4", false),
            ("videos/.x.mp4.aB3", true),
            ("videos/.hidden/x.mp4", true),
            ("videos/x.mp4.part", true),
            ("videos/x.mp4.CRDOWNLOAD", true),
            ("videos/x.mp4~", true),
            ("videos/party.mp4", false),
        ] {
            assert_eq!(is_unfinished(name), unfinished, "{name}");
        }
    }
}
