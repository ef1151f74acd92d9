//! COCO: a file of annotations a split, and its images
//! (<https://cocodataset.org/#format-data>).
//!
//! ```text
//! annotations/instances_<split>.json
//! images/<split>/<flat name>
//! ```

mod annotation;
mod file;
mod records;
mod run_lengths;

use super::answered::{Placed, answered, count};
use super::dataset::ExportDataset;
use super::flat_name::flat_name;
use super::format::{Export, ExportError, Exported, Sink};
use super::losses::Losses;
use annotation::annotations;
use file::JsonFile;
use records::{Annotation, Category, Image, Info};

/// The format.
pub(super) struct Coco;

impl Export for Coco {
    fn id(&self) -> &'static str {
        "coco"
    }

    fn about(&self) -> &'static str {
        "COCO instances: boxes, polygons and masks; read by pycocotools, torchvision, Detectron2, MMDetection"
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        let mut exported = Exported::default();
        let mut losses = Losses::default();
        let splits = answered(dataset, &mut losses, |frame, losses| {
            Ok(annotations(0, frame, losses).len())
        })?;
        sink.expect(count(&splits));
        for (split, frames) in &splits {
            write_split(dataset, split, frames, sink, &mut exported)?;
        }
        exported.losses = losses.into_counts();
        Ok(exported)
    }
}

/// Writes a split. Frames are gone through once for the images and once for what is in them, so that no
/// more than a frame is held in memory.
fn write_split(
    dataset: &ExportDataset<'_>,
    split: &str,
    frames: &[Placed<'_>],
    sink: &mut dyn Sink,
    exported: &mut Exported,
) -> Result<(), ExportError> {
    let mut file = JsonFile::begin(sink.file(&format!("annotations/instances_{split}.json"))?);
    file.member("info", &Info::of(dataset))?;
    file.array("licenses", std::iter::empty::<()>())?;
    let labels = dataset.labels.labels.iter();
    file.array("categories", labels.map(Category::of))?;
    let images = frames.iter();
    file.array(
        "images",
        images.map(|&(place, frame)| Image::of(place, frame)),
    )?;
    // What they lose is counted already.
    let mut losses = Losses::default();
    let found = frames.iter();
    let found = found.flat_map(|&(place, frame)| annotations(place, frame, &mut losses));
    let numbered = found.map(|annotation| {
        exported.shapes += 1;
        // Through all splits: two files of a dataset can be joined.
        Annotation {
            id: exported.shapes,
            ..annotation
        }
    });
    file.array("annotations", numbered)?;
    file.finish()?;
    for (_, frame) in frames {
        sink.image(
            &frame.image,
            &format!("images/{split}/{}", flat_name(frame)),
        )?;
        exported.frames += 1;
    }
    Ok(())
}
