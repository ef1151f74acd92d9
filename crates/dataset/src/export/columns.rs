//! Frames as columns of a table.

use super::flat_name::flat_name;
use crate::{DatasetFrame, FrameState};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use std::io;
use std::sync::Arc;

/// A column and its name.
pub(super) type Column = (&'static str, ArrayRef);

/// What a frame is and what is known of it: all tables call it the same.
pub(super) fn frame_columns(frames: &[&DatasetFrame]) -> Vec<Column> {
    vec![
        ("video", texts(frames, |it| it.video.as_str())),
        ("frame_index", integers(frames, |it| it.index)),
        ("seconds", floats(frames.iter().map(|it| it.seconds))),
        ("width", integers(frames, |it| it.image.width.into())),
        ("height", integers(frames, |it| it.image.height.into())),
        ("sha256", texts(frames, |it| it.image.sha256.as_str())),
        ("state", texts(frames, |it| state_name(it.state))),
    ]
}

/// The names of images in their folder.
pub(super) fn file_names(frames: &[&DatasetFrame]) -> ArrayRef {
    let names = frames.iter().map(|frame| flat_name(frame));
    Arc::new(StringArray::from_iter_values(names))
}

/// A column of text.
pub(super) fn texts<'a, T>(rows: &'a [T], text: impl Fn(&'a T) -> &'a str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
}

/// A column of integers; what is over 63 bit is the largest.
pub(super) fn integers<T>(rows: &[T], number: impl Fn(&T) -> u64) -> ArrayRef {
    let numbers = rows
        .iter()
        .map(|row| i64::try_from(number(row)).unwrap_or(i64::MAX));
    Arc::new(Int64Array::from_iter_values(numbers))
}

/// A column of floats.
pub(super) fn floats(numbers: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(numbers))
}

/// A state, as `frames.jsonl` says it.
pub(super) fn state_name(state: FrameState) -> &'static str {
    match state {
        FrameState::Unlabeled => "unlabeled",
        FrameState::Skipped => "skipped",
        FrameState::Empty => "empty",
        FrameState::Labeled => "labeled",
    }
}

/// Rows of columns. All are nullable, so that the schema does not depend on the rows.
///
/// # Errors
/// Where columns are of different lengths, or there are none.
pub(super) fn batch(columns: Vec<Column>) -> io::Result<RecordBatch> {
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(io::Error::other)
}
