//! The `framemill` host: takes upload messages, runs the components on them in sandboxes, and
//! answers their object requests.
//!
//! ```text
//! folder ─▶ queue ─▶ service ─▶ runtime (one sandbox per request) ─▶ objects gateway ─▶ store
//! ```

pub mod cli;
pub mod config;
mod continuation;
pub mod finding;
pub mod images;
pub mod net;
pub mod objects;
pub mod pipeline;
pub mod records;
pub mod runtime;
pub mod service;
pub mod sources;
pub mod sweep;
