//! One request's part of the work: segments of a plan in sandboxes of their own, some at the same time, their results
//! joined in order. Without a budget it does all of the plan.

use crate::segment::single;
use crate::store::{Clock, ObjectError, SegmentAnswer, SegmentCrash, Segments};
use framemill_contract::{
    Checkpoint, Config, GopWork, JobError, ObjectRef, SegmentReply, SegmentRequest, SegmentResult,
    Warning,
};
use framemill_frames::{Cost, Deduplicator, Plan};
use framemill_video::{Pts, VideoIndex};
use futures::StreamExt as _;
use futures::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

/// Segments per parallel sandbox, at least, where the plan is large enough.
const SEGMENTS_EACH: usize = 4;
/// Below this many access units a sandbox of its own costs more than it brings.
const SMALLEST_SEGMENT: u32 = 8;
/// A request starts segments for as long as one may take, and waits for them until this many times
/// that: a host that gives a request four times the budget's time lets it end in peace.
const WAIT_BUDGETS: u32 = 3;
/// It waits this long at least: a budget may be small, and a machine slow.
const LEAST_WAIT: Duration = Duration::from_secs(20);

/// A part of the work about to run.
pub(crate) struct FanOut<'a, S, C> {
    pub segments: &'a S,
    pub clock: &'a C,
    pub config: &'a Config,
    pub video: &'a ObjectRef,
    pub image_prefix: String,
    pub index: &'a VideoIndex,
    pub plan: &'a Plan<'a>,
}

/// How a segment ended.
enum End {
    /// Its results; several where it was done GOP by GOP.
    Done(Vec<SegmentResult>),
    /// Its sandbox stopped, and the continuation does it GOP by GOP.
    Crashed,
}

/// A segment that has not answered yet.
struct UnderWay {
    gops: u64,
    images: Expected,
}

