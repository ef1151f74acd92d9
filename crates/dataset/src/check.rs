//! Whether a frame of a snapshot can be.

use crate::candidate::frame_name;
use crate::fault::{image_fault, shape_fault};
use crate::{DatasetFrame, FrameState, SplitRule};
use framemill_annotations::LabelList;

/// What is wrong with a frame behind another.
pub(crate) fn check(
    frame: &DatasetFrame,
    before: Option<&DatasetFrame>,
    rule: &SplitRule,
    labels: &LabelList,
) -> Result<(), String> {
    let name = || frame_name(&frame.video, frame.index);
    if let Some(before) = before
        && (&before.video, before.index) >= (&frame.video, frame.index)
    {
        let before = frame_name(&before.video, before.index);
        return Err(format!("{} stands behind {before}", name()));
    }
    if let Some(fault) = image_fault(&frame.image) {
        return Err(format!("{}: {fault}", name()));
    }
    let split = rule.split_of(&frame.group);
    if frame.split != split {
        return Err(format!(
            "{} is in split `{}`, and its group by the rule in `{split}`",
            name(),
            frame.split
        ));
    }
    if frame.shapes.is_empty() == (frame.state == FrameState::Labeled) {
        let shapes = frame.shapes.len();
        return Err(format!(
            "{} is {:?} and has {shapes} shapes",
            name(),
            frame.state
        ));
    }
    for shape in &frame.shapes {
        if shape.label as usize >= labels.labels.len() {
            return Err(format!("{}: no label has id {}", name(), shape.label));
        }
        if let Some(fault) = shape_fault(&shape.geometry, &frame.image) {
            return Err(format!("{}: {fault}", name()));
        }
    }
    Ok(())
}
