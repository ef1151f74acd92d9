//! Reference pictures: which are kept ([`marking`], clause 8.2.5), and in which order slices refer to
//! them ([`lists`](self::lists), clause 8.2.4).

mod lists;
mod marking;

pub(crate) use lists::lists;
pub(crate) use marking::{Dpb, Reference};
