//! What belongs to one sandbox.

use super::key_value::KeyValue;
use super::limits::MemoryLimit;
use super::logs::{ComponentLog, StderrTail};
use super::outgoing::Hooks;
use super::{Runtime, Sandbox};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) table: ResourceTable,
    hooks: Hooks,
    stderr_tail: StderrTail,
    pub(super) memory: MemoryLimit,
    pub(super) variables: Arc<BTreeMap<String, String>>,
    pub(super) key_value: Arc<KeyValue>,
    /// Handles of key-value stores that the component holds.
    pub(super) open_stores: usize,
}

impl State {
    /// No files, no network, no environment: a component has HTTP through our hooks, clocks,
    /// random numbers and a log.
    pub(super) fn new(runtime: Runtime, sandbox: &Sandbox<'_>) -> Self {
        let stderr_tail = StderrTail::default();
        let log =
            |error| ComponentLog::new(&runtime.0.name, sandbox.label, error, stderr_tail.clone());
        let wasi = WasiCtx::builder()
            .stdout(log(false))
            .stderr(log(true))
            .build();
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            memory: MemoryLimit::new(runtime.0.limits.memory),
            variables: Arc::clone(&runtime.0.variables),
            key_value: Arc::clone(&runtime.0.key_value),
            open_stores: 0,
            hooks: Hooks::new(runtime, sandbox),
            stderr_tail,
        }
    }

    pub(super) fn http_view(&mut self) -> WasiHttpCtxView<'_> {
        self.http()
    }

    /// The last lines on stderr: a panic's message.
    pub(super) fn said(&self) -> String {
        self.stderr_tail.text()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
