//! The state that a source, its deliveries and its reader share.

use super::admin::{self, Prepared};
use super::attempts::Attempts;
use super::client::Clients;
use super::config::PubSubConfig;
use crate::backoff::{Backoff, Connection};
use crate::error::SourceError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the source, its deliveries and its reader share.
pub(super) struct Shared {
    pub(super) config: PubSubConfig,
    pub(super) clients: Clients,
    pub(super) in_flight: Arc<Semaphore>,
    /// Permits of failed messages that wait here before they are nacked.
    pub(super) delayed: Arc<Semaphore>,
    pub(super) attempts: Mutex<Attempts>,
    pub(super) closed: CancellationToken,
    /// The waits of those messages.
    pub(super) tasks: TaskTracker,
    prepared: OnceCell<Prepared>,
    pub(super) connection: Connection,
}

impl Shared {
    /// Nothing is connected yet.
    pub(super) fn new(config: PubSubConfig, clients: Clients) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(config.max_in_flight())),
            delayed: Arc::new(Semaphore::new(config.max_delayed())),
            config,
            clients,
            attempts: Mutex::default(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            prepared: OnceCell::new(),
            connection: Connection::default(),
        }
    }

    /// The error of whoever waits for a message once the source is closed.
    pub(super) fn closed_error(&self) -> SourceError {
        let subscription = &self.config.subscription;
        SourceError::Configuration(format!("source is closed: {subscription}"))
    }

    pub(super) fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscription and its dead letters, looked up once.
    pub(super) async fn prepared(&self) -> Result<&Prepared, SourceError> {
        self.prepared
            .get_or_try_init(|| admin::prepare(&self.config, &self.clients))
            .await
    }

    /// As [`Shared::prepared`], but outages are waited out.
    pub(super) async fn prepared_at_last(&self) -> Result<&Prepared, SourceError> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let mut backoff = Backoff::of(&self.connection);
        loop {
            match self.prepared().await {
                Err(SourceError::Unreachable { what, reason }) => {
                    backoff.wait(&what, &reason).await;
                }
                Ok(prepared) => {
                    backoff.over(&self.config.subscription);
                    return Ok(prepared);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
