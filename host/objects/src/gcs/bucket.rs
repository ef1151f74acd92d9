//! One bucket: the calls about its objects, and what their failures mean.

use super::resource;
use super::transport::{Call, Failure, Transport};
use crate::error::StoreError;
use crate::store::ObjectMeta;
use framemill_gcs_api::{Get, List, Listing, Object, Operation, Precondition, Request};
use std::io;

/// Most objects on a page of a list.
const PAGE: usize = 1000;

/// A bucket and the connection to it.
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) transport: Transport,
}

impl Bucket {
    /// The URL of an object, for messages.
    pub(super) fn url(&self, name: &str) -> String {
        format!("gs://{}/{name}", self.name)
    }

    /// The call that asks for this, about the object `name`.
    pub(super) fn call(&self, name: &str, operation: Operation) -> Result<Call, StoreError> {
        let request = Request::new(&self.name, operation);
        let request =
            request.map_err(|error| StoreError::Invalid(format!("{error}: {}", self.url(name))))?;
        Ok(Call::of(&request))
    }

    pub(super) fn error(&self, what: &'static str, name: &str, failure: Failure) -> StoreError {
        let url = self.url(name);
        let (status, message) = match &failure {
            Failure::Status {
                status, message, ..
            } => (status, message),
            Failure::Connection(_) => return io_error(what, url, failure),
            Failure::Credentials(_) => {
                return StoreError::Forbidden(format!("{what}: {failure}: {url}"));
            }
        };
        match status.as_u16() {
            404 => StoreError::NotFound { name: url },
            412 => StoreError::PreconditionFailed { name: url },
            400 => StoreError::Invalid(format!("{what}: {message}: {url}")),
            413 => StoreError::TooLarge(format!("{what}: {message}: {url}")),
            401 | 403 => StoreError::Forbidden(format!(
                "{what}: Google Cloud Storage refuses ({status}): {message}: {url}"
            )),
            _ => io_error(what, url, failure),
        }
    }

    pub(super) async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        let call = self.call(name, Operation::Metadata(Get::of(name)))?;
        let object: Result<Object, _> = self.transport.json(&call).await;
        let object = object.map_err(|failure| self.error("look up", name, failure))?;
        Ok(resource::meta(object))
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = Vec::new();
        let mut list = List {
            prefix: prefix.to_owned(),
            start_offset: Some(after.to_owned()).filter(|after| !after.is_empty()),
            ..List::default()
        };
        while found.len() < limit {
            // The start is inclusive, so one may be dropped.
            let missing = limit.saturating_sub(found.len()).saturating_add(1);
            list.max_results = Some(missing.min(PAGE) as u64);
            let call = self.call(prefix, Operation::List(list.clone()))?;
            let page: Result<Listing, _> = self.transport.json(&call).await;
            let page = page.map_err(|failure| match self.error("list", prefix, failure) {
                StoreError::NotFound { .. } => StoreError::NotFound {
                    name: format!("bucket gs://{}", self.name),
                },
                error => error,
            })?;
            let objects = page.items.into_iter().map(resource::meta);
            found.extend(objects.filter(|meta| *meta.name > *after));
            list.page_token = page.next_page_token;
            if list.page_token.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Deletes an object. Where a retry finds none, an earlier attempt has deleted it.
    pub(super) async fn delete(
        &self,
        name: &str,
        precondition: Precondition,
    ) -> Result<(), StoreError> {
        let delete = Operation::Delete {
            object: name.to_owned(),
            precondition,
        };
        let call = self.call(name, delete)?;
        match self.transport.send(&call).await {
            Ok(_) => Ok(()),
            Err(Failure::Status {
                status: http::StatusCode::NOT_FOUND,
                after_indeterminate: true,
                ..
            }) => Ok(()),
            Err(failure) => Err(self.error("delete", name, failure)),
        }
    }
}

pub(super) fn io_error(
    what: &'static str,
    name: String,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Io {
        what,
        name,
        source: io::Error::other(problem),
    }
}
