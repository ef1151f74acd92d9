//! A bucket of Google Cloud Storage, over its JSON API.

mod bucket;
mod check;
mod download;
mod resource;
mod store;
mod transport;
mod upload;

pub use store::{GcsStore, OpenGcsError};
pub use transport::RetryPolicy;
