//! Everything that can be wrong with a subscription.

use super::{
    DELETED, create_command, dead_topic, kept, look_up, not_pullable, unusable_subscription,
};
use crate::pubsub::client::{Clients, Fault, Name, call, grant_topic};
use crate::pubsub::config::PubSubConfig;
use framemill_support::finding::Finding;
use google_cloud_pubsub::model::Subscription;

/// An expiration up to this, seconds, is warned of: a subscription that nobody pulls from for so
/// long is deleted with all its messages.
const SHORT_EXPIRATION: i64 = 31 * 86_400;
/// Shorter ack deadlines, seconds, are warned of: after a short network failure messages would be
/// delivered twice.
const SHORT_DEADLINE: i32 = 30;

/// Checks the subscription and its dead letters.
pub(in crate::pubsub) async fn check(config: &PubSubConfig, clients: &Clients) -> Vec<Finding> {
    let name = &config.subscription;
    let found = match look_up(clients, name).await {
        Ok(found) => found,
        Err(Fault::Unreachable(reason)) => {
            let remedy = match &config.emulator {
                Some(host) => format!("start the emulator, or unset PUBSUB_EMULATOR_HOST ({host})"),
                None => "check the network and that the Pub/Sub API is on: gcloud services enable pubsub.googleapis.com".to_owned(),
            };
            return vec![Finding::error(
                name,
                format!("does not answer: {reason}"),
                remedy,
            )];
        }
        Err(fault) => {
            let error = unusable_subscription(name, fault).to_string();
            let (fact, remedy) = error.split_once(": run ").unwrap_or((&error, ""));
            return vec![Finding::error(name, fact, remedy)];
        }
    };
    let mut findings = settings(&found);
    findings.extend(dead_letters(config, clients, &found).await);
    findings
}

/// Checks the subscription's own settings.
fn settings(found: &Subscription) -> Vec<Finding> {
    let name = found.name.as_str();
    let short = Name::for_gcloud(name);
    let update = format!("gcloud pubsub subscriptions update {short}");
    let mut findings = Vec::new();
    if let Some((fact, remedy)) = not_pullable(found) {
        findings.push(Finding::error(name, fact, remedy));
    }
    if found.topic == DELETED {
        findings.push(Finding::error(
            name,
            "its topic was deleted: no new messages come",
            format!("delete it and run {}", create_command(name)),
        ));
    }
    if !found.filter.is_empty() {
        findings.push(Finding::warning(
            name,
            format!("it drops what does not fit its filter: {}", found.filter),
            "uploads and swept videos must fit it; a filter cannot be changed, only a new subscription can have another",
        ));
    }
    if found.retry_policy.is_none() {
        findings.push(Finding::warning(
            name,
            "it has no retry policy: nacked messages are delivered again at once",
            format!("{update} --min-retry-delay=10s --max-retry-delay=600s"),
        ));
    }
    if found.dead_letter_policy.is_none() {
        findings.push(Finding::warning(
            name,
            "it has no dead-letter policy: a message that kills the service each time is delivered for ever",
            format!("{update} --dead-letter-topic=TOPIC --max-delivery-attempts=10"),
        ));
    }
    if found.ack_deadline_seconds < SHORT_DEADLINE {
        findings.push(Finding::warning(
            name,
            format!("ack deadline is {} s", found.ack_deadline_seconds),
            format!("{update} --ack-deadline=60"),
        ));
    }
    // No policy at all means 31 days.
    let ttl = found.expiration_policy.as_ref().map(|policy| policy.ttl);
    let ttl = ttl.map_or(Some(SHORT_EXPIRATION), |ttl| ttl.map(|ttl| ttl.seconds()));
    if let Some(seconds) = ttl.filter(|seconds| *seconds <= SHORT_EXPIRATION) {
        findings.push(Finding::warning(
            name,
            format!(
                "it is deleted with its messages when nobody pulls for {} days",
                seconds / 86_400
            ),
            format!("{update} --expiration-period=never"),
        ));
    }
    let delivery = match found.enable_exactly_once_delivery {
        true => "exactly once",
        false => "at least once",
    };
    findings.push(Finding::good(
        name,
        format!("there, pulls from {}, delivers {delivery}", found.topic),
    ));
    findings
}

/// Checks topic and subscription of the dead letters.
async fn dead_letters(
    config: &PubSubConfig,
    clients: &Clients,
    found: &Subscription,
) -> Option<Finding> {
    let topic = match dead_topic(config, found) {
        Ok(topic) => topic,
        Err(error) => return Some(Finding::error(&found.name, error.to_string(), "")),
    };
    let kept = kept(&topic);
    let at_topic = call(clients.topics.get_topic().set_topic(&topic).send()).await;
    let at_kept = look_up(clients, &kept).await;
    Some(match (at_topic, at_kept) {
        (Ok(_), Ok(kept)) if kept.topic == topic => {
            Finding::good(topic, format!("takes dead letters, kept by {}", kept.name))
        }
        (Ok(_), Ok(kept)) => Finding::error(
            &topic,
            format!("{} belongs to another topic: {}", kept.name, kept.topic),
            "name another dead_letter_topic",
        ),
        (Err(Fault::Denied(reason)), _) | (_, Err(Fault::Denied(reason))) => Finding::error(
            &topic,
            format!("may not be looked at: {reason}"),
            grant_topic(&topic, "roles/pubsub.viewer"),
        ),
        (Err(Fault::Missing(_)), _) | (_, Err(Fault::Missing(_))) => Finding::warning(
            &topic,
            "not there yet: made at the first start, where that is allowed",
            format!(
                "gcloud pubsub topics create {} and gcloud pubsub subscriptions create {} --topic={topic} --expiration-period=never",
                Name::for_gcloud(&topic),
                Name::for_gcloud(&kept)
            ),
        ),
        (Err(fault), _) | (_, Err(fault)) => {
            Finding::error(&topic, fault.into_error(kept, "").to_string(), "")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_support::finding::Severity;

    #[test]
    fn a_bare_subscription_is_warned_of() {
        let bare = Subscription::new()
            .set_name("projects/p/subscriptions/s")
            .set_topic(DELETED)
            .set_ack_deadline_seconds(10)
            .set_filter("attributes.a=\"b\"");
        let findings = settings(&bare);
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        for expected in [
            "topic was deleted",
            "filter",
            "--min-retry-delay",
            "--dead-letter-topic",
            "ack deadline is 10 s",
            "for 31 days",
        ] {
            assert!(
                text.iter().any(|t| t.contains(expected)),
                "{expected}: {text:?}"
            );
        }
        assert!(findings.iter().any(|f| f.severity == Severity::Error));
    }
}
