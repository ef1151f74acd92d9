//! Which framemill this is.

/// Version of framemill.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
