//! What temporal direct prediction (clause 8.4.1.2.3) needs of a slice, computed once.

use super::parameters::Parameters;
use super::reference::{Lists, Mode, scale_factor};
use crate::slice_header::SliceKind;

/// What temporal direct prediction needs of a slice.
#[derive(Default)]
pub(super) struct DirectTables {
    /// DistScaleFactor by mode and reference of list 0.
    pub scales: Vec<Vec<Option<i32>>>,
    /// Which field of a complementary pair is nearer: 0 top, 1 bottom.
    pub near: usize,
}

impl DirectTables {
    pub fn new<S>(p: &Parameters<'_>, lists: &Lists<S>, mbaff: bool) -> Self {
        if p.header.kind != SliceKind::B {
            return Self::default();
        }
        let scales = |&mode: &Mode| {
            let second = lists.of(mode, 1).first().map_or(0, |second| second.poc);
            let scale = |first| scale_factor(mode.poc(p), first, second);
            lists.of(mode, 0).iter().map(scale).collect()
        };
        let current = Mode::Whole.poc(p);
        let near = lists.of(Mode::Whole, 1).first().map_or(0, |second| {
            let [top, bottom] = second
                .pocs
                .map(|poc| poc.saturating_sub(current).saturating_abs());
            usize::from(top >= bottom)
        });
        Self {
            scales: Mode::all(mbaff).iter().map(scales).collect(),
            near,
        }
    }
}
