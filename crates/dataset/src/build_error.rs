//! Why there is no snapshot.

use thiserror::Error;

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The dataset cannot be called so.
    #[error(
        "`{0}` is no name of a dataset: 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, the first one neither `.` nor `-`"
    )]
    Name(String),
    /// What a manifest says of a frame cannot be.
    #[error("{frame}: {reason}")]
    Candidate {
        /// `video#index`.
        frame: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A frame came twice.
    #[error("{0} is there twice: a frame is a candidate once")]
    Twice(String),
    /// A label that the rule names is in no list.
    #[error("no label is called `{name}`{nearest}", nearest = nearest(near))]
    UnknownLabel {
        /// Its name.
        name: String,
        /// Names that are like it.
        near: Vec<String>,
    },
}

fn nearest(near: &[String]) -> String {
    match near {
        [] => String::new(),
        _ => format!(": is it `{}`", near.join("` or `")),
    }
}
