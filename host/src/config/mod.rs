//! What the host is told: flags before environment (`FRAMEMILL_…`) before `framemill.toml`
//! before defaults. Keys are declared in `host.toml`, `warehouse.toml` and each function's `function.toml`.

mod addresses;
mod console;
mod credentials;
mod error;
mod file;
mod functions;
mod keys;
mod layers;
mod machine;
mod pipelines;
mod settings;
mod variables;
mod warehouse;

pub use addresses::{LOCAL_BUCKET, SourceAddress, StoreAddress};
pub use console::ConsoleSettings;
pub use error::{Origin, SettingError, SettingErrors};
pub use functions::FunctionSettings;
pub use keys::{flags_of, host_keys};
pub use layers::Layer;
pub use machine::{cores, memory};
pub use pipelines::PipelineSettings;
pub use settings::{SHORTAGE_REMEDY, Settings, sandboxes};
pub use variables::UnknownVariable;
pub use warehouse::{BigQuerySettings, WarehouseSettings};

#[cfg(test)]
mod tests;
