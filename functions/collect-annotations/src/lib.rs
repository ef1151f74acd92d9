//! collect-annotations: a push message about a webhook in, revisions of annotations out.
//!
//! ```text
//! POST /collect             Event → Hint → tasks, read again from Label Studio · CVAT · Scale, or a report
//!                                            └─▶ Answer… + manifest ─▶ FrameAnnotation
//!                                                  └─▶ <revision>.json, current.json ─▶ Firestore
//! POST /annotations/TARGET  a webhook → its object, whose event comes to /collect
//! ```
//!
//! A webhook is a hint that something changed, never the truth: its body lies in the bucket as it came,
//! and what it speaks of is read again. What a webhook never came for is found by a sync, which reads all
//! that changed since the one before; a full one finds what was deleted too. How each system is asked is a file of its own in `targets`;
//! `http.rs` binds it to `wasi:http` and is only compiled for wasm.

mod answering;
mod collect;
mod deletions;
pub mod door;
mod frames;
mod job;
mod mirror;
mod stop;
mod targets;

#[cfg(target_arch = "wasm32")]
mod http;

pub use targets::handle;
