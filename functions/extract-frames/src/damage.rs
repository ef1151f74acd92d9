//! Selected frames whose picture cannot be trusted: named in the manifest, and in one warning for
//! each run of them.

use framemill_contract::{DamagedFrame, SegmentRequest, Warning};
use framemill_video::Pts;

/// Characters of a reason: it stands with each frame.
const REASON: usize = 200;

/// A reason of a decoder, in a length that fits a manifest.
pub(crate) fn shortened(reason: &str) -> String {
    reason.chars().take(REASON).collect()
}

/// The frame that is told of in place of an image.
pub(crate) fn damaged_frame(
    request: &SegmentRequest,
    index: u64,
    pts: Pts,
    reason: &str,
) -> DamagedFrame {
    DamagedFrame {
        index,
        pts,
        seconds: seconds(request, pts),
        damaged: true,
        damage: shortened(reason),
    }
}

/// Seconds of `pts` after the video's first frame.
pub(crate) fn seconds(request: &SegmentRequest, pts: Pts) -> f64 {
    let elapsed = pts.0.saturating_sub(request.first_pts.0);
    request.timescale.seconds(elapsed)
}

/// Selected frames of one GOP, one after the other, that are damaged.
pub(crate) struct DamageRun {
    frames: u64,
    from: Pts,
    to: Pts,
    /// Of the first: the others follow from it, or would not change what to do.
    reason: String,
}

impl DamageRun {
    /// Begins with this frame, or goes on with it.
    pub fn add(run: &mut Option<Self>, pts: Pts, reason: &str) {
        let run = run.get_or_insert_with(|| Self {
            frames: 0,
            from: pts,
            to: pts,
            reason: shortened(reason),
        });
        run.frames += 1;
        run.from = run.from.min(pts);
        run.to = run.to.max(pts);
    }

    /// What is said of it.
    pub fn warning(self, kept: bool) -> Warning {
        let Self { frames, reason, .. } = &self;
        let consequence = match kept {
            true => "are marked as such",
            false => "have no image",
        };
        Warning {
            code: "damaged_frames".to_owned(),
            message: format!("{frames} selected frames are damaged and {consequence}: {reason}"),
            from_pts: Some(self.from),
            to_pts: Some(self.to),
        }
    }
}
