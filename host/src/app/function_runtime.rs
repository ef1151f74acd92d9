//! A function's component, ready to answer: what it may touch and reach, what it can read.

use crate::config::{FunctionSettings, Settings, cores};
use framemill_contract::SizeLimits;
use framemill_function_spec::Function;
use framemill_objects::{Access, Gateway, Store};
use framemill_runtime::{
    AllowedHost, Component, Engine, HostCredential, MemoryBudget, Observer, OutboundClient,
    Runtime, RuntimeParts, same_origin, server_of, with_host,
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

/// What is added to the requests of a function: what the user has said of a server, else what
/// its declaration says. It belongs to this function alone.
///
/// # Errors
/// Naming the secret that is missing.
pub fn credentials(
    settings: &Settings,
    function: &FunctionSettings,
) -> anyhow::Result<Vec<HostCredential>> {
    let of_user: anyhow::Result<Vec<_>> =
        settings.credentials.iter().map(|it| it.resolve()).collect();
    let mut all = of_user?;
    for own in own_credentials(function, &all) {
        all.push(own?);
    }
    Ok(all)
}

/// What the declaration of a function says of the servers that are not among those of `others`.
pub fn own_credentials(
    function: &FunctionSettings,
    others: &[HostCredential],
) -> Vec<anyhow::Result<HostCredential>> {
    let own = function.credentials().filter_map(|(host, kind, secret)| {
        let server = server_of(&host.url);
        let given = others.iter().any(|there| same_origin(&there.host, &server));
        if given {
            return None;
        }
        secret.resolve(server, kind).transpose()
    });
    own.collect()
}

/// A function's component over its bucket. `memory` is one for all functions.
///
/// # Errors
/// Where the component does not fit, or a secret is missing.
pub fn function_runtime(
    engine: &Engine,
    component: Component,
    settings: &Settings,
    function: &FunctionSettings,
    store: &Arc<dyn Store>,
    memory: Option<MemoryBudget>,
    observer: Observer,
) -> anyhow::Result<Runtime> {
    let bucket = function.store.bucket().to_owned();
    let buckets = HashMap::from([(bucket, Arc::clone(store))]);
    let credentials = credentials(settings, function)?;
    let sizes = SizeLimits::STANDARD.with_bodies_of(settings.limits.body);
    let gateway = Gateway::new(buckets, access(&function.function)).with_limits(sizes);
    Runtime::new(
        engine,
        RuntimeParts {
            variables: with_host(function.variables.clone(), &component.sha256, sizes),
            component,
            gateway: Arc::new(gateway),
            outbound: OutboundClient::new(&allowed_hosts(&function.function), &credentials)?,
            limits: settings.limits,
            parallel: cores(),
            memory,
            observer,
        },
    )
}
