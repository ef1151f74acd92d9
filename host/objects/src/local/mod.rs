//! A folder as a bucket. Generation is the modification time in microseconds.

mod files;
mod layout;
mod store;
mod walk;

pub use files::generation;
pub use layout::{Layout, PRIVATE_FOLDER};
pub use store::LocalStore;
pub use walk::walk;
