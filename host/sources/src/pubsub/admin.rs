//! Topics and subscriptions: looked up, created and checked.

use super::client::{Clients, Fault, Name, call, grant_subscription, grant_topic};
use super::config::PubSubConfig;
use crate::error::SourceError;
use google_cloud_pubsub::client::Publisher;
use google_cloud_pubsub::model::{DeadLetterPolicy, ExpirationPolicy, RetryPolicy, Subscription};
use std::time::Duration;

pub(super) use check::check;

mod check;

/// What the service calls a topic that was deleted.
const DELETED: &str = "_deleted-topic_";
/// How long dead letters are kept: the longest that the service allows.
const KEEP: Duration = Duration::from_secs(31 * 86_400);

/// What is known of a subscription that works.
pub(super) struct Prepared {
    pub(super) topic: String,
    pub(super) publisher: Publisher,
    pub(super) dead: DeadLetters,
    /// Whether the server's count of deliveries means anything: the emulator counts always.
    pub(super) counts: bool,
}

/// Where dead letters go.
#[derive(Clone)]
pub(super) struct DeadLetters {
    pub(super) topic: String,
    pub(super) publisher: Publisher,
    /// The subscription that keeps them.
    pub(super) subscription: String,
}

/// How a new subscription is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetUp<'a> {
    /// `projects/P/topics/T`.
    pub topic: &'a str,
    /// Whether an acked message never comes again.
    pub exactly_once: bool,
    /// Whether the server moves messages to the dead letters as well: those that crash the service
    /// each time.
    pub dead_letter_policy: bool,
}

/// Creates topic, subscription, and what the dead letters need, each unless it exists.
///
/// # Errors
/// Where the service refuses or does not answer.
pub async fn set_up(config: &PubSubConfig, how: SetUp<'_>) -> Result<(), SourceError> {
    let SetUp { topic, .. } = how;
    Name::parse(topic, "topics")?;
    Name::parse(&config.subscription, "subscriptions")?;
    let clients = Clients::connect(config.emulator.as_deref()).await?;
    make_topic(&clients, topic).await?;
    let dead = match &config.dead_letter_topic {
        Some(dead) => dead.clone(),
        None => derived_dead_topic(topic)?,
    };
    keep_dead_letters(&clients, &dead).await?;
    let deadline = config.lease.as_secs().clamp(10, 600);
    let mut retries = RetryPolicy::new();
    retries.minimum_backoff = Duration::from_secs(1).try_into().ok();
    retries.maximum_backoff = Duration::from_secs(60).try_into().ok();
    let mut subscription = Subscription::new()
        .set_name(&config.subscription)
        .set_topic(topic)
        .set_ack_deadline_seconds(i32::try_from(deadline).unwrap_or(600))
        .set_enable_exactly_once_delivery(how.exactly_once)
        .set_expiration_policy(ExpirationPolicy::new())
        .set_retry_policy(retries);
    if how.dead_letter_policy {
        // Later than the source does: its dead letters carry the reason.
        let attempts = config.max_attempts.saturating_add(5).clamp(5, 100);
        let policy = DeadLetterPolicy::new()
            .set_dead_letter_topic(&dead)
            .set_max_delivery_attempts(i32::try_from(attempts).unwrap_or(100));
        subscription = subscription.set_dead_letter_policy(policy);
    }
    let request = clients.subscriptions.create_subscription();
    let request = request.with_request(subscription);
    match call(request.send()).await {
        Ok(_) | Err(Fault::Exists) => Ok(()),
        Err(fault) => Err(fault.into_error(
            config.subscription.clone(),
            &project_role(&config.subscription),
        )),
    }
}

/// Looks the subscription up, and creates what its dead letters need.
pub(super) async fn prepare(
    config: &PubSubConfig,
    clients: &Clients,
) -> Result<Prepared, SourceError> {
    let name = &config.subscription;
    let found = look_up(clients, name).await;
    let found = found.map_err(|fault| unusable_subscription(name, fault))?;
    if let Some((fact, remedy)) = not_pullable(&found) {
        return Err(SourceError::Configuration(format!(
            "{fact}: {remedy}: {name}"
        )));
    }
    let dead = dead_topic(config, &found)?;
    let kept = keep_dead_letters(clients, &dead).await?;
    let publisher = |topic: &str| {
        let publisher = clients.publisher.publisher(topic);
        publisher.set_message_count_threshold(1).build()
    };
    Ok(Prepared {
        counts: found.dead_letter_policy.is_some(),
        publisher: publisher(&found.topic),
        topic: found.topic,
        dead: DeadLetters {
            publisher: publisher(&dead),
            topic: dead,
            subscription: kept,
        },
    })
}

