//! Why tables are not up to date.

use framemill_objects::StoreError;
use framemill_warehouse::TableError;
use thiserror::Error;

/// Why tables are not up to date.
#[derive(Debug, Error)]
pub enum WarehouseError {
    /// The bucket does not answer, or refuses.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Rows fit no file.
    #[error("{0}")]
    Table(#[from] TableError),
    /// Somebody else writes them.
    #[error(
        "another process writes the warehouse at the same time: leave it to that one, or try again later: {name}"
    )]
    Conflict {
        /// The object that it wrote.
        name: String,
    },
}
