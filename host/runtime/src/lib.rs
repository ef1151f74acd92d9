//! Runs components: one fresh sandbox per request, with its own memory and time limit.

mod allowed_host;
mod bindings;
mod bodies;
mod cache_folder;
mod crash;
mod credential;
mod credential_scope;
mod engine;
mod events;
mod key_value;
mod limits;
mod logs;
mod memory;
mod outbound_client;
mod outgoing;
mod own_requests;
mod perf_map;
mod response;
mod sandbox;
mod state;
mod stopwatch;
mod variables;

pub use allowed_host::server_of;
pub use crash::{Crash, CrashReason, Side};
pub use credential::HostCredential;
pub use engine::{Component, Engine, default_cache_dir, find_component};
pub use events::{ComponentEvent, Observer, SandboxUsage};
pub use limits::Limits;
pub use memory::MemoryBudget;
pub use outbound_client::{AllowedHost, OutboundClient, same_origin};
pub use response::ComponentResponse;
pub use sandbox::{Runtime, RuntimeParts};
pub use variables::with_host;
