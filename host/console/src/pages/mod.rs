//! The pages: a file each.

mod datasets;
mod frame;
mod numbers;
mod overview;
mod paging;
mod shapes;
pub(crate) mod shell;
mod timeline;
mod video;
mod videos;

pub(crate) use datasets::{Query as DatasetQuery, dataset, datasets, download};
pub(crate) use frame::{Query as FrameQuery, frame};
pub(crate) use overview::overview;
pub(crate) use video::{Query as VideoQuery, video};
pub(crate) use videos::{Filter as VideosQuery, videos};
