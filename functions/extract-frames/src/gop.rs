//! A GOP while it is decoded: which frames are awaited, and which wait for earlier ones.

use crate::damage::DamageRun;
use framemill_contract::{DropReason, DroppedFrame, GopWork, Wanted};
use framemill_video::{Decoder, Frame, Pts};
use std::collections::{BTreeMap, VecDeque};

/// Decoded frames that wait for an earlier one, at most. Enough for the reordering of 1080p
/// video; beyond it a frame that is late or lost is not waited for.
const PENDING_BYTES: usize = 24 << 20;

/// The state of the GOP being decoded.
pub(crate) struct Gop<'a> {
    pub work: &'a GopWork,
    /// `None` while damage is skipped, until the next sync sample.
    pub decoder: Option<Box<dyn Decoder>>,
    /// Which configuration `decoder` has.
    pub description: u8,
    /// Frames not yet decoded, by PTS; indices in order where several share one.
    pub awaited: BTreeMap<Pts, VecDeque<u64>>,
    /// Frames decoded that wait for an earlier one.
    pending: BTreeMap<u64, Frame>,
    /// Selected samples whose frame is another one's too.
    pub same_frame: Vec<DroppedFrame>,
    /// Why no later frame can be trusted: what they refer to is not whole.
    pub doubt: Option<String>,
    /// Damaged frames up to here.
    pub damage: Option<DamageRun>,
}

impl<'a> Gop<'a> {
    /// Nothing of it is decoded.
    pub fn new(work: &'a GopWork) -> Self {
        let mut awaited: BTreeMap<Pts, VecDeque<u64>> = BTreeMap::new();
        for &Wanted { index, pts } in &work.wanted {
            awaited.entry(pts).or_default().push_back(index);
        }
        Self {
            work,
            decoder: None,
            description: 0,
            awaited,
            pending: BTreeMap::new(),
            same_frame: Vec::new(),
            doubt: None,
            damage: None,
        }
    }

    /// Takes the frames that the decoder has ready.
    pub fn drain(&mut self) {
        while let Some(frame) = self.decoder.as_mut().and_then(|it| it.next_frame()) {
            self.accept(frame);
        }
    }

    /// Keeps `frame` if it is wanted: once, whichever of its samples are.
    fn accept(&mut self, mut frame: Frame) {
        if frame.damage.is_none() {
            frame.damage.clone_from(&self.doubt);
        }
        let parts = std::iter::once(frame.pts).chain(frame.other_pts.iter().copied());
        let wanted = |pts| Some((self.take_awaited(pts)?, pts));
        let mut wanted: Vec<_> = parts.filter_map(wanted).collect();
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter();
        let Some((first, pts)) = wanted.next() else {
            return;
        };
        self.same_frame
            .extend(wanted.map(|(index, pts)| DroppedFrame {
                index,
                pts,
                reason: DropReason::SameFrame,
                score: 0.0,
                like: Some(first),
            }));
        frame.pts = pts;
        self.pending.insert(first, frame);
    }

    /// The index of an awaited frame at `pts`, which is then no longer awaited.
    fn take_awaited(&mut self, pts: Pts) -> Option<u64> {
        let indices = self.awaited.get_mut(&pts)?;
        let index = indices.pop_front();
        if indices.is_empty() {
            self.awaited.remove(&pts);
        }
        index
    }

    /// The next frame in presentation order, if no earlier one is awaited or too many wait.
    pub fn next_ready(&mut self) -> Option<(u64, Frame)> {
        let first_awaited = self
            .awaited
            .values()
            .filter_map(|indices| indices.front())
            .min();
        let (&index, _) = self.pending.first_key_value()?;
        let waits = first_awaited.is_some_and(|&awaited| awaited < index);
        let crowded = self.pending.values().map(frame_bytes).sum::<usize>() > PENDING_BYTES;
        if waits && !crowded {
            None
        } else {
            self.pending.pop_first()
        }
    }

    /// Last PTS that is decoded here: how far damage reaches at most.
    pub fn last_pts(&self) -> Option<Pts> {
        self.work.samples.iter().map(|sample| sample.pts).max()
    }
}

fn frame_bytes(frame: &Frame) -> usize {
    frame.planes.iter().map(|plane| plane.samples.bytes()).sum()
}
