//! What the tasks have in common: folders, and how a line is written.
//!
//! ```text
//! data.yaml
//! images/<split>/<flat name>
//! labels/<split>/<its stem>.txt      empty of a negative
//! ```

use super::data_yaml::data_yaml;
use crate::export::answered::answered;
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::{flat_name, flat_stem};
use crate::export::format::{Export, ExportError, Exported, Sink};
use crate::export::losses::Losses;
use crate::{DatasetFrame, DatasetImage};
use framemill_annotations::{Geometry, Point};
use std::fmt::Write as _;
use std::io::Write as _;

/// Keys of `data.yaml` that mean something else than a split.
const KEYS: &[&str] = &[
    "channels",
    "download",
    "flip_idx",
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
        let mut exported = Exported::default();
        let mut losses = Losses::default();
        let splits: Vec<&str> = self.splits(dataset)?;
        let mut file = sink.file("data.yaml")?;
        file.write_all(data_yaml(&splits, dataset.labels).as_bytes())?;
        file.finish()?;
        for split in splits {
            for (_, frame) in answered(dataset, split) {
                sink.image(
                    &frame.image,
                    &format!("images/{split}/{}", flat_name(frame)),
                )?;
                let stem = flat_stem(&frame.video, frame.index);
                let mut file = sink.file(&format!("labels/{split}/{stem}.txt"))?;
                let (lines, shapes) = self.lines(frame, &mut losses);
                file.write_all(lines.as_bytes())?;
                file.finish()?;
                exported.frames += 1;
                exported.shapes += shapes;
            }
        }
        exported.losses = losses.into_counts();
        Ok(exported)
    }
}

impl Yolo {
    /// The splits that have frames.
    fn splits<'a>(&self, dataset: &ExportDataset<'a>) -> Result<Vec<&'a str>, ExportError> {
        let splits: Vec<&str> = dataset
            .splits
            .iter()
            .map(String::as_str)
            .filter(|split| answered(dataset, split).next().is_some())
            .collect();
        match splits.iter().find(|split| KEYS.contains(split)) {
            None => Ok(splits),
            Some(split) => Err(ExportError::Unfit {
                format: self.id,
                reason: format!(
                    "a split is called `{split}`, which means something else in data.yaml: give it another name"
                ),
            }),
        }
    }

    /// The lines of a frame, and how many.
    fn lines(&self, frame: &DatasetFrame, losses: &mut Losses) -> (String, u64) {
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
    use framemill_annotations::Rectangle;
    use proptest::prelude::*;

    fn image() -> DatasetImage {
        DatasetImage {
            name: "frames/a/000000.jpg".to_owned(),
            sha256: String::new(),
            bytes: 0,
            width: 97,
            height: 83,
            phash: String::new(),
        }
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
