//! The clients of one endpoint, and what their errors mean.

use crate::error::SourceError;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_pubsub::Error;
use google_cloud_pubsub::client::{
    BasePublisher, Publisher, Subscriber, SubscriptionAdmin, TopicAdmin,
};
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use std::time::Duration;

/// Longest time of one call.
pub(super) const RPC_DEADLINE: Duration = Duration::from_secs(30);

/// `projects/P/<kind>/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) project: String,
    pub(super) id: String,
}

impl Name {
    pub(super) fn parse(full: &str, kind: &str) -> Result<Self, SourceError> {
        let parts: Vec<&str> = full.split('/').collect();
        match parts.as_slice() {
            ["projects", project, found, id]
                if *found == kind && !project.is_empty() && !id.is_empty() =>
            {
                Ok(Self {
                    project: (*project).to_owned(),
                    id: (*id).to_owned(),
                })
            }
            _ => Err(SourceError::Configuration(format!(
                "not a full name: write projects/PROJECT/{kind}/NAME instead of: {full}"
            ))),
        }
    }

    /// As arguments of gcloud's commands: `ID --project=P`.
    pub(super) fn for_gcloud(full: &str) -> String {
        let parts: Vec<&str> = full.split('/').collect();
        match parts.as_slice() {
            [_, project, _, id] => format!("{id} --project={project}"),
            _ => full.to_owned(),
        }
    }
}

/// The command that grants a role on a topic.
pub(super) fn grant_topic(topic: &str, role: &str) -> String {
    let name = Name::for_gcloud(topic);
    format!(
        "gcloud pubsub topics add-iam-policy-binding {name} --member=serviceAccount:ACCOUNT --role={role}"
    )
}

/// The command that grants a role on a subscription.
pub(super) fn grant_subscription(subscription: &str, role: &str) -> String {
    let name = Name::for_gcloud(subscription);
    format!(
        "gcloud pubsub subscriptions add-iam-policy-binding {name} --member=serviceAccount:ACCOUNT --role={role}"
    )
}

/// One client of each kind.
pub(super) struct Clients {
    pub(super) topics: TopicAdmin,
    pub(super) subscriptions: SubscriptionAdmin,
    pub(super) subscriber: Subscriber,
    pub(super) publisher: BasePublisher,
}

impl Clients {
    /// For an emulator at `host:port`, or for Google Cloud with application default
    /// credentials. Connects with the first call.
    pub(super) async fn connect(emulator: Option<&str>) -> Result<Self, SourceError> {
        framemill_support::net::install_tls();
        let unbuilt = |error: google_cloud_gax::client_builder::Error| {
            SourceError::Configuration(format!(
                "no Pub/Sub client ({error}): run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
            ))
        };
        let mut topics = TopicAdmin::builder();
        let mut subscriptions = SubscriptionAdmin::builder();
        let mut subscriber = Subscriber::builder();
        let mut publisher = BasePublisher::builder()
            .with_retry_policy(RetryableErrors.with_time_limit(RPC_DEADLINE));
        if let Some(host) = emulator {
            let endpoint = match host.contains("://") {
                true => host.to_owned(),
                false => format!("http://{host}"),
            };
            let anyone = anonymous::Builder::new().build();
            topics = topics
                .with_endpoint(&endpoint)
                .with_credentials(anyone.clone());
            subscriptions = subscriptions
                .with_endpoint(&endpoint)
                .with_credentials(anyone.clone());
            subscriber = subscriber
                .with_endpoint(&endpoint)
                .with_credentials(anyone.clone());
            publisher = publisher.with_endpoint(&endpoint).with_credentials(anyone);
        }
        Ok(Self {
            topics: topics.build().await.map_err(unbuilt)?,
            subscriptions: subscriptions.build().await.map_err(unbuilt)?,
            subscriber: subscriber.build().await.map_err(unbuilt)?,
            publisher: publisher.build().await.map_err(unbuilt)?,
        })
    }
}

/// What an error of the service means to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The resource is not there.
    Missing(String),
    /// No permission, or no valid credentials.
    Denied(String),
    /// It is there already.
    Exists,
    /// The service cannot do this with this resource.
    Refused(String),
    /// Trying again may help.
    Unreachable(String),
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        let Some(status) = error.status() else {
            let reason = error.to_string();
            return match error.is_authentication() && !error.is_transient_and_before_rpc() {
                true => Self::Denied(reason),
                false => Self::Unreachable(reason),
            };
        };
        let reason = status.message.clone();
        match status.code {
            Code::NotFound => Self::Missing(reason),
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied(reason),
            Code::AlreadyExists => Self::Exists,
            Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::OutOfRange
            | Code::Unimplemented => Self::Refused(reason),
            _ => Self::Unreachable(format!("{:?}: {reason}", status.code)),
        }
    }

    /// As an error about `what`; `remedy` is the command that fixes a lack of permission.
    pub(super) fn into_error(self, what: String, remedy: &str) -> SourceError {
        SourceError::Configuration(match self {
            Self::Unreachable(reason) => return SourceError::Unreachable { what, reason },
            Self::Missing(_) => format!("{what}: does not exist"),
            Self::Denied(reason) => format!("{what}: not allowed ({reason}): run {remedy}"),
            Self::Exists => format!("{what}: exists already"),
            Self::Refused(reason) => format!("{what}: refused: {reason}"),
        })
    }
}

/// Waits for a call, for [`RPC_DEADLINE`] at most.
pub(super) async fn call<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
    match tokio::time::timeout(RPC_DEADLINE, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Fault::of(&error)),
        Err(_) => Err(Fault::Unreachable(format!(
            "no answer within {} s",
            RPC_DEADLINE.as_secs()
        ))),
    }
}

/// Publishes and waits until the server has it.
pub(super) async fn publish(
    publisher: &Publisher,
    topic: &str,
    message: Message,
) -> Result<(), SourceError> {
    let what = format!("publishing to {topic}");
    match tokio::time::timeout(RPC_DEADLINE, publisher.publish(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(PublishError::Rpc(error))) => {
            let role = "roles/pubsub.publisher";
            Err(Fault::of(&error).into_error(what, &grant_topic(topic, role)))
        }
        Ok(Err(error)) => Err(SourceError::Unreachable {
            what,
            reason: error.to_string(),
        }),
        Err(_) => Err(SourceError::Unreachable {
            what,
            reason: format!("no answer within {} s", RPC_DEADLINE.as_secs()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_full() {
        let name = Name::parse("projects/p/subscriptions/s", "subscriptions").unwrap();
        assert_eq!((name.project.as_str(), name.id.as_str()), ("p", "s"));
        for wrong in ["s", "projects/p/topics/s", "projects//subscriptions/s", ""] {
            let error = Name::parse(wrong, "subscriptions").unwrap_err();
            assert!(error.to_string().contains("projects/PROJECT/"), "{error}");
        }
    }
}
