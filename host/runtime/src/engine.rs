//! The wasm engine, its clock, its cache of compiled code, and the components on disk.

use super::{cache_folder, perf_map};
use anyhow::Context as _;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmtime::{Cache, CacheConfig, Config, OptLevel};

/// How often a busy component lets others have its thread, and how exact its time limit is.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Compiles and runs wasm. Cheap to clone.
#[derive(Clone)]
pub struct Engine(wasmtime::Engine);

impl Engine {
    /// `cache_dir` keeps compiled code, by engine version, settings and component; `None`
    /// compiles each time, and so does a folder that cannot be used, or that other users could write
    /// to, with a warning.
    ///
    /// # Errors
    /// Where this machine cannot run compiled wasm.
    pub fn new(cache_dir: Option<&Path>) -> anyhow::Result<Self> {
        Self::with_interruption(cache_dir, true)
    }

    /// As [`Engine::new`], but its components are never stopped and never let others have their
    /// thread. For measuring what that costs, on components that are trusted to end.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn uninterrupted(cache_dir: Option<&Path>) -> anyhow::Result<Self> {
        Self::with_interruption(cache_dir, false)
    }

    fn with_interruption(cache_dir: Option<&Path>, interruption: bool) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .wasm_simd(true)
            .epoch_interruption(interruption)
            .cranelift_opt_level(OptLevel::Speed);
        if let Some(dir) = cache_dir {
            config.cache(open_cache(dir));
        }
        let engine = wasmtime::Engine::new(&config)
            .map_err(|error| anyhow::anyhow!("wasm engine cannot start: {error:#}"))?;
        start_clock(&engine)?;
        Ok(Self(engine))
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0
    }
}

fn open_cache(dir: &Path) -> Option<Cache> {
    let without = |why: String| {
        tracing::warn!("compiled code is not cached, so each start takes longer: {why}");
        None
    };
    // A container may have a home that is read-only, or none.
    let made = cache_folder::create(dir).and_then(|()| dir.canonicalize());
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            return without(format!(
                "cache folder cannot be made ({error}): let XDG_CACHE_HOME name one that can, or give --no-cache: {}",
                dir.display()
            ));
        }
    };
    if let Err(untrusted) = cache_folder::check(&made) {
        return without(format!("cache folder is not safe: {untrusted}"));
    }
    let mut config = CacheConfig::new();
    config.with_directory(made);
    match Cache::new(config) {
        Ok(cache) => Some(cache),
        Err(error) => without(format!(
            "cache folder cannot be used: {error:#}: {}",
            dir.display()
        )),
    }
}

/// Ticks for as long as the engine is in use.
fn start_clock(engine: &wasmtime::Engine) -> anyhow::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("wasm-clock".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .context("clock of the wasm engine cannot start")?;
    Ok(())
}

/// Where compiled code is kept: the user's cache folder, as the XDG base directory
/// specification places it.
pub fn default_cache_dir() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(cache.join("framemill").join("wasm"))
}

/// A compiled component.
#[derive(Clone)]
pub struct Component {
    /// File name without ending.
    pub name: String,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    pub(super) component: wasmtime::component::Component,
}

impl Component {
    /// Compiles a component, or takes it from the cache. Blocks for seconds.
    ///
    /// # Errors
    /// Where the file cannot be read or is no component.
    pub fn load(engine: &Engine, path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let bytes =
            std::fs::read(path).with_context(|| format!("component cannot be read: {shown}"))?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let started = std::time::Instant::now();
        let component =
            wasmtime::component::Component::new(&engine.0, &bytes).map_err(|error| {
                anyhow::anyhow!("not a component that can run here: {error:#}: {shown}")
            })?;
        tracing::debug!(took = ?started.elapsed(), "component is ready: {shown}");
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: name.into_owned(),
            sha256,
            component,
        })
    }

    /// Where its functions lie in this process: lines of a perf map, by which Linux perf names code
    /// that was compiled at run time.
    ///
    /// # Errors
    /// Where the compiled code cannot be read.
    pub fn perf_map(&self) -> anyhow::Result<String> {
        let image = self.component.serialize();
        let image = image.map_err(|error| anyhow::anyhow!("compiled code is gone: {error:#}"))?;
        let start = self.component.image_range().start as usize;
        perf_map::lines(&image, start as u64)
    }
}

/// The file of a component: in `given`, else beside the executable or one folder up.
///
/// # Errors
/// Where it is in none of them; the message says how to build it.
pub fn find_component(name: &str, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let file = format!("{name}.wasm");
    let executable = std::env::current_exe().ok();
    let beside = executable.as_deref().and_then(Path::parent);
    let folders: Vec<PathBuf> = match given {
        Some(folder) => vec![folder.to_owned()],
        None => [beside, beside.and_then(Path::parent)]
            .into_iter()
            .flatten()
            .map(|folder| folder.join("components"))
            .collect(),
    };
    let found = folders
        .iter()
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file());
    found.with_context(|| {
        let tried: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        format!(
            "component {file} is missing: build it with `cargo xtask build` or name its folder with --components; looked in {}",
            tried.join(", ")
        )
    })
}
