//! Frames in turn, so many to a file.

use crate::DatasetFrame;

/// Divides frames into runs of at most so many frames, and of at most so many bytes of images; a larger
/// image is a run alone.
pub(super) fn runs<'f, 'a>(
    frames: &'f [&'a DatasetFrame],
    most: usize,
    most_bytes: u64,
) -> Vec<&'f [&'a DatasetFrame]> {
    let mut runs = Vec::new();
    let mut rest = frames;
    while !rest.is_empty() {
        let mut bytes = 0_u64;
        let fitting = rest.iter().take(most).take_while(|frame| {
            bytes = bytes.saturating_add(frame.image.bytes);
            bytes <= most_bytes
        });
        let (run, others) = rest.split_at(fitting.count().max(1));
        runs.push(run);
        rest = others;
    }
    runs
}
