//! The HTTP listener: pushed messages, images, probes and metrics on one port.
//!
//! ```text
//! connections (limits) ─▶ routes ─┬▶ push: token ─▶ message ─▶ service ─▶ outcome
//!                                 ├▶ annotations: secret ─▶ bucket ─▶ message
//!                                 ├▶ images: store
//!                                 └▶ health, metrics
//! ```

mod annotations;
mod check;
mod connections;
mod health;
mod images;
mod push;
mod routes;
mod site;
mod token;

pub use check::check;
pub use connections::{Limits, Listener};
pub use health::{Probes, Readiness};
pub use images::Images;
pub use site::Site;
pub use token::PushAuthenticator;
