//! Components: where they are found, and how they are compiled.

use anyhow::Context as _;
use framemill_runtime::{Component, Engine, default_cache_dir, find_component};
use std::path::PathBuf;

/// Where components are found, and whether compiled code is kept.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// Their folder; `None` is `components` beside the executable or one folder up.
    pub folder: Option<PathBuf>,
    /// Whether compiled code is kept in the user's cache folder.
    pub cache: bool,
}

impl Components {
    /// The engine that runs components.
    ///
    /// # Errors
    /// Where this machine cannot run wasm.
    pub fn engine(&self) -> anyhow::Result<Engine> {
        let cache = default_cache_dir().filter(|_| self.cache);
        Engine::new(cache.as_deref())
    }

    /// Compiles the component that is called `name`, or lies at that path.
    ///
    /// # Errors
    /// Where it is missing or does not fit.
    pub async fn load(&self, engine: &Engine, name: &str) -> anyhow::Result<Component> {
        let path = if name.ends_with(".wasm") {
            PathBuf::from(name)
        } else {
            find_component(name, self.folder.as_deref())?
        };
        let engine = engine.clone();
        tokio::task::spawn_blocking(move || Component::load(&engine, &path))
            .await
            .context("compiling broke off")?
    }
}
