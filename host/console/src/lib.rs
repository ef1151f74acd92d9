//! A console: pages about a bucket, for a browser.
//!
//! ```text
//! Store ─▶ Index (listings, shared) ─┬▶ pages: overview, videos, video, frame, datasets
//!       ─▶ manifests, annotations ───┘
//!       ─▶ images, thumbnails
//! ```
//!
//! It reads alone. Every page has an address of its own, and works without scripts; a script brings what
//! changes without a reload, and keys.

mod access;
mod assets;
mod bucket;
mod error;
mod events;
mod index;
mod pages;
mod pictures;
mod routes;
mod site;
mod thumbnails;
mod url;

pub use access::{Access, AccessError, Closed};
pub use bucket::Bucket;
pub use routes::routes;
