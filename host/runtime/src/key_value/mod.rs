//! Values that a component keeps across requests: the import `fermyon:spin/key-value@2.0.0`, as
//! Spin answers it. They are kept in memory, for as long as the host runs, and each component
//! has its own: a cache, not a place for what must last.

mod handle;
mod host;
mod store;

pub use handle::Handle;
pub(crate) use host::add_to_linker;
pub(crate) use store::KeyValue;
