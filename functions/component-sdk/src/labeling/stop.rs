//! Why the work stops.

use super::TargetError;
use crate::store::ObjectError;

/// Why the work stops before the receipt.
pub(super) enum Stop {
    Store(ObjectError),
    Target(TargetError),
    /// Another delivery has the lease for this many seconds at most.
    Busy(u64),
}

impl<E: Into<ObjectError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}
