//! request-labeling: a push message about a manifest in, labeling tasks out.
//!
//! ```text
//! POST /   Event → LabelJob → intent.json → batches → Label Studio · CVAT · Scale · webhook · Pub/Sub
//!                             receipt.json ◀────────┘
//! ```
//!
//! What keeps each frame to one task is [`framemill_component_sdk::labeling`]; how each target is
//! asked and told is a file of its own in `targets`. `http.rs` binds it to `wasi:http` and is only
//! compiled for wasm.

mod targets;

#[cfg(target_arch = "wasm32")]
mod http;

pub use targets::handle;
