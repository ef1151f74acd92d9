//! A kind of source on other machines: how its address is written, and how it is opened.

use crate::error::SourceError;
use crate::source::Source;
use std::sync::Arc;

/// How a source is used.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Messages that are worked on at the same time.
    pub workers: usize,
    /// Messages in flight beside those.
    pub prefetch: usize,
    /// Failed deliveries after which a message becomes a dead letter.
    pub max_attempts: u32,
    /// Where dead letters go; `None` derives it.
    pub dead_letters: Option<String>,
}

/// A kind of source.
#[async_trait::async_trait]
pub trait SourceKind: Send + Sync {
    /// How an address is written, for people.
    fn form(&self) -> &'static str;

    /// The name in an address of this kind: `None` where the text is of another kind.
    fn name<'a>(&self, text: &'a str) -> Option<&'a str>;

    /// Opens the source of this name.
    ///
    /// # Errors
    /// Where it is not there, or may not be used.
    async fn open(
        &self,
        name: &str,
        options: &SourceOptions,
    ) -> Result<Arc<dyn Source>, SourceError>;
}
