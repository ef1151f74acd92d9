//! Chooses, scores, converts and encodes frames. Pure: no I/O.
//!
//! ```text
//! VideoIndex + Selection ─▶ Plan ─▶ (decode) ─▶ Frame ─▶ Scores ─▶ FilterDecision
//!                                               └──────▶ RgbImage ─▶ image file
//! ```
//!
//! One frame a second of a clip of three seconds, ten frames a second, a sync sample each second: three
//! of its thirty access units are decoded.
//!
//! ```
//! use framemill_contract::{Interval, Select, Selection, Snap};
//! use framemill_frames::plan;
//! # use framemill_video::{IndexError, IndexReader, Progress, VideoIndex};
//! # fn read_index(file: &[u8]) -> Result<VideoIndex, IndexError> {
//! #     let mut reader = IndexReader::new(file.len() as u64);
//! #     loop {
//! #         match reader.advance()? {
//! #             Progress::Done(index) => return Ok(*index),
//! #             Progress::Need(range) => {
//! #                 let end = file.len().min(range.end as usize);
//! #                 reader.supply(range.start, &file[range.start as usize..end]);
//! #             }
//! #         }
//! #     }
//! # }
//! # let clip = include_bytes!(concat!(
//! #     env!("CARGO_MANIFEST_DIR"),
//! #     "/../../tests/clips/h264.mp4"
//! # ));
//!
//! let index: VideoIndex = read_index(clip).unwrap();
//! let selection = Selection {
//!     select: Select::Every(Interval::from_micros(1_000_000)),
//!     snap: Snap::Exact,
//! };
//! let plan = plan(&index, &selection).unwrap();
//! assert_eq!((plan.wanted, plan.access_units), (3, 3));
//! let frames: Vec<u64> = plan
//!     .gops()
//!     .flat_map(|gop| gop.wanted)
//!     .map(|wanted| wanted.index)
//!     .collect();
//! assert_eq!(frames, [0, 10, 20]);
//! ```

mod chroma;
mod convert;
mod cost;
mod curve;
mod direct;
mod encode;
mod filter;
mod hdr;
mod image_file;
mod matrix;
mod plan;
mod resize;
mod rgb;
mod rows;
mod score;
mod structure;
mod upsample;
mod vector;

pub use convert::{ConvertError, to_rgb};
pub use cost::Cost;
pub use encode::{EncodeError, encode};
pub use filter::{Deduplicator, FilterDecision, FrameFilter};
pub use image_file::{ImageError, ImageFile, image_file};
pub use plan::{Plan, PlanError, plan};
pub use rgb::RgbImage;
pub use score::{Scores, Thumb, score};
pub use structure::{GopStructure, Spread, gop_structure};
