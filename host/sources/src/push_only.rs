//! No source: for a process that lives from messages that are pushed to it.

use crate::error::SourceError;
use crate::source::{DeadLetter, Delivery, Source};
use framemill_contract::Event;
use framemill_support::finding::Finding;

const NAME: &str = "pushes alone";

/// Never has a message. Lost ones cannot be queued again here: the subscription that pushes keeps
/// them, and its dead letters.
#[derive(Clone, Copy, Debug, Default)]
pub struct PushOnlySource;

impl PushOnlySource {
    fn no_queue() -> SourceError {
        SourceError::Configuration(
            "there is no queue behind source = none: name the topic's subscription as the source of this command".to_owned(),
        )
    }
}

#[async_trait::async_trait]
impl Source for PushOnlySource {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        std::future::pending().await
    }

    async fn publish(&self, _: &Event) -> Result<(), SourceError> {
        Err(Self::no_queue())
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, SourceError> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _: Option<&[String]>) -> Result<usize, SourceError> {
        Err(Self::no_queue())
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding::good(
            "source",
            "none: messages are pushed to the listener",
        )]
    }

    async fn stop(&self) {}

    async fn close(&self) {}
}
