//! Reference lists as macroblocks see them (clause 8.4.2.1), and weights (clause 8.4.2.3).

use super::parameters::Parameters;
use crate::picture::Picture;
use crate::slice_header::SliceKind;
use std::sync::Arc;

/// A frame or a field in a list.
#[derive(Clone, Debug)]
pub(crate) struct Ref<S> {
    /// `None` where there is no such picture: it was lost.
    pub picture: Option<Arc<Picture<S>>>,
    /// 1 top field, 2 bottom field, 3 frame.
    pub parity: u8,
    /// PicOrderCnt of it.
    pub poc: i32,
    /// Those of its frame's fields.
    pub pocs: [i32; 2],
    /// "used for long-term reference".
    pub long_term: bool,
    /// Its frame's number × 4 + its parity.
    pub id: i32,
}

impl<S> Ref<S> {
    /// A field of a frame: 0 top, 1 bottom.
    fn field(&self, parity: usize) -> Self {
        Self {
            picture: self.picture.clone(),
            parity: 1 << parity,
            poc: self.pocs[parity & 1],
            pocs: self.pocs,
            long_term: self.long_term,
            id: self.id & !3 | 1 << parity,
        }
    }

    /// Why it cannot be trusted, if so.
    pub fn damage(&self) -> Option<&str> {
        match &self.picture {
            None => Some("a reference picture is missing"),
            Some(picture) => {
                let of = |field: usize| {
                    picture.damage[field]
                        .as_deref()
                        .filter(|_| self.parity & (1 << field) != 0)
                };
                of(0).or_else(|| of(1))
            }
        }
    }
}

/// RefPicList0 and RefPicList1.
#[derive(Clone, Debug)]
pub(crate) struct Lists<S> {
    /// Of the picture: frames, or fields where it is one.
    whole: [Vec<Ref<S>>; 2],
    /// Of field macroblocks of an MBAFF frame, by their parity.
    fields: [[Vec<Ref<S>>; 2]; 2],
}

impl<S> Lists<S> {
    /// From the picture's lists; `mbaff` where field macroblocks see them too.
    pub fn new(whole: [Vec<Ref<S>>; 2], mbaff: bool) -> Self {
        let split = |parity: usize, list: &Vec<Ref<S>>| match mbaff {
            true => list
                .iter()
                .flat_map(|frame| [frame.field(parity), frame.field(1 - parity)])
                .collect(),
            false => Vec::new(),
        };
        let [first, second] = &whole;
        let fields = [0, 1].map(|parity| [split(parity, first), split(parity, second)]);
        Self { whole, fields }
    }

    /// By [`Mode`] and list.
    pub fn of(&self, mode: Mode, list: usize) -> &[Ref<S>] {
        match mode {
            Mode::Whole => &self.whole[list & 1],
            Mode::Field(parity) => &self.fields[parity & 1][list & 1],
        }
    }
}

/// Which lists, order counts and tables a macroblock uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those of the picture.
    Whole,
    /// Those of fields, in a field macroblock of an MBAFF frame: 0 top, 1 bottom.
    Field(usize),
}

impl Mode {
    /// The modes of a slice.
    pub fn all(mbaff: bool) -> &'static [Self] {
        const ALL: [Mode; 3] = [Mode::Whole, Mode::Field(0), Mode::Field(1)];
        if mbaff { &ALL } else { &ALL[..1] }
    }

    /// Place in a table of [`Self::all`].
    pub fn index(self) -> usize {
        match self {
            Self::Whole => 0,
            Self::Field(parity) => 1 + (parity & 1),
        }
    }

    /// PicOrderCnt of the current picture, or of the field that the macroblock is of.
    pub fn poc(self, p: &Parameters<'_>) -> i32 {
        use crate::slice_header::Structure;
        match (self, p.header.structure) {
            (Self::Field(parity), _) => p.pocs[parity & 1],
            (_, Structure::Top) => p.pocs[0],
            (_, Structure::Bottom) => p.pocs[1],
            _ => p.pocs[0].min(p.pocs[1]),
        }
    }
}

/// DistScaleFactor (8-201, 8-202) of a reference in list 0 with one in list 1; `None` for long-term
/// references and those at the same time.
pub(super) fn scale_factor<S>(current: i32, first: &Ref<S>, second: i32) -> Option<i32> {
    let distance = |a: i32, b: i32| a.saturating_sub(b).clamp(-128, 127);
    let (tb, td) = (distance(current, first.poc), distance(second, first.poc));
    if td == 0 || first.long_term {
        return None;
    }
    let tx = (16384 + (td / 2).abs()) / td;
    Some(((tb * tx + 32) >> 6).clamp(-1024, 1023))
}

/// How predictions are weighted.
pub(super) enum Weighting {
    /// They are not.
    Default,
    /// As the slice header says.
    Explicit,
    /// By distance: weight of the second reference out of 64, by mode, first and second reference.
    Implicit(Vec<Vec<Vec<i32>>>),
}

impl Weighting {
    pub fn new<S>(p: &Parameters<'_>, lists: &Lists<S>, mbaff: bool) -> Self {
        match (p.header.kind, p.pps.weighted_bipred_idc) {
            _ if p.header.weights.is_some() => Self::Explicit,
            (SliceKind::B, 2) => Self::Implicit(
                Mode::all(mbaff)
                    .iter()
                    .map(|&mode| implicit(mode, mode.poc(p), lists))
                    .collect(),
            ),
            _ => Self::Default,
        }
    }
}

/// (8-297) to (8-301).
fn implicit<S>(mode: Mode, current: i32, lists: &Lists<S>) -> Vec<Vec<i32>> {
    let weight = |first: &Ref<S>, second: &Ref<S>| {
        let scale = scale_factor(current, first, second.poc)
            .filter(|_| !second.long_term)
            .map(|scale| scale >> 2)
            .filter(|weight| (-64..=128).contains(weight));
        scale.unwrap_or(32)
    };
    let second = lists.of(mode, 1);
    lists
        .of(mode, 0)
        .iter()
        .map(|first| second.iter().map(|second| weight(first, second)).collect())
        .collect()
}
