//! WebDataset: tar files of samples, read from front to back
//! (<https://github.com/webdataset/webdataset>).
//!
//! ```text
//! <split>-000000.tar
//!   <key>.jpg    the image
//!   <key>.json   what is known of it
//! ```
//!
//! A key is a frame's flat name without its ending: it has no dot, at which readers would end it.

use super::columns::state_name;
use super::dataset::ExportDataset;
use super::flat_name::flat_name;
use super::format::{Export, ExportError, Exported, Sink, SinkFile};
use super::losses::Losses;
use super::objects::{Object, objects};
use super::runs::runs;
use crate::DatasetFrame;
use serde::Serialize;
use std::io;
use tar::{Builder, EntryType, Header};

/// Its id.
const ID: &str = "webdataset";
/// Samples of a shard.
const SHARD_SAMPLES: usize = 10_000;
/// Bytes of images of a shard.
const SHARD_BYTES: u64 = 1_000_000_000;
/// Rights of a file in a shard: all may read it.
const MODE: u32 = 0o644;
/// Ending of an image whose name has none: without one, readers do not see a file.
const NO_ENDING: &str = "image";

/// The format.
pub(super) struct WebDataset;

impl Export for WebDataset {
    fn id(&self) -> &'static str {
        ID
    }

    fn about(&self) -> &'static str {
        "WebDataset: tar files to stream, an image and a JSON file a sample; read by webdataset"
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        let mut exported = Exported::default();
        let mut losses = Losses::default();
        sink.expect(dataset.frames.len() as u64);
        for split in dataset.splits {
            let frames: Vec<_> = dataset.frames_of(split).collect();
            for (number, frames) in runs(&frames, SHARD_SAMPLES, SHARD_BYTES)
                .into_iter()
                .enumerate()
            {
                let mut shard = Builder::new(sink.file(&format!("{split}-{number:06}.tar"))?);
                for frame in frames {
                    let objects = objects(ID, frame, dataset.labels, &mut losses)?;
                    exported.frames += 1;
                    exported.shapes += objects.len() as u64;
                    let image = sink.image_bytes(&frame.image)?;
                    append_sample(&mut shard, frame, &image, &Sample::new(frame, &objects))?;
                }
                shard.into_inner()?.finish()?;
            }
        }
        exported.losses = losses.into_counts();
        Ok(exported)
    }
}

/// The JSON file of a sample.
#[derive(Serialize)]
struct Sample<'a> {
    video: &'a str,
    frame_index: u64,
    seconds: f64,
    width: u32,
    height: u32,
    sha256: &'a str,
    split: &'a str,
    state: &'static str,
    objects: &'a [Object<'a>],
}

impl<'a> Sample<'a> {
    fn new(frame: &'a DatasetFrame, objects: &'a [Object<'a>]) -> Self {
        Self {
            video: &frame.video,
            frame_index: frame.index,
            seconds: frame.seconds,
            width: frame.image.width,
            height: frame.image.height,
            sha256: &frame.image.sha256,
            split: &frame.split,
            state: state_name(frame.state),
            objects,
        }
    }
}

fn append_sample(
    shard: &mut Builder<Box<dyn SinkFile>>,
    frame: &DatasetFrame,
    image: &[u8],
    sample: &Sample<'_>,
) -> io::Result<()> {
    let name = flat_name(frame);
    let (key, ending) = name.split_once('.').unwrap_or((&name, NO_ENDING));
    append(shard, &format!("{key}.{ending}"), image)?;
    append(shard, &format!("{key}.json"), &serde_json::to_vec(sample)?)
}

/// Adds a file, of nobody and of 1970, so that the same dataset gives the same bytes.
fn append(shard: &mut Builder<Box<dyn SinkFile>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes.len() as u64);
    header.set_mode(MODE);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    shard.append_data(&mut header, name, bytes)
}
