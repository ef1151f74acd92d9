//! What a cold start costs: compiling each component that is named, linking it, and the time from
//! a request to the answer of a fresh instance. One line of JSON each; `cargo xtask bench --cold`
//! makes a table of them.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use framemill_objects::{Access, Gateway};
use framemill_runtime::{Component, Engine, Limits, OutboundClient, Runtime, RuntimeParts};
use http::{Method, Request};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests of which the median is taken.
const REQUESTS: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    for path in std::env::args().skip(1) {
        let line = measure(Path::new(&path)).await;
        println!("{}", line.with_context(|| format!("component {path}"))?);
    }
    Ok(())
}

async fn measure(path: &Path) -> Result<serde_json::Value> {
    // No cache: a machine that has never seen the component.
    let engine = Engine::new(None)?;
    let (component, compile) = timed(|| Component::load(&engine, path))?;
    let name = component.name.clone();
    let (runtime, link) = timed(|| Runtime::new(&engine, parts(component)))?;
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let started = Instant::now();
        // Refused before any work: what is measured is the way there.
        let request = Request::builder().method(Method::GET).uri("http://cold/");
        runtime.call(&name, request.body(Bytes::new())?).await?;
        times.push(started.elapsed());
    }
    let first = times.first().copied().unwrap_or_default();
    times.sort_unstable();
    let median = times.get(REQUESTS / 2).copied().unwrap_or_default();
    Ok(serde_json::json!({
        "component": name,
        "compile_ms": compile.as_millis() as u64,
        "link_ms": link.as_millis() as u64,
        "first_us": first.as_micros() as u64,
        "median_us": median.as_micros() as u64,
    }))
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let started = Instant::now();
    let made = work()?;
    Ok((made, started.elapsed()))
}

fn parts(component: Component) -> RuntimeParts {
    let nothing = Access {
        read: Vec::new(),
        write: Vec::new(),
    };
    RuntimeParts {
        component,
        // As framemill's host: the handler asks no one for a token.
        variables: BTreeMap::from([("host".to_owned(), "framemill".to_owned())]),
        gateway: Arc::new(Gateway::new(HashMap::new(), nothing)),
        outbound: OutboundClient::default(),
        limits: Limits::akamai(),
        parallel: 1,
        memory: None,
        observer: Arc::new(|_, _| {}),
    }
}
