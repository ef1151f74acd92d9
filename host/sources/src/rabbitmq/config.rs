//! Which queue is consumed, and how.

use crate::error::SourceError;
use std::fmt;

/// The environment variable that names the server.
pub const URL: &str = "AMQP_URL";

/// Which queue, and how.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp[s]://user:password@host:port/vhost`, see [`URL`]. Kept out of logs.
    pub url: String,
    /// The queue; created unless it exists.
    pub queue: String,
    /// Messages that are worked on at the same time.
    pub workers: usize,
    /// Messages that wait here beyond those.
    pub prefetch: usize,
    /// A message that failed this often goes to the dead letters.
    pub max_attempts: u32,
    /// Exchange and queue of the dead letters; `None`: the queue's name with `.dead`.
    pub dead_letters: Option<String>,
}

impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitConfig")
            .field("queue", &self.queue)
            .field("workers", &self.workers)
            .field("prefetch", &self.prefetch)
            .field("max_attempts", &self.max_attempts)
            .field("dead_letters", &self.dead_letters)
            .finish_non_exhaustive()
    }
}

impl RabbitConfig {
    /// A queue with the usual settings, on the server that the environment names.
    ///
    /// # Errors
    /// Where it names none.
    pub fn from_env(queue: impl Into<String>, workers: usize) -> Result<Self, SourceError> {
        let url = std::env::var(URL).map_err(|_| {
            SourceError::Configuration(format!(
                "no RabbitMQ server is named: set {URL} to amqp://user:password@host:5672/vhost"
            ))
        })?;
        Ok(Self {
            url,
            queue: queue.into(),
            workers,
            prefetch: 2,
            max_attempts: 5,
            dead_letters: None,
        })
    }

    pub(super) fn max_in_flight(&self) -> usize {
        self.workers.max(1).saturating_add(self.prefetch)
    }

    /// Name of the exchange and the queue of the dead letters.
    pub(super) fn dead_letters(&self) -> String {
        let derived = || format!("{}.dead", self.queue);
        self.dead_letters.clone().unwrap_or_else(derived)
    }
}
