//! A folder as a bucket. Generation is the modification time in microseconds.

mod existing;
mod files;
mod layout;
mod place;
mod store;
mod unfinished;
mod walk;

pub use files::generation_of as generation;
pub use layout::{FileLayout, LiesAs, PRIVATE_FOLDER};
pub use store::LocalStore;
pub use walk::{Found, Walk};