pub(super) async fn look_up(clients: &Clients, subscription: &str) -> Result<Subscription, Fault> {
    let get = clients.subscriptions.get_subscription();
    call(get.set_subscription(subscription).send()).await
}

/// The topic of the dead letters: as configured, as the subscription names it, or derived.
fn dead_topic(config: &PubSubConfig, found: &Subscription) -> Result<String, SourceError> {
    let policy = found.dead_letter_policy.as_ref();
    let policy = policy.map(|policy| policy.dead_letter_topic.clone());
    match config.dead_letter_topic.clone().or(policy) {
        Some(topic) if !topic.is_empty() => Ok(topic),
        _ if found.topic == DELETED => Err(SourceError::Configuration(format!(
            "its topic was deleted, so that there is none for dead letters: name one as dead_letter_topic: {}",
            config.subscription
        ))),
        _ => derived_dead_topic(&found.topic),
    }
}

/// The topic of the dead letters of a topic, by its name.
fn derived_dead_topic(topic: &str) -> Result<String, SourceError> {
    Name::parse(topic, "topics")?;
    Ok(format!("{topic}-dead"))
}

/// Why a subscription cannot be pulled from, and the command that fixes it.
fn not_pullable(found: &Subscription) -> Option<(String, String)> {
    let name = Name::for_gcloud(&found.name);
    let push = found.push_config.as_ref();
    let push = push.map_or("", |config| config.push_endpoint.as_str());
    let exported = found.bigquery_config.is_some()
        || found.cloud_storage_config.is_some()
        || found.bigtable_config.is_some();
    if !push.is_empty() {
        return Some((
            format!("it pushes to {push}, so that nothing can be pulled"),
            format!("gcloud pubsub subscriptions modify-push-config {name} --push-endpoint=\"\""),
        ));
    }
    if exported {
        return Some((
            "it exports its messages, so that nothing can be pulled".to_owned(),
            "create another subscription on the topic".to_owned(),
        ));
    }
    found.detached.then(|| {
        (
            "it is detached from its topic and keeps no messages".to_owned(),
            format!("delete it and run {}", create_command(&found.name)),
        )
    })
}

fn create_command(subscription: &str) -> String {
    let name = Name::for_gcloud(subscription);
    format!(
        "gcloud pubsub subscriptions create {name} --topic=TOPIC --ack-deadline=60 --expiration-period=never --min-retry-delay=10s --max-retry-delay=600s"
    )
}

fn project_role(resource: &str) -> String {
    let project = resource.split('/').nth(1).unwrap_or("PROJECT");
    format!(
        "gcloud projects add-iam-policy-binding {project} --member=serviceAccount:ACCOUNT --role=roles/pubsub.editor"
    )
}

fn unusable_subscription(name: &str, fault: Fault) -> SourceError {
    match fault {
        Fault::Missing(_) => SourceError::Configuration(format!(
            "subscription does not exist: run {}: {name}",
            create_command(name)
        )),
        fault => fault.into_error(name.to_owned(), &viewer_commands(name)),
    }
}

/// The commands that let an account look up a subscription and pull from it.
fn viewer_commands(subscription: &str) -> String {
    format!(
        "{} and {}",
        grant_subscription(subscription, "roles/pubsub.viewer"),
        grant_subscription(subscription, "roles/pubsub.subscriber")
    )
}

async fn make_topic(clients: &Clients, topic: &str) -> Result<(), SourceError> {
    let mut may_be_there = false;
    match call(clients.topics.get_topic().set_topic(topic).send()).await {
        Ok(_) => return Ok(()),
        // Who may not look it up may still create it.
        Err(Fault::Denied(_)) => may_be_there = true,
        Err(Fault::Missing(_)) => {}
        Err(fault) => return Err(fault.into_error(topic.to_owned(), "")),
    }
    match call(clients.topics.create_topic().set_name(topic).send()).await {
        Ok(_) => {
            tracing::info!("made the topic: {topic}");
            Ok(())
        }
        Err(Fault::Exists) => Ok(()),
        // Who may publish need not be allowed to look it up: the first dead letter shows.
        Err(Fault::Denied(reason)) if may_be_there => {
            tracing::warn!("taken to be there, a look is not permitted ({reason}): {topic}");
            Ok(())
        }
        Err(fault) => Err(fault.into_error(
            topic.to_owned(),
            &format!(
                "gcloud pubsub topics create {} and {} and {}",
                Name::for_gcloud(topic),
                grant_topic(topic, "roles/pubsub.viewer"),
                grant_topic(topic, "roles/pubsub.publisher")
            ),
        )),
    }
}

