//! The GCS JSON API, answered in process.

use super::access::Access;
use super::body::{Body, BodyError};
use super::error::StoreError;
use super::store::{ByteStream, NewObject, ObjectMeta, Store};
use super::{multipart, reply};
use async_trait::async_trait;
use framemill_contract::SizeLimits;
use framemill_gcs_api::{
    self as api, Get, Insert, List, Listing, Operation, RangeSpec, RequestError, UploadMetadata,
    UploadType,
};
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::sync::Arc;

const PAGE: usize = 1000;

/// An object that was written through the gateway.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// Bytes.
    pub size: u64,
}

/// Answers requests to the GCS JSON API.
#[async_trait]
pub trait ObjectsApi: Send + Sync {
    /// Answers one request. `about` names the object that the component works on; `written` is
    /// called with each object that was written.
    async fn handle(
        &self,
        request: Request<Body>,
        about: &str,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body>;
}

/// Answers requests to the GCS JSON API from [`Store`]s.
pub struct Gateway {
    buckets: HashMap<String, Arc<dyn Store>>,
    access: Access,
    /// What may be written about the object with this name, beside what `access` allows.
    own: OwnAccess,
    limits: SizeLimits,
}

/// Whether work on an object (the first name) may write another.
pub type OwnAccess = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

impl Gateway {
    /// Over these buckets, with the limits that components keep who are told no others.
    pub fn new(buckets: HashMap<String, Arc<dyn Store>>, access: Access) -> Self {
        Self {
            buckets,
            access,
            limits: SizeLimits::STANDARD,
            own: Box::new(|_, _| false),
        }
    }

    /// The same, where work on an object may write what `own` says as well.
    #[must_use]
    pub fn with_own(self, own: OwnAccess) -> Self {
        Self { own, ..self }
    }

    /// Whether work on an object may write this name.
    fn check_write(&self, about: &str, name: &str) -> Result<(), StoreError> {
        match (self.own)(about, name) {
            true => Ok(()),
            false => self.access.check(name, true),
        }
    }

    /// With these limits, of which components must be told.
    #[must_use]
    pub fn with_limits(self, limits: SizeLimits) -> Self {
        Self { limits, ..self }
    }
}

#[async_trait]
impl ObjectsApi for Gateway {
    async fn handle(
        &self,
        request: Request<Body>,
        about: &str,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body> {
        match self.answer(request, about, written).await {
            Ok(response) => response,
            Err(error) => {
                if matches!(
                    error,
                    StoreError::Io { .. }
                        | StoreError::Corrupt { .. }
                        | StoreError::Forbidden(_)
                        | StoreError::Denied { .. }
                ) {
                    tracing::warn!(%error, "object request failed");
                }
                reply::error(&error)
            }
        }
    }
}

impl Gateway {
    async fn answer(
        &self,
        request: Request<Body>,
        about: &str,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Result<Response<Body>, StoreError> {
        let call = api::Request::parse(request.method(), request.uri()).map_err(refused)?;
        let bucket = call.bucket();
        let store = self.buckets.get(bucket);
        let store = store.ok_or_else(|| StoreError::NotFound {
            name: format!("bucket {bucket}"),
        })?;
        match call.operation() {
            Operation::Insert(insert) => {
                let upload = Upload::of(insert, request).await?;
                self.check_write(about, &upload.name)?;
                let most = self.limits.object;
                let meta = upload.write(store.as_ref(), insert, most).await?;
                written(Written {
                    name: meta.name.clone(),
                    generation: meta.generation,
                    size: meta.size,
                });
                Ok(reply::json(StatusCode::OK, &reply::resource(bucket, &meta)))
            }
            Operation::List(list) => self.list(store.as_ref(), bucket, list).await,
            Operation::Metadata(get) => {
                self.access.check(&get.object, false)?;
                metadata(store.as_ref(), bucket, get).await
            }
            Operation::Media(get) => {
                self.access.check(&get.object, false)?;
                let range = RangeSpec::from_headers(request.headers());
                media(store.as_ref(), get, range).await
            }
            Operation::Delete {
                object,
                precondition,
            } => {
                self.check_write(about, object)?;
                store.delete(object, *precondition).await?;
                Ok(reply::empty())
            }
            Operation::TestPermissions(_) | Operation::Notifications => Err(refused(
                RequestError::UnknownResource(request.uri().path().to_owned()),
            )),
        }
    }

    async fn list(
        &self,
        store: &dyn Store,
        bucket: &str,
        list: &List,
    ) -> Result<Response<Body>, StoreError> {
        let prefix = list.prefix.as_str();
        self.access.check(prefix, false)?;
        let delimiter = list.delimiter.as_deref();
        let page = match list.max_results {
            Some(0) | None => PAGE,
            Some(most) => usize::try_from(most).unwrap_or(PAGE).min(PAGE),
        };
        let mut after = list.page_token.clone().unwrap_or_default();
        let mut answer = Listing::default();
        'pages: loop {
            let found = store.list(prefix, Some(&after), PAGE).await?;
            let last_page = found.len() < PAGE;
            for meta in found {
                let folder = delimiter.and_then(|text| folder_of(&meta.name, prefix, text));
                let inside = folder.is_some() && answer.prefixes.last() == folder.as_ref();
                // A page token may lie inside a folder that the page before has named.
                let named = folder.as_ref().is_some_and(|folder| {
                    let token = list.page_token.as_deref();
                    token.is_some_and(|token| token.starts_with(folder.as_str()))
                });
                if !inside && !named {
                    if answer.items.len().saturating_add(answer.prefixes.len()) >= page {
                        answer.next_page_token = Some(after);
                        break 'pages;
                    }
                    match folder {
                        Some(folder) => answer.prefixes.push(folder),
                        None => answer.items.push(reply::resource(bucket, &meta)),
                    }
                }
                after = meta.name;
            }
            if last_page {
                break;
            }
        }
        Ok(reply::json(StatusCode::OK, &answer))
    }
}

/// An object on its way to a store.
struct Upload {
    name: String,
    object: NewObject,
    bytes: ByteStream,
}

impl Upload {
    async fn of(insert: &Insert, request: Request<Body>) -> Result<Self, StoreError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        let body = byte_stream(request.into_body());
        let (given, bytes) = match insert.upload {
            UploadType::Multipart => multipart::read(&kind, body).await?,
            UploadType::Media => {
                let given = UploadMetadata {
                    content_type: Some(kind).filter(|kind| !kind.is_empty()),
                    ..UploadMetadata::default()
                };
                (given, body)
            }
        };
        Ok(Self {
            name: insert.object_name(&given).map_err(refused)?,
            object: NewObject {
                content_type: given.content_type,
                crc32c: given.crc32c.map(|checksum| checksum.0),
                metadata: given.metadata,
            },
            bytes,
        })
    }

