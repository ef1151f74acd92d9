//! An open store.

/// An open store, as the component holds it.
pub struct Handle;
