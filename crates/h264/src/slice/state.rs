//! A slice being decoded.

use super::coefficients::Coefficients;
use super::current::Current;
use super::direct_tables::DirectTables;
use super::entropy::Entropy;
use super::parameters::{Parameters, Target};
use super::reference::{Lists, Mode, Ref, Weighting};
use super::scratch::Scratch;
use crate::picture::Chroma;
use crate::sample::Sample;
use crate::slice_header::{SliceKind, Structure};

/// A slice being decoded.
pub(crate) struct Slice<'a, S: Sample> {
    pub(super) p: Parameters<'a>,
    pub(super) target: Target<'a, S>,
    pub(super) entropy: Entropy<'a>,
    pub(super) lists: &'a Lists<S>,
    pub(super) weighting: Weighting,
    pub(super) direct: DirectTables,
    pub(super) kind: SliceKind,
    /// ChromaArrayType.
    pub(super) chroma: Chroma,
    /// MbaffFrameFlag.
    pub(super) mbaff: bool,
    /// Not a frame but a field: 0 top, 1 bottom.
    pub(super) field: Option<usize>,
    /// QPY, and whether the last macroblock changed it.
    pub(super) qp: i32,
    pub(super) qp_changed: bool,
    /// `mb_skip_run`, where one is being counted down.
    pub(super) skip_run: Option<u32>,
    /// `mb_skip_flag` of the bottom macroblock of a pair, read ahead.
    pub(super) next_skipped: Option<bool>,
    /// `mb_field_decoding_flag` of the pair.
    pub(super) field_pair: bool,
    pub(super) mb: Current,
    pub(super) coefficients: Box<Coefficients<S>>,
    pub(super) scratch: Box<Scratch<S>>,
    /// The first use of a reference that is not there, or is damaged.
    pub(super) lost: Option<String>,
}

impl<'a, S: Sample> Slice<'a, S> {
    /// Prepares to decode.
    pub fn new(
        p: Parameters<'a>,
        target: Target<'a, S>,
        entropy: Entropy<'a>,
        lists: &'a Lists<S>,
    ) -> Self {
        let header = p.header;
        let field = match header.structure {
            Structure::Frame => None,
            Structure::Top => Some(0),
            Structure::Bottom => Some(1),
        };
        let mbaff = field.is_none() && p.sps.mbaff;
        Self {
            weighting: Weighting::new(&p, lists, mbaff),
            direct: DirectTables::new(&p, lists, mbaff),
            kind: header.kind,
            chroma: target.format.chroma,
            mbaff,
            field,
            qp: header.qp,
            qp_changed: false,
            skip_run: None,
            next_skipped: None,
            field_pair: false,
            mb: Current::default(),
            coefficients: Box::default(),
            scratch: Box::default(),
            lost: None,
            p,
            target,
            entropy,
            lists,
        }
    }

    /// Notes why the picture cannot be right; the first reason counts.
    pub(super) fn note_lost(&mut self, why: &str) {
        if self.lost.is_none() {
            let (x, row) = (self.mb.x, self.mb.row);
            self.lost = Some(format!("macroblock {x}, {row}: {why}"));
        }
    }

    /// Which lists the current macroblock uses.
    #[inline(always)]
    pub(super) fn mode(&self) -> Mode {
        match self.mbaff && self.mb.interlaced {
            true => Mode::Field(self.mb.row & 1),
            false => Mode::Whole,
        }
    }

    /// A reference of the current macroblock.
    #[inline(always)]
    pub(super) fn reference(&self, list: usize, index: usize) -> Option<&'a Ref<S>> {
        self.lists.of(self.mode(), list).get(index)
    }

    /// Notes where a reference in use is missing or damaged.
    pub(super) fn check_reference(&mut self, list: usize, index: i8) {
        if self.lost.is_some() {
            return;
        }
        let Ok(at) = usize::try_from(index) else {
            return;
        };
        let damage = match self.reference(list, at) {
            None => Some("no such reference picture".to_owned()),
            Some(reference) => reference.damage().map(str::to_owned),
        };
        if let Some(damage) = damage {
            self.note_lost(&format!("picture {index} of list {list}: {damage}"));
        }
    }
}
