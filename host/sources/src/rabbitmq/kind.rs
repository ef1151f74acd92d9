//! RabbitMQ as a kind of source.

use super::config::RabbitConfig;
use super::source::RabbitSource;
use crate::error::SourceError;
use crate::kind::{SourceKind, SourceOptions};
use crate::source::Source;
use std::sync::Arc;

/// `amqp:QUEUE`, on the server that `AMQP_URL` names.
#[derive(Clone, Copy, Debug)]
pub struct RabbitKind;

#[async_trait::async_trait]
impl SourceKind for RabbitKind {
    fn form(&self) -> &'static str {
        "amqp:QUEUE"
    }

    fn name<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.strip_prefix("amqp:").filter(|name| !name.is_empty())
    }

    async fn open(
        &self,
        name: &str,
        options: &SourceOptions,
    ) -> Result<Arc<dyn Source>, SourceError> {
        let mut config = RabbitConfig::from_env(name, options.workers)?;
        config.prefetch = options.prefetch;
        config.max_attempts = options.max_attempts;
        config.dead_letters.clone_from(&options.dead_letters);
        Ok(Arc::new(RabbitSource::new(config)?))
    }
}
