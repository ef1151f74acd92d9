//! The `framemill` host: takes upload messages, runs the components on them in sandboxes, and
//! answers their object requests.
//!
//! ```text
//! folder ─▶ queue ─▶ service ─▶ runtime (one sandbox per request) ─▶ objects gateway ─▶ store
//! ```

pub mod app;
pub mod cli;
pub mod config;
pub mod functions;
pub mod inbox;
pub mod listener;
pub mod service;
pub mod telemetry;
