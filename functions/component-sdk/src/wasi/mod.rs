//! The traits over what the host offers, and what the doors of components have in common.

mod handler;
mod label;
mod timer;
mod web;

pub use handler::{AuthenticatedRequest, Headers, OpenRequest, answer, configured, json, plain};
pub use label::{LabelWeb, answered, label};
pub use timer::wait;
pub use web::{NoAnswer, WasiWeb, exchange};

use crate::cache::Cache;
use spin_sdk::key_value::Store;

/// Spin's key-value store `default`. A component that may not use it works without.
pub struct KeyValue;

impl Cache for KeyValue {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        Store::open_default().ok()?.get(key).ok()?
    }

    fn set(&self, key: &str, value: &[u8]) {
        if let Ok(store) = Store::open_default() {
            // What is not kept is fetched again.
            let _ = store.set(key, value);
        }
    }
}
