//! Flags of the commands that look at a bucket and its source, but run no component.

use super::options::{KeyOptions, Named};
use crate::config::{SettingErrors, Settings};
use std::path::PathBuf;

/// A configuration file, bucket and source, and where in the bucket.
#[derive(Clone, Debug, clap::Args)]
pub struct BucketOptions<C: Named + Send + Sync + 'static> {
    /// Configuration file [default: framemill.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "FRAMEMILL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keys that have flags.
    #[command(flatten)]
    pub keys: KeyOptions<C>,
}

impl<C: Named + Send + Sync + 'static> BucketOptions<C> {
    /// The configuration.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self) -> Result<Settings, SettingErrors> {
        Settings::load(&self.keys.layer, self.config.as_deref())
    }
}
