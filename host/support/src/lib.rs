//! What the host's parts share: findings of `framemill check`, and the way they make HTTP clients.

pub mod finding;
pub mod net;
