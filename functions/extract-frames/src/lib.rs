//! extract-frames: a push message about an uploaded video in, images and a manifest out.
//!
//! ```text
//! POST /          Message → Event → Job → VideoIndex → Plan ─┬─▶ POST /segments ─▶ images
//!                 Manifest ◀── merged results ◀──────────────┘   (one sandbox each)
//! ```
//!
//! [`coordinate`] and [`segment`] are the flow: plain async functions over the traits of
//! [`store`], which know neither wasi nor HTTP. `clock.rs`, `http.rs` and `objects.rs` bind them
//! to wasi and are only compiled for wasm.

mod checkpoints;
mod commit;
pub mod coordinate;
mod damage;
mod fan_out;
mod fetch;
mod gop;
mod room;
pub mod segment;
pub mod store;
mod upload;
mod uploads;

#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod http;
#[cfg(target_arch = "wasm32")]
mod objects;
