//! Messages as Pub/Sub carries them.

use crate::message::Message;
use google_cloud_pubsub::model;
use std::time::SystemTime;

/// Prefix of the attributes that are added to dead letters.
pub(super) const OURS: &str = "framemill-";
pub(super) const REASON: &str = "framemill-reason";
pub(super) const ATTEMPTS: &str = "framemill-attempts";
pub(super) const SUBSCRIPTION: &str = "framemill-subscription";
pub(super) const PUBLISHED: &str = "framemill-published";

/// The message that every source gives, from a message of the service.
pub(super) fn received(
    original: &model::Message,
    published: SystemTime,
    attempt: u32,
    subscription: &str,
) -> Message {
    Message {
        id: original.message_id.clone(),
        attributes: original.attributes.clone().into_iter().collect(),
        data: original.data.clone(),
        published,
        attempt,
        subscription: subscription.to_owned(),
    }
}

/// A timestamp of the service; 1970 where it gives none.
pub(super) fn time<T: TryInto<SystemTime>>(stamp: Option<T>) -> SystemTime {
    stamp
        .and_then(|stamp| stamp.try_into().ok())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
