//! What the components share.
//!
//! [`store`], [`http`] and [`cache`] are what a flow needs from the outside, as traits; [`gcs`]
//! is objects over HTTP; [`google`] adds credentials to requests, [`account`] signs, and [`push`]
//! checks the credentials of messages; [`labeling`] asks a labeling system for tasks, each frame
//! exactly once; [`annotations`] keeps what it answers. `wasi` binds the traits to the host and is only compiled for wasm; `testing` is
//! a store in memory for tests of flows.

pub mod account;
pub mod annotations;
pub mod cache;
pub mod gcs;
pub mod google;
pub mod http;
pub mod labeling;
pub mod push;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(target_arch = "wasm32")]
pub mod wasi;
