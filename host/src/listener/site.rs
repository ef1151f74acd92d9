//! What the routes need.

use super::connections::Limits;
use super::health::Readiness;
use super::images::Images;
use super::token::PushAuthenticator;
use crate::inbox::Inbox;
use crate::service::Service;
use crate::telemetry::Metrics;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// What the routes need.
pub struct Site {
    /// What is served below /images.
    pub images: Images,
    /// Whose pushed messages are taken.
    pub authenticator: PushAuthenticator,
    /// Whether work can be done.
    pub readiness: Readiness,
    /// What /metrics shows.
    pub metrics: Arc<Metrics>,
    /// Who works on pushed messages, once they are there.
    pub services: OnceLock<Vec<Arc<Service>>>,
    /// Who takes webhooks of labeling systems, once it is there; `None` where nobody does.
    pub inbox: OnceLock<Option<Arc<Inbox>>>,
    /// Largest request, and how long it may take.
    pub limits: Limits,
    /// From when on no message is taken any more.
    pub stop: CancellationToken,
}
