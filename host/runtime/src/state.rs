//! What belongs to one sandbox.

use super::key_value::KeyValue;
use super::limits::MemoryLimit;
use super::logs::{ComponentLog, StderrTail};
use super::stopwatch::{ComponentClock, Stopwatch};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) table: ResourceTable,
    hooks: Box<dyn WasiHttpHooks + Send>,
    stderr_tail: StderrTail,
    pub(super) memory: MemoryLimit,
    pub(super) variables: Arc<BTreeMap<String, String>>,
    pub(super) key_value: Arc<KeyValue>,
    /// Handles of key-value stores that the component holds.
    pub(super) open_stores: usize,
}

/// What a sandbox is made of.
pub(super) struct StateParts<'s> {
    /// Name of the component.
    pub(super) name: &'s str,
    /// What the request is about.
    pub(super) label: &'s str,
    /// Most memory.
    pub(super) memory: u64,
    /// Its time.
    pub(super) watch: &'s Arc<Stopwatch>,
    /// What the component reads as its configuration.
    pub(super) variables: Arc<BTreeMap<String, String>>,
    /// What it keeps across requests.
    pub(super) key_value: Arc<KeyValue>,
    /// Sends its requests.
    pub(super) hooks: Box<dyn WasiHttpHooks + Send>,
}

impl State {
    /// No files, no network, no environment: a component has HTTP through our hooks, clocks,
    /// random numbers and a log.
    pub(super) fn new(parts: StateParts<'_>) -> Self {
        let stderr_tail = StderrTail::default();
        let log = |error| ComponentLog::new(parts.name, parts.label, error, stderr_tail.clone());
        let wasi = WasiCtx::builder()
            .stdout(log(false))
            .stderr(log(true))
            .monotonic_clock(ComponentClock(Arc::clone(parts.watch)))
            .build();
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            memory: MemoryLimit::new(parts.memory),
            variables: parts.variables,
            key_value: parts.key_value,
            open_stores: 0,
            hooks: parts.hooks,
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
            hooks: &mut *self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
