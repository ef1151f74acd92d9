//! What every host must do with the components, case by case: `tests/cases/NAME/`.
//!
//! A case is `case.toml` (component, variables on top of spin.toml's, objects before, requests
//! and what they must be answered) and, below `after/`, the objects that must be there then
//! besides those before. The whole bucket is compared. [`compare::VARYING`] names what may differ
//! between hosts.
//!
//! Hosts are framemill's runtime in process (`host/tests/conformance.rs`) and a real `spin up`
//! (`tests/tests/spin.rs`).

pub mod case;
pub mod compare;
pub mod harness;
pub mod issuer;
pub mod spin;

pub use case::{Case, Demand, cases};
pub use harness::Harness;

use crate::servers::HttpResponse;
use crate::spin_manifest::Manifest;
use case::{Expect, Step};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use ureq::http::Request;

/// Most turns of a video that is worked on over several requests.
const MOST_TURNS: usize = 500;

/// A way to run components.
pub trait Host {
    /// For messages.
    fn name(&self) -> &'static str;

    /// Whether this case is one for it.
    fn takes(&self, case: &Case) -> bool;

    /// Has the case's component ready, with what the application's variables are.
    fn start(
        &mut self,
        case: &Case,
        manifest: &Path,
        variables: &BTreeMap<String, String>,
        harness: &Harness,
    );

    /// Says what the store asks of requests from now on.
    fn demand(&mut self, demand: &Demand, harness: &Harness);

    /// Sends a request to the component.
    ///
    /// # Errors
    /// Where no answer comes at all.
    fn send(&mut self, request: Request<Vec<u8>>) -> Result<HttpResponse, String>;
}

/// Runs all cases that the host takes; gives what is wrong with each that fails.
///
/// `FRAMEMILL_CASES` names a part of the names to run; `FRAMEMILL_WRITE_CASES=1` writes what is
/// there afterwards as what is expected.
pub fn run(host: &mut dyn Host) -> Vec<String> {
    let harness = Harness::start();
    let only = std::env::var("FRAMEMILL_CASES").unwrap_or_default();
    let mut cases = cases(&cases_folder()).unwrap_or_else(|why| panic!("{why}"));
    cases.retain(|case| case.name.contains(&only) && host.takes(case));
    assert!(!cases.is_empty(), "no case is named like `{only}`");
    // Those with the same variables together: a host may need a start for each.
    cases.sort_by_cached_key(|case| (case.manifest(), case.variables.clone(), case.name.clone()));
    let mut failures = Vec::new();
    for case in &cases {
        let problems = run_case(host, case, &harness);
        let how = if problems.is_empty() {
            "agrees"
        } else {
            "FAILS"
        };
        eprintln!("{}: {} {how}", host.name(), case.name);
        if !problems.is_empty() {
            let problems = problems.join("\n  ");
            failures.push(format!("{} ({}):\n  {problems}", case.name, case.about));
        }
    }
    failures
}

/// Where the cases are.
pub fn cases_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Runs one case; gives what is not as expected.
pub fn run_case(host: &mut dyn Host, case: &Case, harness: &Harness) -> Vec<String> {
    harness.reset();
    let mut expected = BTreeMap::new();
    for (name, content) in &case.before {
        let bytes = content.bytes(&case.folder);
        harness.gcs.put(harness::BUCKET, name, &bytes);
        expected.insert(name.clone(), bytes);
    }
    let manifest = case.manifest();
    let variables = harness.variables(case);
    host.start(case, &manifest, &variables, harness);
    host.demand(&case.store, harness);
    let mut problems = Vec::new();
    for (number, step) in case.request.iter().enumerate() {
        let found = run_step(host, case, step, harness);
        problems.extend(
            found
                .into_iter()
                .map(|why| format!("request {number}: {why}")),
        );
    }
    host.demand(&Demand::default(), harness);
    if harness.gcs.faults_left() > 0 {
        problems.push("a fault of the store was not met".to_owned());
    }
    problems.extend(compare::received(
        &case.received,
        &harness.receiver.arrived(),
    ));
    if problems.is_empty() && std::env::var_os("FRAMEMILL_WRITE_CASES").is_some() {
        compare::write(&case.folder, &expected, harness);
    }
    expected.extend(compare::after(&case.folder));
    let made = case.after.iter();
    expected.extend(made.map(|(name, content)| (name.clone(), content.bytes(&case.folder))));
    problems.extend(compare::bucket(&expected, harness));
    problems
}

fn run_step(host: &mut dyn Host, case: &Case, step: &Step, harness: &Harness) -> Vec<String> {
    let mut answer = match host.send(harness.request(case, step)) {
        Ok(answer) => answer,
        Err(why) => return vec![format!("no answer: {why}")],
    };
    if step.follow_checkpoint {
        let mut turns = 0;
        while let Some(checkpoint) = compare::checkpoint(&answer) {
            turns += 1;
            if turns > MOST_TURNS {
                return vec![format!("not done after {MOST_TURNS} turns")];
            }
            let next = step.with_event(&checkpoint);
            answer = match host.send(harness.request(case, &next)) {
                Ok(answer) => answer,
                Err(why) => return vec![format!("turn {turns}: no answer: {why}")],
            };
        }
        if turns == 0 {
            let mut problems = vec!["was not continued over several requests".to_owned()];
            problems.extend(check(&step.expect, &answer));
            return problems;
        }
    }
    check(&step.expect, &answer)
}

fn check(expect: &Expect, answer: &HttpResponse) -> Vec<String> {
    compare::answer(expect, answer)
}

/// The variables of a component as a manifest resolves them.
pub fn resolved(
    manifest: &Path,
    component: &str,
    given: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let text = fs::read_to_string(manifest).unwrap();
    let manifest = Manifest::parse(&text).unwrap();
    let resolve = |template: &String| manifest.resolved(template, given).unwrap();
    let component = &manifest.component[component];
    let variables = component.variables.iter();
    let variables = variables.map(|(name, template)| (name.clone(), resolve(template)));
    let hosts = component.allowed_outbound_hosts.iter().map(resolve);
    (variables.collect(), hosts.collect())
}
