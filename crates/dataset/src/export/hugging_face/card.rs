//! `README.md`: the card of the dataset, whose head says where the splits are.

use crate::export::dataset::ExportDataset;
use crate::export::format::Sink;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// What the columns are.
const COLUMNS: &str = "\
| column | what it is |
|---|---|
| `image` | the frame |
| `video`, `frame_index`, `seconds` | where it comes from: number in presentation order from 0, seconds after the first frame |
| `width`, `height`, `sha256` | its image |
| `state` | `labeled`; `empty`: someone looked, and there is nothing; `skipped`; `unlabeled`: nobody looked. The last two are no negatives |
| `objects.bbox` | x, y, width, height in pixels, from the top left corner of the image |
| `objects.rotation` | degrees clockwise about the centre of `bbox`; where it is not 0, `bbox` is the box before it is turned |
| `objects.category` | the label |
| `objects.area` | square pixels |
| `objects.kind` | what was marked: `box`, `polygon` or `mask` |
| `objects.segmentation` | polygons of x and y in turn; none of a box and a mask |
| `objects.occluded` | something stands before it |
";

/// Writes the card. No license: nobody said one. `splits` are names and patterns of paths, of
/// characters that mean nothing in YAML's double quotes.
///
/// # Errors
/// As writing.
pub(super) fn write_card(
    dataset: &ExportDataset<'_>,
    splits: &[(&str, String)],
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let mut file = sink.file("README.md")?;
    file.write_all(card(dataset, splits).as_bytes())?;
    file.finish()
}

fn card(dataset: &ExportDataset<'_>, splits: &[(&str, String)]) -> String {
    let mut card = "---\ntask_categories:\n- object-detection\n".to_owned();
    if !splits.is_empty() {
        card.push_str("configs:\n- config_name: default\n  data_files:\n");
    }
    for (split, path) in splits {
        let _ = write!(card, "  - split: \"{split}\"\n    path: \"{path}\"\n");
    }
    let name = dataset.name.replace(char::is_control, " ");
    let hash = dataset.hash;
    let _ = write!(
        card,
        "---\n\n# {name}\n\nFrames of videos and what is marked in them. Snapshot `{hash}`.\n\n{COLUMNS}"
    );
    card
}
