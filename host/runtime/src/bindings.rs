//! The interfaces of the Spin project that this host answers, generated from `wit/`.
#![allow(missing_docs, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "fermyon:spin/host",
    imports: { default: trappable },
    with: { "fermyon:spin/key-value.store": crate::key_value::Handle },
});
