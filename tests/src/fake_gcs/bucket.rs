//! What may be done with what lies in the buckets.

use super::request::Upload;
use super::state::Inner;
use axum::http::StatusCode;
use framemill_gcs_api::memory::{self, Bucket, Stored};
use framemill_gcs_api::{Crc32c, Get, List, Listing, Object, Permissions, Precondition};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

/// The account that all requests come from.
const ACCOUNT: &str = "mill@test-project.iam.gserviceaccount.com";
/// Sunday, 22 November 2026, 12:00: all is written then.
const WRITTEN: u64 = 1_795_348_800;

/// A refusal: status and message.
pub(super) type Refusal = (StatusCode, String);

fn refusal(refusal: memory::Refusal, bucket: &str, name: &str) -> Refusal {
    let message = match refusal {
        memory::Refusal::NotFound => format!("{refusal}: {bucket}/{name}"),
        _ => refusal.to_string(),
    };
    (refusal.status(), message)
}

impl Inner {
    /// Places an object; says when and in which generation.
    pub(super) fn store(&mut self, bucket: &str, name: &str, mut object: Stored) -> i64 {
        self.writes += 1;
        object.generation = 1_760_000_000_000_000 + self.writes;
        object.updated = Some(UNIX_EPOCH + Duration::from_secs(WRITTEN));
        let generation = object.generation;
        self.buckets.get_mut(bucket).unwrap().put(name, object);
        generation
    }

    /// Checks the bearer token and counts its use.
    pub(super) fn authenticate(&mut self, token: Option<&str>) -> Result<(), Refusal> {
        let Some(tokens) = &mut self.tokens else {
            return Ok(());
        };
        match token.and_then(|token| tokens.get_mut(token)) {
            Some(uses) if *uses > 0 => {
                *uses -= 1;
                Ok(())
            }
            _ => Err((StatusCode::UNAUTHORIZED, "Invalid Credentials".to_owned())),
        }
    }

    pub(super) fn permit(&self, permission: &str, what: &str) -> Result<(), Refusal> {
        if self.denied.contains(permission) {
            return Err((
                StatusCode::FORBIDDEN,
                format!(
                    "{ACCOUNT} does not have {permission} access to the Google Cloud Storage {what}. Permission '{permission}' denied on resource (or it may not exist)."
                ),
            ));
        }
        Ok(())
    }

    fn bucket(&self, bucket: &str) -> Result<&Bucket, Refusal> {
        self.buckets.get(bucket).ok_or_else(|| {
            let message = "The specified bucket does not exist.".to_owned();
            (StatusCode::NOT_FOUND, message)
        })
    }

    /// The object that is asked for, in the generation that is asked for.
    pub(super) fn find(&self, bucket: &str, get: &Get) -> Result<&Stored, Refusal> {
        self.permit("storage.objects.get", "object")?;
        let refused = |it| refusal(it, bucket, &get.object);
        let objects = self.bucket(bucket)?;
        let found = objects.find(&get.object, get.generation).map_err(refused)?;
        let holds = objects.check(&get.object, get.precondition);
        holds.map_err(refused).map(|()| found)
    }

    pub(super) fn upload(
        &mut self,
        bucket: &str,
        precondition: Precondition,
        upload: Upload,
    ) -> Result<Object, Refusal> {
        self.permit("storage.objects.create", "object")?;
        let Upload {
            name,
            metadata,
            bytes,
        } = upload;
        let holds = self.bucket(bucket)?.check(&name, precondition);
        holds.map_err(|it| refusal(it, bucket, &name))?;
        let crc = Crc32c::of(&bytes);
        if let Some(given) = metadata.crc32c
            && given != crc
        {
            return Err((
                StatusCode::BAD_REQUEST,
                format!("Provided CRC32C \"{given}\" doesn't match calculated CRC32C \"{crc}\"."),
            ));
        }
        let object = Stored {
            bytes,
            generation: 0,
            content_type: metadata.content_type.unwrap_or_default(),
            metadata: metadata.metadata,
            updated: None,
        };
        self.store(bucket, &name, object);
        let stored = self.bucket(bucket)?.get(&name).unwrap();
        Ok(stored.resource(bucket, &name))
    }

    pub(super) fn delete(
        &mut self,
        bucket: &str,
        name: &str,
        precondition: Precondition,
    ) -> Result<(), Refusal> {
        self.permit("storage.objects.delete", "object")?;
        self.bucket(bucket)?;
        let objects = self.buckets.get_mut(bucket).unwrap();
        let deleted = objects.delete(name, precondition);
        deleted.map_err(|it| refusal(it, bucket, name))?;
        self.writes += 1;
        Ok(())
    }

    pub(super) fn list(&self, bucket: &str, list: &List) -> Result<Listing, Refusal> {
        self.permit("storage.objects.list", "bucket")?;
        let page = self.bucket(bucket)?.list(bucket, list, self.page);
        page.map_err(|it| refusal(it, bucket, &list.prefix))
    }

    pub(super) fn permissions(&self, asked: &[String]) -> Permissions {
        let granted = asked.iter().filter(|name| !self.denied.contains(*name));
        Permissions {
            permissions: granted.cloned().collect(),
        }
    }

    pub(super) fn notifications(&self) -> Result<Value, Refusal> {
        self.permit("storage.buckets.get", "bucket")?;
        let mut answer = json!({ "kind": "storage#notifications" });
        if !self.notifications.is_empty() {
            answer["items"] = self.notifications.clone().into();
        }
        Ok(answer)
    }
}
