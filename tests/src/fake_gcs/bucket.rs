//! What lies in the buckets, and what may be done with it.

use super::request::{Target, Upload};
use super::{Inner, Stored};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

/// The account that all requests come from.
const ACCOUNT: &str = "mill@test-project.iam.gserviceaccount.com";

/// A refusal: status and message.
pub(super) type Refusal = (u16, String);

pub(super) fn crc32c(bytes: &[u8]) -> String {
    BASE64.encode(crc32c::crc32c(bytes).to_be_bytes())
}

pub(super) fn resource(bucket: &str, name: &str, object: &Stored) -> Value {
    json!({
        "kind": "storage#object",
        "name": name,
        "bucket": bucket,
        "generation": object.generation.to_string(),
        "metageneration": "1",
        "size": object.bytes.len().to_string(),
        "contentType": object.content_type,
        "metadata": object.metadata,
        "crc32c": crc32c(&object.bytes),
        "updated": "2026-11-22T12:00:00.000Z",
    })
}

fn missing(target: &Target) -> Refusal {
    let name = format!("{}/{}", target.bucket, target.object);
    (404, format!("No such object: {name}"))
}

impl Inner {
    pub(super) fn store(&mut self, bucket: &str, name: &str, mut object: Stored) -> &Stored {
        self.writes += 1;
        object.generation = 1_760_000_000_000_000 + self.writes;
        let objects = self.buckets.get_mut(bucket).unwrap();
        objects.insert(name.to_owned(), object);
        &objects[name]
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
            _ => Err((401, "Invalid Credentials".to_owned())),
        }
    }

    pub(super) fn permit(&self, permission: &str, what: &str) -> Result<(), Refusal> {
        if self.denied.contains(permission) {
            return Err((
                403,
                format!(
                    "{ACCOUNT} does not have {permission} access to the Google Cloud Storage {what}. Permission '{permission}' denied on resource (or it may not exist)."
                ),
            ));
        }
        Ok(())
    }

    /// The object that is asked for, in the generation that is asked for.
    pub(super) fn find(&self, target: &Target) -> Result<&Stored, Refusal> {
        self.permit("storage.objects.get", "object")?;
        let object = self.buckets.get(&target.bucket);
        let object = object.and_then(|objects| objects.get(&target.object));
        let object = object.ok_or_else(|| missing(target))?;
        match target.number("generation") {
            Some(wanted) if wanted != object.generation => Err(missing(target)),
            _ => Ok(object),
        }
    }

    fn check_generation(&self, target: &Target, name: &str) -> Result<(), Refusal> {
        let objects = self.buckets.get(&target.bucket);
        let objects = objects.ok_or((404, "The specified bucket does not exist.".to_owned()))?;
        let current = objects.get(name).map_or(0, |object| object.generation);
        match target.number("ifGenerationMatch") {
            Some(wanted) if wanted != current => Err((
                412,
                "At least one of the pre-conditions you specified did not hold.".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn upload(&mut self, target: &Target, upload: Upload) -> Result<Value, Refusal> {
        self.permit("storage.objects.create", "object")?;
        self.check_generation(target, &upload.name)?;
        let crc = crc32c(&upload.bytes);
        if let Some(given) = &upload.crc32c
            && *given != crc
        {
            return Err((
                400,
                format!("Provided CRC32C \"{given}\" doesn't match calculated CRC32C \"{crc}\"."),
            ));
        }
        let object = Stored {
            bytes: upload.bytes,
            generation: 0,
            content_type: upload.content_type,
            metadata: upload.metadata,
        };
        let stored = self.store(&target.bucket, &upload.name, object);
        Ok(resource(&target.bucket, &upload.name, stored))
    }

    pub(super) fn delete(&mut self, target: &Target) -> Result<(), Refusal> {
        self.permit("storage.objects.delete", "object")?;
        let objects = self.buckets.get(&target.bucket);
        if objects.is_none_or(|objects| !objects.contains_key(&target.object)) {
            return Err(missing(target));
        }
        self.check_generation(target, &target.object)?;
        self.writes += 1;
        if let Some(objects) = self.buckets.get_mut(&target.bucket) {
            objects.remove(&target.object);
        }
        Ok(())
    }

    pub(super) fn list(&self, target: &Target) -> Result<Value, Refusal> {
        self.permit("storage.objects.list", "bucket")?;
        let objects = self.buckets.get(&target.bucket);
        let objects = objects.ok_or((404, "The specified bucket does not exist.".to_owned()))?;
        let prefix = target.query("prefix").unwrap_or_default();
        let start = target.query("startOffset").unwrap_or_default();
        let token = target.query("pageToken").unwrap_or_default();
        let after = BASE64.decode(token).unwrap();
        let after = String::from_utf8(after).unwrap();
        let asked = target.number("maxResults").unwrap_or(1000);
        let page = usize::try_from(asked)
            .unwrap()
            .min(self.page.unwrap_or(1000));
        let mut found = objects
            .iter()
            .filter(|(name, _)| name.starts_with(prefix) && ***name >= *start && **name > after);
        let items: Vec<_> = found.by_ref().take(page).collect();
        let mut answer = json!({ "kind": "storage#objects" });
        if let (Some((last, _)), Some(_)) = (items.last(), found.next()) {
            answer["nextPageToken"] = BASE64.encode(last).into();
        }
        if !items.is_empty() {
            let items = items.into_iter();
            let items = items.map(|(name, object)| resource(&target.bucket, name, object));
            answer["items"] = items.collect();
        }
        Ok(answer)
    }

    pub(super) fn permissions(&self, target: &Target) -> Value {
        let asked = target.all("permissions");
        let granted: Vec<_> = asked.filter(|name| !self.denied.contains(*name)).collect();
        let mut answer = json!({ "kind": "storage#testIamPermissionsResponse" });
        if !granted.is_empty() {
            answer["permissions"] = granted.into();
        }
        answer
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
