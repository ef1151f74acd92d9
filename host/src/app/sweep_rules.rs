//! How to see what a function has not worked on: its declaration names inputs and records.

use super::records::{claims, pattern};
use super::sweep::SweepRule;
use framemill_contract::VideoName;
use framemill_function_spec::Function;
use framemill_sources::Source;
use std::sync::Arc;

/// The rule of a function; `None` where it leaves no records.
pub fn rule(function: &Function, source: Arc<dyn Source>) -> Option<SweepRule> {
    let records = function.records.as_ref()?;
    let (trigger, claims) = (function.trigger.clone(), claims(records));
    // Of an upload it is not known yet which generation has the plain name; what we have written
    // says it in its own.
    let is_upload = claims.is_some();
    Some(SweepRule {
        function: function.name.clone(),
        inputs: trigger.prefix.clone(),
        done: pattern(&records.done),
        failed: pattern(&records.failure),
        claims,
        video: Box::new(move |name| {
            let stem = trigger.stem(name)?;
            Some(match is_upload {
                true => VideoName::plain(stem),
                false => VideoName::parse(stem),
            })
        }),
        source,
    })
}
