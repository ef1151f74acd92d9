//! A function's component, ready to answer: what it may touch and reach, what it can read.

use super::Problems;
use crate::config::{FunctionSettings, Settings, cores};
use framemill_contract::SizeLimits;
use framemill_function_spec::{CredentialMethod, Function};
use framemill_objects::{Access, Gateway, OwnAccess, Store};
use framemill_runtime::{
    AllowedHost, Component, Engine, MemoryBudget, Observer, OutboundClient, Runtime, RuntimeParts,
    server_of, with_host,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What a function may touch in its bucket, whatever it works on. What it may write about one
/// object, it may read of all.
pub fn access(function: &Function) -> Access {
    Access {
        read: [function.read.clone(), own_roots(function)].concat(),
        write: function.write.clone(),
    }
}

/// Below what it writes: anywhere, or names of the object that it works on.
pub fn written(function: &Function) -> Vec<String> {
    [function.write.clone(), own_roots(function)].concat()
}

fn own_roots(function: &Function) -> Vec<String> {
    let roots: BTreeSet<&str> = function.own.iter().map(|own| own.root()).collect();
    roots.into_iter().map(str::to_owned).collect()
}

/// What it may write while it works on one object.
fn own_access(function: &Function) -> OwnAccess {
    let (trigger, own) = (function.trigger.clone(), function.own.clone());
    Box::new(move |about, name| {
        let stem = trigger.subject(about);
        stem.is_some_and(|stem| own.iter().any(|own| own.allow(stem, name)))
    })
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

/// The servers that a function may reach, with its credentials.
///
/// # Errors
/// [`Problems`]: each secret that is missing, and each server and credential that cannot be meant.
pub fn outbound(function: &FunctionSettings) -> Result<OutboundClient, Problems> {
    outbound_with(function, &[])
}

/// As [`outbound`], for the host itself: its credentials are good for these methods too.
///
/// # Errors
/// As [`outbound`].
pub fn outbound_with(
    function: &FunctionSettings,
    methods: &[CredentialMethod],
) -> Result<OutboundClient, Problems> {
    let mut problems = Problems::default();
    let credentials = function.credentials().into_iter();
    let credentials = credentials.filter_map(|credential| problems.note(credential));
    let mut credentials: Vec<_> = credentials.collect();
    for credential in &mut credentials {
        credential.methods.extend_from_slice(methods);
    }
    match OutboundClient::new(&allowed_hosts(&function.function), &credentials) {
        Ok(outbound) => problems.none().map(|()| outbound),
        Err(wrong) => {
            wrong.into_iter().for_each(|error| problems.add(error));
            Err(problems)
        }
    }
}

/// Segments that run at once: as many as there are cores, and no more than have memory beside the
/// sandbox of their message.
fn segments_at_once(memory: Option<&MemoryBudget>) -> usize {
    let fit = memory.map_or(usize::MAX, |memory| memory.sandboxes().saturating_sub(1));
    cores().min(fit)
}

/// A function's component over its bucket. `memory` is one for all functions.
///
/// # Errors
/// Where the component does not fit; [`Problems`] of its servers and secrets.
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
    let outbound = outbound(function)?;
    let gateway = Gateway::new(buckets, access(&function.function));
    let sizes = SizeLimits::STANDARD.with_bodies_of(settings.limits.body);
    let gateway = gateway.with_limits(sizes);
    let gateway = gateway.with_own(own_access(&function.function));
    Runtime::new(
        engine,
        RuntimeParts {
            variables: with_host(function.variables.clone(), &component.sha256, sizes),
            component,
            gateway: Arc::new(gateway),
            outbound,
            limits: settings.limits,
            parallel: segments_at_once(memory.as_ref()),
            memory,
            observer,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::builtins;
    use framemill_contract::{
        CheckpointFolder, Config, Event, EventKind, Job, LabelConfig, ObjectRef, VideoName,
    };

    fn function(name: &str, pairs: &[(&str, &str)]) -> Function {
        let mut all = builtins().unwrap().iter();
        let (spec, _) = all.find(|(spec, _)| spec.name == name).unwrap();
        Function::new(spec, lookup(pairs))
    }

    fn lookup(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |key| {
            let found = pairs.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        }
    }

    /// Every name that extract-frames writes about a video.
    fn names(video: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let config = Config::from_lookup(lookup(pairs)).unwrap();
        let (layout, naming, work) = (&config.layout, config.naming, config.work());
        let object = ObjectRef {
            bucket: "b".to_owned(),
            name: format!("videos/{video}"),
            generation: Some(5),
        };
        let event = Event {
            kind: EventKind::Finalized,
            object,
        };
        let plain = Job::from_event(&event, &config).unwrap().name;
        let own = plain.of_generation(5);
        let mut names = vec![];
        for name in [&plain, &own] {
            names.push(layout.manifest(name));
            names.push(layout.extract_failure_names().name(name));
            names.push(CheckpointFolder::new(&config, name, 5).name(1));
        }
        let folders = [
            plain.folder(naming),
            own.folder(naming),
            plain.folder_of_work(naming, 5, &work),
        ];
        for folder in folders {
            names.push(format!("{}000000.jpg", layout.images_in(&folder)));
            names.push(layout.claim(&folder));
        }
        names
    }

    #[test]
    fn a_request_may_write_the_names_of_its_video_and_of_no_other() {
        for pairs in [&[][..], &[("naming", "sample")]] {
            let own = own_access(&function("extract-frames", pairs));
            let (ours, others) = (names("a/x.mp4", pairs), names("a/y.mp4", pairs));
            let checkpoint = ours
                .iter()
                .find(|name| name.contains("checkpoints"))
                .unwrap();
            for about in ["videos/a/x.mp4", checkpoint] {
                for name in &ours {
                    assert!(own(about, name), "{about} {name}");
                }
                for name in others.iter().chain(&names("x.mp4", pairs)) {
                    assert!(!own(about, name), "{about} {name}");
                }
                for name in ["videos/a/x.mp4", "records/labels/t/a/x.mp4/receipt.json"] {
                    assert!(!own(about, name), "{about} {name}");
                }
            }
            assert!(!own("images/a/x.mp4/000000.jpg", &ours[0]));
        }
    }

    #[test]
    fn a_request_for_labels_may_write_those_of_its_manifest() {
        let pairs = [("target", "webhook"), ("target_url", "https://h")];
        let own = own_access(&function("request-labeling", &pairs));
        let config = LabelConfig::from_lookup(lookup(&pairs)).unwrap();
        let (layout, target) = (&config.layout, config.target_id().unwrap());
        for (video, allowed) in [("x.mp4@5", true), ("y.mp4", false)] {
            let video = VideoName::parse(video);
            for name in [
                layout.intent_names(&target).name(&video),
                layout.receipt_names(&target).name(&video),
                layout.label_failure_names(&target).name(&video),
            ] {
                assert_eq!(own("manifests/x.mp4@5.json", &name), allowed, "{name}");
            }
            assert!(!own("manifests/x.mp4@5.json", &layout.manifest(&video)));
        }
    }
}
