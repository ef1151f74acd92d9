//! What the components share.
//!
//! [`store`] and [`http`] are what a flow needs from the outside, as traits; [`gcs`] is the GCS
//! JSON API as bytes; [`time`] is the time formats of HTTP and JSON; [`labeling`] asks a labeling
//! system for tasks, each frame exactly once. `wasi` binds the traits to `wasi:http` and is only
//! compiled for wasm.

pub mod gcs;
pub mod http;
pub mod labeling;
pub mod store;
pub mod time;

#[cfg(target_arch = "wasm32")]
pub mod wasi;
