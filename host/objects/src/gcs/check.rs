//! What `framemill check` asks Google.

use super::bucket::Bucket;
use super::transport::{Failure, HOW_TO_LOG_IN};
use crate::access::Access;
use crate::check;
use crate::error::StoreError;
use crate::store::{Notification, Store};
use framemill_gcs_api::{NotificationConfig, Notifications, Operation, Permissions};
use framemill_support::finding::Finding;

const LIST: &str = "storage.objects.list";
const GET: &str = "storage.objects.get";
const CREATE: &str = "storage.objects.create";
const DELETE: &str = "storage.objects.delete";

impl Bucket {
    /// Whether objects may be created and deleted anywhere in the bucket. Where not, they may
    /// still be below some prefixes (conditions, managed folders); emulators do not answer.
    async fn may_write(&self) -> bool {
        let asked = Operation::TestPermissions([CREATE, DELETE].map(str::to_owned).to_vec());
        let Ok(call) = self.call("", asked) else {
            return false;
        };
        let granted: Result<Permissions, _> = self.transport.json(&call).await;
        granted.is_ok_and(|granted| {
            [CREATE, DELETE]
                .iter()
                .all(|wanted| granted.permissions.iter().any(|granted| granted == wanted))
        })
    }

    fn remedy(&self, error: &StoreError) -> String {
        let bucket = &self.name;
        match error {
            StoreError::NotFound { .. } => format!(
                "see that the bucket's name is right, or create it: gcloud storage buckets create gs://{bucket}"
            ),
            StoreError::Forbidden(message) => remedy_for(message, bucket),
            _ => format!("see that Google answers: gcloud storage ls gs://{bucket}"),
        }
    }
}

/// What to do about a refusal, from Google's words: they name the account and the permission.
fn remedy_for(message: &str, bucket: &str) -> String {
    if message.contains(HOW_TO_LOG_IN) {
        // It says so itself.
        return String::new();
    }
    let named = |permission: &&str| message.contains(*permission);
    let Some(permission) = [LIST, GET, CREATE, DELETE].into_iter().find(named) else {
        return HOW_TO_LOG_IN.to_owned();
    };
    let role = match permission {
        LIST | GET => "roles/storage.objectViewer",
        _ => "roles/storage.objectUser",
    };
    let member = message
        .split_whitespace()
        .find(|word| word.contains('@'))
        .map_or("serviceAccount:ACCOUNT".to_owned(), |account| {
            let kind = if account.ends_with(".gserviceaccount.com") {
                "serviceAccount"
            } else {
                "user"
            };
            format!("{kind}:{account}")
        });
    format!(
        "grant {permission}: gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={member} --role={role}"
    )
}

/// Checks a bucket through its `store`; asks for permissions instead of writing where it can.
pub(super) async fn check(store: &dyn Store, bucket: &Bucket, access: &Access) -> Vec<Finding> {
    let url = format!("gs://{}", bucket.name);
    let remedy = |error: &StoreError| bucket.remedy(error);
    if access.write.is_empty() || !bucket.may_write().await {
        return check::check(store, &url, access, &remedy).await;
    }
    let mut findings = check::readable(store, &url, access, &remedy).await;
    findings.extend(access.write.iter().map(|prefix| {
        Finding::good(
            format!("{url}/{prefix}"),
            "objects may be created and deleted",
        )
    }));
    findings
}

/// Which topics are notified of which events; `None` where the server has no notifications.
pub(super) async fn notifications(
    bucket: &Bucket,
) -> Result<Option<Vec<Notification>>, StoreError> {
    let call = bucket.call("", Operation::Notifications)?;
    let listed: Result<Notifications, _> = bucket.transport.json(&call).await;
    match listed {
        Ok(listed) => Ok(Some(listed.items.into_iter().map(Into::into).collect())),
        Err(Failure::Status { status, .. }) if matches!(status.as_u16(), 404 | 405 | 501) => {
            Ok(None)
        }
        Err(failure) => Err(bucket.error("list notifications", "", failure)),
    }
}

impl From<NotificationConfig> for Notification {
    fn from(config: NotificationConfig) -> Self {
        Self {
            topic: config.topic_name().to_owned(),
            event_types: config.event_types,
            prefix: config.object_name_prefix,
            payload_format: config.payload_format,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_become_commands() {
        for (message, expected) in [
            (
                "mill@p.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.",
                "grant storage.objects.create: gcloud storage buckets add-iam-policy-binding gs://b --member=serviceAccount:mill@p.iam.gserviceaccount.com --role=roles/storage.objectUser",
            ),
            (
                "eve@example.com does not have storage.objects.list access",
                "grant storage.objects.list: gcloud storage buckets add-iam-policy-binding gs://b --member=user:eve@example.com --role=roles/storage.objectViewer",
            ),
            ("Invalid Credentials", HOW_TO_LOG_IN),
            (
                &format!("no Google credentials (away): {HOW_TO_LOG_IN}"),
                "",
            ),
        ] {
            assert_eq!(remedy_for(message, "b"), expected);
        }
    }
}
