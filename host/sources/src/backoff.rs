//! Backoff while a server does not answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Whether the other side answers, for those who ask in between.
#[derive(Clone)]
pub(super) struct Connection(Arc<Mutex<Result<(), String>>>);

impl Default for Connection {
    fn default() -> Self {
        let not_yet = Err("not connected yet".to_owned());
        Self(Arc::new(Mutex::new(not_yet)))
    }
}

impl Connection {
    /// Whether it answers, or why not.
    pub(super) fn state(&self) -> Result<(), String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, state: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// An outage: logged once, waited out with growing pauses, and logged again when it is over.
#[derive(Default)]
pub(super) struct Backoff {
    count: u32,
    logged: bool,
    connection: Connection,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LAST: Duration = Duration::from_secs(30);

    /// One that keeps `connection` up to date.
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            ..Self::default()
        }
    }

    /// Logs an outage, once.
    pub(super) fn note(&mut self, what: &str, reason: &str) {
        self.connection.set(Err(reason.to_owned()));
        if !std::mem::replace(&mut self.logged, true) {
            tracing::warn!("no answer, waiting: {reason}: {what}");
        }
    }

    /// Logs an outage, and waits: each time twice as long.
    pub(super) async fn wait(&mut self, what: &str, reason: &str) {
        self.note(what, reason);
        let pause = Self::FIRST.saturating_mul(1 << self.count.min(8));
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(pause.min(Self::LAST)).await;
    }

    /// The server answers; returns whether there was an outage.
    pub(super) fn over(&mut self, what: &str) -> bool {
        self.count = 0;
        self.connection.set(Ok(()));
        let logged = std::mem::take(&mut self.logged);
        if logged {
            tracing::info!("answers again: {what}");
        }
        logged
    }
}
