//! A function's component, ready to answer: what it may touch and reach, what it can read.

use crate::config::{FunctionSettings, Settings, cores};
use framemill_function_spec::Function;
use framemill_objects::{Access, Gateway, Store};
use framemill_runtime::{
    AllowedHost, Component, Engine, Observer, OutboundClient, Runtime, RuntimeParts, server_of,
    with_host,
};
use std::collections::HashMap;
use std::sync::Arc;

/// What a function may touch in its bucket.
pub fn access(function: &Function) -> Access {
    Access {
        read: function.read.clone(),
        write: function.write.clone(),
    }
}

/// Whom a function may reach. Patterns stand as they are; of a URL it is the server alone.
pub fn allowed_hosts(function: &Function) -> Vec<AllowedHost> {
    let allowed = |host: &framemill_function_spec::AllowedUrl| AllowedHost {
        host: match host.pattern {
            true => host.url.clone(),
            false => server_of(&host.url),
        },
        path: host.path.clone(),
    };
    function.hosts.iter().map(allowed).collect()
}

/// A function's component over its bucket.
///
/// # Errors
/// Where the component does not fit, or a secret is missing.
pub fn function_runtime(
    engine: &Engine,
    component: Component,
    settings: &Settings,
    function: &FunctionSettings,
    store: &Arc<dyn Store>,
    observer: Observer,
) -> anyhow::Result<Runtime> {
    let bucket = function.store.bucket().to_owned();
    let buckets = HashMap::from([(bucket, Arc::clone(store))]);
    let credentials: anyhow::Result<Vec<_>> = function.credentials().into_iter().collect();
    let credentials = credentials?;
    Runtime::new(
        engine,
        RuntimeParts {
            variables: with_host(function.variables.clone(), &component.sha256),
            component,
            gateway: Arc::new(Gateway::new(buckets, access(&function.function))),
            outbound: OutboundClient::new(&allowed_hosts(&function.function), &credentials)?,
            limits: settings.limits,
            parallel: cores(),
            observer,
        },
    )
}
