//! What the tasks have in common: folders, and how a line is written.
//!
//! ```text
//! data.yaml
//! images/<split>/<flat name>
//! labels/<split>/<its stem>.txt      empty of a negative
//! ```

use super::data_yaml::data_yaml;
use crate::export::answered::{answered, count};
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::{flat_name, flat_stem};
use crate::export::format::{Export, ExportError, Exported, Sink};
use crate::export::losses::Losses;
use crate::{DatasetFrame, DatasetImage};
use framemill_annotations::{Geometry, Point};
use std::fmt::Write as _;
use std::io::Write as _;

/// Names that are no split's: keys of `data.yaml` with another meaning, and the folder by whose last
/// occurrence in the path of an image the one of its labels is found.
const RESERVED: &[&str] = &[
    "channels",
    "download",
    "flip_idx",
    "images",
    "kpt_shape",
    "names",
    "nc",
    "path",
    "yaml_file",
];

/// The format, for a task.
#[derive(Debug)]
pub(in crate::export) struct Yolo {
    pub(super) id: &'static str,
    pub(super) about: &'static str,
    /// The numbers behind the label of a shape's line; `None` where the shape is left out.
    pub(super) numbers: fn(&Geometry, &DatasetImage, &mut Losses) -> Option<Vec<f64>>,
}

impl Export for Yolo {
    fn id(&self) -> &'static str {
        self.id
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        let mut losses = Losses::default();
        let splits = answered(dataset, &mut losses, |frame, losses| {
            Ok(self.lines(frame, losses).1)
        })?;
        let names: Vec<&str> = splits.iter().map(|(split, _)| *split).collect();
        self.check(&names)?;
        sink.expect(count(&splits));
        let mut exported = Exported {
            losses: losses.into_counts(),
            notes: missing(&names),
            ..Exported::default()
        };
        let mut file = sink.file("data.yaml")?;
        file.write_all(data_yaml(&names, dataset.labels).as_bytes())?;
        file.finish()?;
        for (split, frames) in splits {
            for (_, frame) in frames {
                sink.image(
                    &frame.image,
                    &format!("images/{split}/{}", flat_name(frame)),
                )?;
                let stem = flat_stem(&frame.video, frame.index);
                let mut file = sink.file(&format!("labels/{split}/{stem}.txt"))?;
                // What they lose is counted already.
                let (lines, shapes) = self.lines(frame, &mut Losses::default());
                file.write_all(lines.as_bytes())?;
                file.finish()?;
                exported.frames += 1;
                exported.shapes += shapes as u64;
            }
        }
        Ok(exported)
    }
}

/// What Ultralytics does not find: it refuses a dataset without these (`check_det_dataset` in
/// `ultralytics/data/utils.py`).
fn missing(splits: &[&str]) -> Vec<String> {
    let wanted = [&["train"][..], &["val", "validation"]];
    let lacking = wanted
        .iter()
        .filter(|any| !splits.iter().any(|it| any.contains(it)));
    let note = |any: &&[&str]| {
        format!(
            "Ultralytics does not read it: no frame is in a split `{}`; build the dataset with another --split, --group or --salt",
            any.join("` or `")
        )
    };
    lacking.map(note).collect()
}

impl Yolo {
    /// Whether no split is called what means something else.
    fn check(&self, splits: &[&str]) -> Result<(), ExportError> {
        match splits.iter().find(|split| RESERVED.contains(split)) {
            None => Ok(()),
            Some(split) => Err(ExportError::Unfit {
                format: self.id,
                reason: format!(
                    "a split is called `{split}`, which means something else to Ultralytics: give it another name"
                ),
            }),
        }
    }

    /// The lines of a frame, and how many.
    fn lines(&self, frame: &DatasetFrame, losses: &mut Losses) -> (String, usize) {
        let mut lines = String::new();
        let mut count = 0;
        for shape in &frame.shapes {
            let Some(numbers) = (self.numbers)(&shape.geometry, &frame.image, losses) else {
                continue;
            };
            lines.push_str(&shape.label.to_string());
            for number in numbers {
                // The shortest that reads as the same number, and never with an exponent.
                let _ = write!(lines, " {number}");
            }
            lines.push('\n');
            count += 1;
        }
        (lines, count)
    }
}

/// Points in parts of the image's width and height: x and y in turn.
pub(super) fn normalised(points: &[Point], image: &DatasetImage) -> Vec<f64> {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let both = |point: &Point| [point.x / width, point.y / height];
    points.iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{DETECT, SEGMENT};
    use super::*;
    use crate::testing::sized_image;
    use framemill_annotations::Rectangle;
    use proptest::prelude::*;

    fn image() -> DatasetImage {
        sized_image(97, 83)
    }

    proptest! {
        #[test]
        fn numbers_are_parts_of_the_image_and_are_written_without_exponents(
            x in -60.0..110.0, y in -60.0..90.0, width in 1e-9..190.0, height in 0.1..190.0,
            rotation in prop_oneof![Just(0.0), Just(90.0), 0.0..360.0],
            points in proptest::collection::vec((-50.0..150.0, -50.0..150.0), 3..9),
        ) {
            let rectangle = Geometry::Box(Rectangle { x, y, width, height, rotation });
            let points = points.into_iter().map(|(x, y)| Point { x, y }).collect();
            for geometry in [rectangle, Geometry::Polygon { points }] {
                for task in [DETECT, SEGMENT] {
                    let numbers = (task.numbers)(&geometry, &image(), &mut Losses::default());
                    for number in numbers.into_iter().flatten() {
                        prop_assert!((0.0..=1.0).contains(&number), "{}: {}", task.id, number);
                        let text = number.to_string();
                        prop_assert!(text.chars().all(|it| it.is_ascii_digit() || it == '.'), "{}", text);
                        prop_assert_eq!(text.parse::<f64>(), Ok(number));
                    }
                }
            }
        }
    }
}
