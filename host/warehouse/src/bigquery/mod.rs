//! Tables in BigQuery, made what the files in the bucket are.

mod client;
mod error;
mod load;

pub use client::{BigQuery, OpenError, Pace};
pub use error::LoadError;
pub use load::Loaded;
