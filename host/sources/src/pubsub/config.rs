//! Which subscription is pulled from, and how.

use std::time::Duration;

/// The environment variable that names an emulator, as for all of Google's clients.
pub const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";

/// Which subscription, and how.
#[derive(Clone, Debug)]
pub struct PubSubConfig {
    /// `projects/P/subscriptions/S`.
    pub subscription: String,
    /// Messages that are worked on at the same time.
    pub workers: usize,
    /// Messages that wait here beyond those.
    pub prefetch: usize,
    /// A message that failed this often goes to the dead letters.
    pub max_attempts: u32,
    /// `projects/P/topics/T`; `None`: the one that the subscription names, else its topic's
    /// name with `-dead`.
    pub dead_letter_topic: Option<String>,
    /// After a crash a message is delivered again after this time: 10 s to 600 s.
    pub lease: Duration,
    /// How long closing may take.
    pub drain: Duration,
    /// `host:port` of an emulator, see [`EMULATOR`]; `None`: Google Cloud, with application
    /// default credentials.
    pub emulator: Option<String>,
}

impl PubSubConfig {
    /// A subscription with the usual settings, on the emulator where the environment names one.
    pub fn new(subscription: impl Into<String>, workers: usize) -> Self {
        Self {
            subscription: subscription.into(),
            workers,
            prefetch: 2,
            max_attempts: 5,
            dead_letter_topic: None,
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            emulator: std::env::var(EMULATOR).ok().filter(|host| !host.is_empty()),
        }
    }

    /// Messages that are worked on or prefetched, at most.
    pub(super) fn max_in_flight(&self) -> usize {
        self.workers.max(1).saturating_add(self.prefetch)
    }

    /// Failed messages that wait here for their next delivery, at most. They count apart from
    /// those in flight: a few of them would hold up all others.
    pub(super) fn max_delayed(&self) -> usize {
        self.prefetch.max(1)
    }
}