/// The subscription that keeps the dead letters of a topic.
pub(super) fn kept(dead_topic: &str) -> String {
    let (project, id) = match dead_topic.split('/').collect::<Vec<_>>().as_slice() {
        [_, project, _, id] => ((*project).to_owned(), (*id).to_owned()),
        _ => (String::new(), dead_topic.to_owned()),
    };
    format!("projects/{project}/subscriptions/{id}-kept")
}

/// Creates the topic of the dead letters and a subscription that keeps them, unless they exist.
/// Returns the subscription.
async fn keep_dead_letters(clients: &Clients, topic: &str) -> Result<String, SourceError> {
    make_topic(clients, topic).await?;
    let kept = kept(topic);
    let mut may_be_there = false;
    match look_up(clients, &kept).await {
        Ok(_) => return Ok(kept),
        Err(Fault::Denied(_)) => may_be_there = true,
        Err(Fault::Missing(_)) => {}
        Err(fault) => return Err(fault.into_error(kept, "")),
    }
    let mut subscription = Subscription::new()
        .set_name(&kept)
        .set_topic(topic)
        .set_ack_deadline_seconds(60)
        .set_expiration_policy(ExpirationPolicy::new());
    let make = |subscription| {
        let request = clients.subscriptions.create_subscription();
        call(request.with_request(subscription).send())
    };
    let plain = subscription.clone();
    subscription.message_retention_duration = KEEP.try_into().ok();
    let made = match make(subscription).await {
        // Not every server allows so long a time.
        Err(Fault::Refused(_)) => make(plain).await,
        other => other,
    };
    match made {
        Ok(_) => {
            tracing::info!("made the subscription that keeps dead letters: {kept}");
            Ok(kept)
        }
        Err(Fault::Exists) => Ok(kept),
        Err(Fault::Denied(reason)) if may_be_there => {
            tracing::warn!("taken to be there, a look is not permitted ({reason}): {kept}");
            Ok(kept)
        }
        Err(fault) => {
            let remedy = format!(
                "gcloud pubsub subscriptions create {} --topic={topic} --expiration-period=never --message-retention-duration=31d and {}",
                Name::for_gcloud(&kept),
                viewer_commands(&kept)
            );
            Err(fault.into_error(kept, &remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use google_cloud_pubsub::model::PushConfig;

    #[test]
    fn subscriptions_that_push_or_are_detached_are_refused() {
        let name = "projects/p/subscriptions/s";
        let good = Subscription::new().set_name(name);
        assert_eq!(not_pullable(&good), None);
        let push = good
            .clone()
            .set_push_config(PushConfig::new().set_push_endpoint("https://x.example"));
        let (fact, remedy) = not_pullable(&push).unwrap();
        assert!(fact.contains("https://x.example"), "{fact}");
        assert!(
            remedy.contains("modify-push-config s --project=p"),
            "{remedy}"
        );
        assert!(not_pullable(&good.set_detached(true)).is_some());
    }

    #[test]
    fn dead_letters_go_where_the_subscription_says() {
        let mut config = PubSubConfig::new("projects/p/subscriptions/s", 1);
        let plain = Subscription::new().set_topic("projects/p/topics/t");
        let policy = DeadLetterPolicy::new().set_dead_letter_topic("projects/p/topics/policy");
        let own = plain.clone().set_dead_letter_policy(policy);
        let deleted = Subscription::new().set_topic(DELETED);
        assert_eq!(
            dead_topic(&config, &plain).unwrap(),
            "projects/p/topics/t-dead"
        );
        assert_eq!(
            dead_topic(&config, &own).unwrap(),
            "projects/p/topics/policy"
        );
        assert!(dead_topic(&config, &deleted).is_err());
        config.dead_letter_topic = Some("projects/p/topics/ours".to_owned());
        assert_eq!(dead_topic(&config, &own).unwrap(), "projects/p/topics/ours");
        assert_eq!(
            kept("projects/p/topics/ours"),
            "projects/p/subscriptions/ours-kept"
        );
    }
}
