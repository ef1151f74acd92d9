//! Datasets as Hugging Face's `datasets` reads them, with a card that names their splits
//! (<https://huggingface.co/docs/datasets/image_dataset>).
//!
//! Both forms have the same columns. Metadata are Parquet and not JSON lines: of those, types are
//! inferred from the first rows of each split, and a split whose first rows have no objects, or only
//! negatives, cannot be read beside others.

mod card;
mod features;
mod folder;
mod object_columns;
mod shards;
mod split_names;

pub(super) use folder::ImageFolder;
pub(super) use shards::ParquetShards;