    async fn write(
        self,
        store: &dyn Store,
        insert: &Insert,
        most: u64,
    ) -> Result<ObjectMeta, StoreError> {
        let (precondition, bytes) = (insert.precondition, at_most(self.bytes, most));
        store
            .write(&self.name, precondition, self.object, bytes)
            .await
    }
}

/// `a/b/` for the name `a/b/c` below the prefix `a/`.
fn folder_of(name: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let below = name.strip_prefix(prefix)?;
    let end = below.find(delimiter)?.saturating_add(delimiter.len());
    Some(format!("{prefix}{}", below.get(..end)?))
}

async fn metadata(
    store: &dyn Store,
    bucket: &str,
    get: &Get,
) -> Result<Response<Body>, StoreError> {
    let meta = store.head(&get.object).await?;
    if get
        .generation
        .is_some_and(|wanted| wanted != meta.generation)
    {
        return Err(StoreError::NotFound {
            name: get.object.clone(),
        });
    }
    check(get, meta.generation)?;
    let resource = reply::resource(bucket, &meta);
    Ok(reply::json(StatusCode::OK, &resource))
}

async fn media(
    store: &dyn Store,
    get: &Get,
    range: RangeSpec,
) -> Result<Response<Body>, StoreError> {
    let reading = store.read(&get.object, get.generation, range).await?;
    check(get, reading.meta.generation)?;
    Ok(reply::media(reading, range != RangeSpec::Whole))
}

/// Whether an object of this generation is one that was asked for.
fn check(get: &Get, generation: i64) -> Result<(), StoreError> {
    match get.precondition.holds(generation) {
        true => Ok(()),
        false => Err(StoreError::PreconditionFailed {
            name: get.object.clone(),
        }),
    }
}

/// The error of a request that cannot be read.
fn refused(error: RequestError) -> StoreError {
    match error {
        RequestError::UnknownResource(path) => StoreError::NotFound {
            name: format!("resource {path}"),
        },
        error => StoreError::Invalid(error.to_string()),
    }
}

fn over(what: &str, limit: u64) -> StoreError {
    StoreError::TooLarge(format!(
        "{what} is over {limit} bytes, the limit of this host"
    ))
}

/// An object's bytes; where there are more, they end with an error.
fn at_most(bytes: ByteStream, most: u64) -> ByteStream {
    let mut left = most;
    let checked = bytes.map(move |chunk| {
        let chunk = chunk?;
        let length = chunk.len() as u64;
        left = left
            .checked_sub(length)
            .ok_or_else(|| over("object", most))?;
        Ok(chunk)
    });
    checked.boxed()
}

/// A request's body as the stores take it.
fn byte_stream(body: Body) -> ByteStream {
    body.into_data_stream()
        .map_err(|error| match error {
            BodyError::TooLarge { limit } => over("request body", limit),
            BodyError::Ended(reason) => {
                StoreError::Invalid(format!("request body broke off: {reason}"))
            }
        })
        .boxed()
}
