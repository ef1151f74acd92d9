//! Pub/Sub as a kind of source.

use super::config::PubSubConfig;
use super::source::PubSubSource;
use crate::error::SourceError;
use crate::kind::{SourceKind, SourceOptions};
use crate::source::Source;
use std::sync::Arc;

/// `pubsub://projects/P/subscriptions/S`, or the subscription's name alone.
#[derive(Clone, Copy, Debug)]
pub struct PubSubKind;

#[async_trait::async_trait]
impl SourceKind for PubSubKind {
    fn form(&self) -> &'static str {
        "pubsub://projects/P/subscriptions/S"
    }

    fn name<'a>(&self, text: &'a str) -> Option<&'a str> {
        let name = text.strip_prefix("pubsub://").unwrap_or(text);
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["projects", project, "subscriptions", subscription]
                if !project.is_empty() && !subscription.is_empty() =>
            {
                Some(name)
            }
            _ => None,
        }
    }

    async fn open(
        &self,
        name: &str,
        options: &SourceOptions,
    ) -> Result<Arc<dyn Source>, SourceError> {
        let mut config = PubSubConfig::new(name, options.workers);
        config.prefetch = options.prefetch;
        config.max_attempts = options.max_attempts;
        config.dead_letter_topic.clone_from(&options.dead_letters);
        Ok(Arc::new(PubSubSource::new(config).await?))
    }
}
