//! What the host's parts share: findings of `framemill check`, the way they make HTTP clients, and how
//! text from outside is shown.

pub mod finding;
pub mod net;
pub mod text;
