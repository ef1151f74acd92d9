//! Which splits there are, as `datasets` allows them.

use crate::DatasetFrame;
use crate::export::dataset::ExportDataset;
use crate::export::format::ExportError;

/// Name of no split: `datasets` takes it for all of them.
const RESERVED: &str = "all";

/// The splits with frames.
///
/// # Errors
/// [`ExportError::Unfit`] where `datasets` refuses a name (its `_split_re` in `naming.py`).
pub(super) fn filled_splits<'a>(
    format: &'static str,
    dataset: &ExportDataset<'a>,
) -> Result<Vec<(&'a str, Vec<&'a DatasetFrame>)>, ExportError> {
    let mut filled = Vec::new();
    for split in dataset.splits {
        let frames: Vec<_> = dataset.frames_of(split).collect();
        if frames.is_empty() {
            continue;
        }
        let allowed = |it: char| it.is_ascii_alphanumeric() || it == '_';
        if split.is_empty() || split == RESERVED || !split.chars().all(allowed) {
            return Err(ExportError::Unfit {
                format,
                reason: format!(
                    "a split is called `{split}`, and names are of A-Z a-z 0-9 _ and not `{RESERVED}`: give the split another name"
                ),
            });
        }
        filled.push((split.as_str(), frames));
    }
    Ok(filled)
}