impl<S: Segments, C: Clock> FanOut<'_, S, C> {
    /// Does the plan from where `start` stands, until all is done or the budget's time is over.
    pub async fn run(&self, start: &Checkpoint) -> Result<Checkpoint, ObjectError> {
        let mut done = Checkpoint::new(self.video.clone(), start.to_gop);
        let mut merger = Deduplicator::new(&self.config.filters, start.last_kept.as_ref());
        let under_way = RefCell::new(VecDeque::new());
        let started = Cell::new(false);
        let in_time = |_: &_| {
            // One segment at least, or a slow index would leave no time for any, ever.
            let first = !started.replace(true);
            std::future::ready(first || self.clock.elapsed() < self.time())
        };
        let begin = |gops: Vec<GopWork>| {
            under_way.borrow_mut().push_back(UnderWay {
                gops: gops.len() as u64,
                images: Expected::of(&gops),
            });
            self.segment(self.request(gops))
        };
        let ends = futures::stream::iter(self.gops(start));
        let ends = ends.take_while(in_time).map(begin);
        // Alone each, so that none has to wait for another: who does not answer then is to blame.
        let alone = start.isolated > 0;
        let at_once = if alone {
            1
        } else {
            self.config.parallel_segments
        };
        let mut ends = pin!(ends.buffered(at_once));
        let mut deadline = pin!(self.clock.until(self.longest_wait()));
        let mut crashed = 0;
        loop {
            let end = match select(ends.next(), &mut deadline).await {
                Either::Left((None, _)) => break,
                Either::Left((Some(end), _)) => end,
                Either::Right(_) => {
                    if let Some(slow) = under_way.borrow_mut().pop_front() {
                        crashed = self.give_up(&slow, alone, &mut done);
                    }
                    break;
                }
            };
            let ended = under_way.borrow_mut().pop_front();
            let gops = ended.map_or(0, |ended| ended.gops);
            match end {
                Ok(End::Done(results)) => {
                    done.to_gop += gops;
                    for result in results {
                        let result = without_duplicates(&mut merger, result);
                        join(&mut done.result, result);
                    }
                }
                Ok(End::Crashed) => {
                    crashed = gops;
                    break;
                }
                // What is done is kept; a failure that lasts shows again in the continuation.
                Err(ObjectError::Failed(_)) if self.in_turns() && done.to_gop > start.to_gop => {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let left_isolated = start.isolated.saturating_sub(done.to_gop - start.to_gop);
        done.isolated = crashed.max(left_isolated);
        done.last_kept = merger.last_kept();
        Ok(done)
    }

    /// A segment that does not answer in time is tried GOP by GOP in the continuation. A single GOP
    /// that had all of a request for itself is lost: it would take as long each time.
    fn give_up(&self, slow: &UnderWay, alone: bool, done: &mut Checkpoint) -> u64 {
        if !alone || slow.gops > 1 || done.to_gop > done.from_gop {
            return slow.gops;
        }
        let time = self.longest_wait();
        let words =
            format!("no answer within {time:?}: where the host allows more, raise segment_budget");
        join(&mut done.result, crashed(&slow.images, &words));
        done.to_gop += slow.gops;
        0
    }

    fn in_turns(&self) -> bool {
        self.config.segment_budget.is_some()
    }

    /// Time for which segments are started, and that each of them is planned to take at most.
    fn time(&self) -> Duration {
        let budget = self.config.segment_budget;
        budget.map_or(Duration::MAX, |budget| {
            Duration::from_micros(budget.time.micros())
        })
    }

    fn longest_wait(&self) -> Duration {
        self.time().saturating_mul(WAIT_BUDGETS).max(LEAST_WAIT)
    }

    /// What is left of the plan, in segments. Requests are made when they are due: those of
    /// a long video would not fit at once.
    fn gops(&self, start: &Checkpoint) -> impl Iterator<Item = Vec<GopWork>> {
        let first = usize::try_from(start.to_gop).unwrap_or(usize::MAX);
        let isolated = usize::try_from(start.isolated).unwrap_or(usize::MAX);
        let most = u64::from(self.segment_frames());
        let cost = Cost::of(&self.index.config, self.config.images.format);
        let time = self
            .config
            .segment_budget
            .map(|budget| budget.time.micros());
        let fits = move |access_units, images| {
            let micros = cost.micros(access_units, images);
            access_units <= most && time.is_none_or(|time| micros <= time)
        };
        let singles = self.plan.segments(first, |_, _| false).take(isolated);
        singles.chain(self.plan.segments(first.saturating_add(isolated), fits))
    }

    /// Access units per segment: the configured limit, less where a short plan would leave some
    /// of the parallel sandboxes without work. Several for each, so that uneven ones even out.
    /// What comes out does not depend on it.
    fn segment_frames(&self) -> u32 {
        let segments = self.config.parallel_segments.max(1);
        let segments = segments.saturating_mul(SEGMENTS_EACH);
        let share = self.plan.access_units.div_ceil(segments as u64);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        share.max(SMALLEST_SEGMENT).min(self.config.segment_frames)
    }

    fn request(&self, gops: Vec<GopWork>) -> SegmentRequest {
        SegmentRequest {
            video: self.video.clone(),
            image_prefix: self.image_prefix.clone(),
            config: self.index.config.clone(),
            other_configs: self.index.other_configs.clone(),
            unwrap: self.index.unwrap.clone(),
            timescale: self.index.timescale,
            first_pts: self.plan.first_pts,
            rotation: self.index.rotation,
            images: self.config.images,
            filters: self.config.filters,
            naming: self.config.naming,
            careful: false,
            gops,
        }
    }

    /// Runs one segment; after a crash GOP by GOP, so that only the one to blame is lost.
    async fn segment(&self, request: SegmentRequest) -> Result<End, ObjectError> {
        let crash = match self.run_twice(&request).await? {
            SegmentRun::Done(result) => return Ok(End::Done(vec![result])),
            SegmentRun::Crashed(crash) => crash,
        };
        if let [gop] = request.gops.as_slice() {
            return Ok(End::Done(vec![self.blame(&request, gop, crash).await?]));
        }
        if self.in_turns() {
            return Ok(End::Crashed);
        }
        let mut results = Vec::with_capacity(request.gops.len());
        for gop in &request.gops {
            let answer = self.run_twice(&single(&request, gop)).await?;
            results.push(match answer {
                SegmentRun::Done(result) => result,
                SegmentRun::Crashed(crash) => self.blame(&request, gop, crash).await?,
            });
        }
        Ok(End::Done(results))
    }

    /// What becomes of a GOP that stops a sandbox of its own: a warning, unless all that it lacks
    /// is memory. Then the host is configured wrongly and the video not to blame. Where the host
    /// gives no reason, the GOP is done once more by a sandbox that makes sure of memory first.
    async fn blame(
        &self,
        request: &SegmentRequest,
        gop: &GopWork,
        crash: SegmentCrash,
    ) -> Result<SegmentResult, ObjectError> {
        let crash = match crash {
            SegmentCrash::Unknown(words) => {
                let careful = SegmentRequest {
                    careful: true,
                    ..single(request, gop)
                };
                match self.run_twice(&careful).await? {
                    SegmentRun::Done(result) => return Ok(result),
                    SegmentRun::Crashed(SegmentCrash::Unknown(_)) => SegmentCrash::Other(words),
                    SegmentRun::Crashed(crash) => crash,
                }
            }
            crash => crash,
        };
        match crash {
            SegmentCrash::Memory(reason) => Err(JobError::OutOfMemory { reason }.into()),
            SegmentCrash::Other(words) | SegmentCrash::Unknown(words) => {
                Ok(crashed(&Expected::of([gop]), &words))
            }
        }
    }

    /// Runs a request, and once more where it failed in a way that may pass: a store that
    /// stumbled over one of many should not cost all of them.
    async fn run_twice(&self, request: &SegmentRequest) -> Result<SegmentRun, ObjectError> {
        match self.run_once(request).await {
            Err(ObjectError::Failed(_)) => self.run_once(request).await,
            answer => answer,
        }
    }

    async fn run_once(&self, request: &SegmentRequest) -> Result<SegmentRun, ObjectError> {
        match self.segments.run(request).await? {
            SegmentAnswer::Crashed(crash) => Ok(SegmentRun::Crashed(crash)),
            SegmentAnswer::Reply(SegmentReply::Done(result)) => Ok(SegmentRun::Done(result)),
            SegmentAnswer::Reply(SegmentReply::OutOfMemory(reason)) => {
                Ok(SegmentRun::Crashed(SegmentCrash::Memory(reason)))
            }
            SegmentAnswer::Reply(SegmentReply::Failed(error)) if error.superseded => {
                Err(ObjectError::Gone)
            }
            SegmentAnswer::Reply(SegmentReply::Failed(error)) => {
                let reason = error.message;
                Err(ObjectError::Failed(JobError::Segment { reason }))
            }
        }
    }
}

/// What a sandbox made of a segment.
enum SegmentRun {
    Done(SegmentResult),
    Crashed(SegmentCrash),
}

/// The images that some work is to give.
struct Expected {
    count: usize,
    from: Option<Pts>,
    to: Option<Pts>,
}

impl Expected {
    fn of<'a>(gops: impl IntoIterator<Item = &'a GopWork>) -> Self {
        let mut images = Self {
            count: 0,
            from: None,
            to: None,
        };
        for wanted in gops.into_iter().flat_map(|gop| &gop.wanted) {
            images.count += 1;
            images.from.get_or_insert(wanted.pts);
            images.to = Some(wanted.pts);
        }
        images
    }
}

/// The result of a GOP that crashes its sandbox: a warning with its time range.
fn crashed(images: &Expected, crash: &str) -> SegmentResult {
    let warning = Warning {
        code: "decoder_crashed".to_owned(),
        message: format!(
            "{} selected frames have no image: their sandbox stopped ({crash})",
            images.count
        ),
        from_pts: images.from,
        to_pts: images.to,
    };
    SegmentResult {
        warnings: vec![warning],
        ..SegmentResult::default()
    }
}

/// The result less the frames that are like the last kept one before them.
fn without_duplicates(merger: &mut Deduplicator, mut result: SegmentResult) -> SegmentResult {
    let (kept, duplicates) = merger.push(result.frames, &std::mem::take(&mut result.thumbs));
    result.frames = kept;
    result.dropped.extend(duplicates);
    result.dropped.sort_by_key(|frame| frame.index);
    result
}

/// Adds the results of later frames to those of earlier ones.
pub(crate) fn join(joined: &mut SegmentResult, next: SegmentResult) {
    joined.frames.extend(next.frames);
    joined.dropped.extend(next.dropped);
    joined.damaged.extend(next.damaged);
    joined.warnings.extend(next.warnings);
    joined.color = joined.color.or(next.color);
    joined.bytes_read += next.bytes_read;
    joined.access_units_decoded += next.access_units_decoded;
    joined.peak_memory_bytes = joined.peak_memory_bytes.max(next.peak_memory_bytes);
}
