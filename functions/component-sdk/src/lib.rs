//! What the components share.
//!
//! [`store`], [`http`] and [`cache`] are what a flow needs from the outside, as traits; [`gcs`]
//! is objects over HTTP; [`google`] adds credentials to requests and [`push`] checks those of
//! messages; [`time`] is the time formats of HTTP and JSON; [`labeling`] asks a labeling system
//! for tasks, each frame exactly once. `wasi` binds the traits to the host and is only compiled
//! for wasm.

pub mod cache;
pub mod gcs;
pub mod google;
pub mod http;
pub mod labeling;
pub mod push;
pub mod store;
pub mod time;

#[cfg(target_arch = "wasm32")]
pub mod wasi;
