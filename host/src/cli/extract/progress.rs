//! How far an extraction is: a bar on a terminal, plain lines elsewhere.

use super::report::VideoReport;
use framemill_contract::SegmentRequest;
use framemill_runtime::ComponentEvent as Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Follows all videos of one run.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    total: usize,
    videos: Mutex<HashMap<String, Video>>,
}

#[derive(Default)]
struct Video {
    planned: HashSet<u64>,
    images: u64,
    /// Images of the whole video, as the turns so far let expect.
    expected: u64,
    /// Length of what is planned so far.
    seconds: f64,
    ended: bool,
}

impl Video {
    /// Images that need no more work, and all; dropped frames count once the video is done.
    fn count(&self) -> (u64, u64) {
        let planned = (self.planned.len() as u64).max(self.images);
        if !self.ended {
            return (self.images, planned.max(self.expected));
        }
        (planned, planned)
    }

    /// A turn has ended: the rest will be like what is done.
    fn expect(&mut self, done: u64, of: u64) {
        let share = of as f64 / done.max(1) as f64;
        let planned = (self.planned.len() as u64).max(self.images);
        self.expected = (planned as f64 * share.max(1.0)).round() as u64;
    }

    /// Seconds of video that are done.
    fn seconds_done(&self) -> f64 {
        match self.count() {
            (_, 0) => 0.0,
            (done, _) => {
                let planned = self.planned.len().max(1) as f64;
                self.seconds * (done as f64 / planned).min(1.0)
            }
        }
    }
}

impl Progress {
    /// Of `total` videos; `draw` on a terminal.
    pub(super) fn new(total: usize, draw: bool) -> Self {
        let bar = draw.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = "{bar:30} {pos}/{len} images  {msg}  {elapsed} gone, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            started: Instant::now(),
            total,
            videos: Mutex::default(),
        }
    }

    /// A video is being worked on.
    pub(super) fn start(&self, object: &str) {
        self.update(object, |_| {});
    }

    /// Something happened in a sandbox of a video.
    pub(super) fn see(&self, object: &str, event: Event) {
        match event {
            Event::SegmentDispatched(body) => {
                if let Ok(request) = serde_json::from_slice::<SegmentRequest>(&body) {
                    self.update(object, |video| plan(video, &request));
                }
            }
            Event::Written(written) if !written.name.ends_with(".json") => {
                self.update(object, |video| {
                    video.images = video.images.saturating_add(1)
                });
            }
            Event::Written(_) | Event::SandboxEnded(_) => {}
            Event::Continued { done, of } => {
                self.update(object, |video| video.expect(done, of));
            }
        }
    }

    /// A video is done.
    pub(super) fn end(&self, object: &str, report: &VideoReport) {
        self.update(object, |video| video.ended = true);
        let ended = self.videos(|videos| videos.values().filter(|video| video.ended).count());
        let line = format!("[{ended}/{}] {}", self.total, report.line());
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn videos<T>(&self, look: impl FnOnce(&mut HashMap<String, Video>) -> T) -> T {
        look(&mut self.videos.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn update(&self, object: &str, change: impl FnOnce(&mut Video)) {
        let (done, planned, seconds) = self.videos(|videos| {
            change(videos.entry(object.to_owned()).or_default());
            let counts = videos.values().map(Video::count);
            let (done, planned) =
                counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
            let seconds: f64 = videos.values().map(Video::seconds_done).sum();
            (done, planned, seconds)
        });
        if let Some(bar) = &self.bar {
            bar.set_length(planned);
            bar.set_position(done);
            let speed = seconds / self.started.elapsed().as_secs_f64().max(0.001);
            bar.set_message(format!("{speed:.1}× realtime"));
        }
    }
}

/// Adds a segment's frames. A segment that is tried again adds nothing.
fn plan(video: &mut Video, request: &SegmentRequest) {
    for wanted in request.gops.iter().flat_map(|gop| &gop.wanted) {
        video.planned.insert(wanted.index);
        let ticks = wanted.pts.0.saturating_sub(request.first_pts.0);
        video.seconds = video.seconds.max(request.timescale.seconds(ticks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_objects::Written;

    #[test]
    fn turns_tell_how_much_is_to_come() {
        let progress = Progress::new(1, false);
        let count = || progress.videos(|videos| videos["v"].count());
        progress.update("v", |video| {
            video.planned.extend(0..10);
            video.images = 10;
        });
        assert_eq!(count(), (10, 10));
        progress.see("v", Event::Continued { done: 100, of: 400 });
        assert_eq!(count(), (10, 40));
        progress.update("v", |video| video.planned.extend(10..25));
        assert_eq!(count(), (10, 40));
        progress.end("v", &VideoReport::new(std::path::Path::new("v")));
        assert_eq!(count(), (25, 25));
    }

    #[test]
    fn dropped_frames_count_when_the_video_ends() {
        let progress = Progress::new(1, false);
        let written = |name: &str| {
            Event::Written(Written {
                generation: 1,
                name: name.to_owned(),
                size: 1,
            })
        };
        progress.update("v", |video| video.planned.extend(0..10));
        progress.see("v", written("images/v/000000.jpg"));
        progress.see("v", written("images/v/manifest.json"));
        let count = |progress: &Progress| progress.videos(|videos| videos["v"].count());
        assert_eq!(count(&progress), (1, 10));
        progress.end("v", &VideoReport::new(std::path::Path::new("v")));
        assert_eq!(count(&progress), (10, 10));
    }
}
