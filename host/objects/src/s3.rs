//! A bucket of S3, or of a server with its API (MinIO, Ceph, R2).
//!
//! S3 has no numeric generations: a generation here is a hash of the ETag, so writing the same
//! bytes again leaves it as it is. What is uploaded is checked by S3 against the SHA-256 in the
//! request's signature; S3 gives no checksum that could be compared when reading.

use super::access::Access;
use super::aws_profile::Profile;
use super::check;
use super::collect::collect;
use super::content_type;
use super::error::StoreError;
use super::store::{ByteStream, NewObject, ObjectMeta, Reading, Store};
use framemill_gcs_api::{Precondition, RangeSpec};
use framemill_support::finding::Finding;
use framemill_support::net;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientConfigKey, Error, GetOptions, GetRange, ObjectStore,
    ObjectStoreExt, PutMode, PutOptions, UpdateVersion,
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Most objects on a page of a list.
const PAGE: usize = 1000;
/// Most objects whose ETag is remembered.
const MOST_KNOWN: usize = 1024;
/// How often an object may change between its lookup and its read.
const MOST_CHANGES: usize = 3;
const READ: &str = "read";
const WRITE: &str = "write";

/// Where a bucket is; what is missing here comes from the usual AWS variables and files.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// URL of a server that is not Amazon's; `http://` is allowed here.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Whether the bucket's name is part of the host name, not of the path.
    pub virtual_host: bool,
}

/// A bucket of S3.
pub struct S3Store {
    name: String,
    store: AmazonS3,
    /// Known objects by name: a read of a generation needs its ETag.
    known: Mutex<HashMap<String, Known>>,
}

/// An object and the tag that S3 knows it by.
#[derive(Clone)]
struct Known {
    meta: ObjectMeta,
    etag: String,
}

impl S3Store {
    /// With the credentials of the environment: variables, profile files, web identity,
    /// container or instance.
    ///
    /// # Errors
    /// Where the settings do not fit together.
    pub fn open(bucket: &str, options: &S3Options) -> Result<Self, Error> {
        let mut builder = Profile::load().apply(AmazonS3Builder::from_env());
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if let Some(region) = &options.region {
            builder = builder.with_region(region);
        }
        if options.virtual_host {
            builder = builder.with_virtual_hosted_style_request(true);
        }
        Self::with(bucket, builder)
    }

    /// With credentials and endpoint from a builder.
    ///
    /// # Errors
    /// Where the settings do not fit together.
    pub fn with(bucket: &str, mut builder: AmazonS3Builder) -> Result<Self, Error> {
        net::install_tls();
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        let endpoint = endpoint
            .iter()
            .find_map(|key| builder.get_config_value(key));
        if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
            builder = builder.with_allow_http(true);
        }
        let agent = AmazonS3ConfigKey::Client(ClientConfigKey::UserAgent);
        let store = builder
            .with_config(agent, net::USER_AGENT)
            .with_bucket_name(bucket)
            .build()?;
        Ok(Self {
            name: bucket.to_owned(),
            store,
            known: Mutex::default(),
        })
    }

    fn url(&self, name: &str) -> String {
        format!("s3://{}/{name}", self.name)
    }

    fn path(&self, name: &str) -> Result<Path, StoreError> {
        let path = Path::parse(name).ok();
        // Slashes at the ends are cut off: that would be another object.
        path.filter(|path| !name.is_empty() && path.as_ref() == name)
            .ok_or_else(|| {
                StoreError::Invalid(format!(
                    "object name has an empty, `.` or `..` part or a control character: {}",
                    self.url(name)
                ))
            })
    }

    fn error(&self, what: &'static str, name: &str, error: Error) -> StoreError {
        let name = self.url(name);
        match error {
            Error::NotFound { .. } => StoreError::NotFound { name },
            Error::AlreadyExists { .. }
            | Error::Precondition { .. }
            | Error::NotModified { .. } => StoreError::PreconditionFailed { name },
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                StoreError::Forbidden(format!(
                    "{what}: S3 refuses: {}: {name}",
                    net::chain(&error)
                ))
            }
            error => {
                let words = net::chain(&error);
                // The client keeps the status to itself. A proxy before the server may have a limit.
                let too_large = ["status code: 413", "EntityTooLarge"];
                if too_large.iter().any(|sign| words.contains(sign)) {
                    return StoreError::TooLarge(format!("{what}: {words}: {name}"));
                }
                StoreError::Io {
                    what,
                    name,
                    source: io::Error::other(words),
                }
            }
        }
    }

    fn remembered(&self, name: &str, generation: i64) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(name)?;
        (known.meta.generation == generation).then(|| known.clone())
    }

    fn remember(&self, known: &Known) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(known.meta.name.clone(), known.clone());
    }

    fn forget(&self, name: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(name);
    }

    async fn look(&self, what: &'static str, name: &str) -> Result<Known, StoreError> {
        let path = self.path(name).map_err(|_| StoreError::NotFound {
            name: self.url(name),
        })?;
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let answer = self.store.get_opts(&path, options).await;
        let answer = answer.map_err(|error| self.error(what, name, error))?;
        let content_type = answer.attributes.get(&Attribute::ContentType);
        let meta = describe(name, &answer.meta, content_type.map(AsRef::as_ref));
        let known = Known {
            etag: answer.meta.e_tag.unwrap_or_default(),
            meta,
        };
        self.remember(&known);
        Ok(known)
    }

    /// What is needed to write under a precondition.
    async fn mode(&self, name: &str, precondition: Precondition) -> Result<PutMode, StoreError> {
        Ok(match precondition {
            Precondition::None => PutMode::Overwrite,
            Precondition::Generation(0) => PutMode::Create,
            Precondition::Generation(wanted) => {
                let known = match self.look(WRITE, name).await {
                    Err(StoreError::NotFound { name }) => {
                        return Err(StoreError::PreconditionFailed { name });
                    }
                    known => known?,
                };
                if known.meta.generation != wanted {
                    return Err(StoreError::PreconditionFailed {
                        name: self.url(name),
                    });
                }
                PutMode::Update(UpdateVersion {
                    e_tag: Some(known.etag),
                    version: None,
                })
            }
        })
    }

    /// Reads an object if it still has the ETag that is known of it; else `None`.
    async fn read_known(
        &self,
        known: Known,
        range: RangeSpec,
    ) -> Result<Option<Reading>, StoreError> {
        let Known { meta, etag } = known;
        let span = range.resolve(meta.size)?;
        if span.start == span.end {
            let stream = stream::empty().boxed();
            return Ok(Some(Reading { meta, span, stream }));
        }
        let options = GetOptions {
            if_match: Some(etag),
            range: Some(GetRange::Bounded(span.start..span.end)),
            ..GetOptions::default()
        };
        let answer = match self.store.get_opts(&self.path(&meta.name)?, options).await {
            Ok(answer) => answer,
            Err(Error::Precondition { .. } | Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.error(READ, &meta.name, error)),
        };
        let url = self.url(&meta.name);
        let bytes = answer.into_stream().map_err(move |error| StoreError::Io {
            what: READ,
            name: url.clone(),
            source: io::Error::other(net::chain(&error)),
        });
        let stream = bytes.boxed();
        Ok(Some(Reading { meta, span, stream }))
    }
}

/// A stable 63-bit number for an ETag, never 0. Lists and answers differ in quotation marks.
fn generation(etag: &str) -> i64 {
    let digest = Sha256::digest(etag.trim_matches('"').as_bytes());
    let first = digest.first_chunk().copied().unwrap_or_default();
    (i64::from_be_bytes(first) & i64::MAX).max(1)
}

fn describe(name: &str, meta: &object_store::ObjectMeta, content_type: Option<&str>) -> ObjectMeta {
    ObjectMeta {
        name: name.to_owned(),
        generation: generation(meta.e_tag.as_deref().unwrap_or_default()),
        size: meta.size,
        crc32c: None,
        content_type: content_type
            .unwrap_or_else(|| content_type::of_name(name))
            .to_owned(),
        updated_micros: meta.last_modified.timestamp_micros(),
    }
}

fn now_micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_micros()).unwrap_or(i64::MAX)
}

#[async_trait::async_trait]
impl Store for S3Store {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        Ok(self.look("look up", name).await?.meta)
    }

    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError> {
        for _ in 0..MOST_CHANGES {
            let remembered = generation.and_then(|wanted| self.remembered(name, wanted));
            let known = match remembered {
                Some(known) => known,
                None => self.look(READ, name).await?,
            };
            if generation.is_some_and(|wanted| wanted != known.meta.generation) {
                break;
            }
            if let Some(reading) = self.read_known(known, range).await? {
                return Ok(reading);
            }
            self.forget(name);
        }
        Err(StoreError::NotFound {
            name: self.url(name),
        })
    }

    /// A create-only write whose answer is lost may end as [`StoreError::PreconditionFailed`],
    /// though the object that is there is ours: it is never written twice.
    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        let path = self.path(name)?;
        let content = collect(&self.url(name), object.crc32c, bytes).await?;
        let mode = self.mode(name, precondition).await?;
        let content_type = object
            .content_type
            .unwrap_or_else(|| content_type::of_name(name).to_owned());
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, content_type.clone().into());
        for (key, value) in object.metadata {
            attributes.insert(Attribute::Metadata(key.into()), value.into());
        }
        let options = PutOptions {
            mode,
            attributes,
            ..PutOptions::default()
        };
        let size = content.bytes.len() as u64;
        let answer = self.store.put_opts(&path, content.bytes.into(), options);
        let answer = answer
            .await
            .map_err(|error| self.error(WRITE, name, error))?;
        Ok(ObjectMeta {
            name: name.to_owned(),
            generation: generation(answer.e_tag.as_deref().unwrap_or_default()),
            size,
            crc32c: Some(content.crc32c),
            content_type,
            updated_micros: now_micros(),
        })
    }

    /// S3's lists carry no media types: they are guessed from the names.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = Vec::new();
        let mut token = None;
        while found.len() < limit {
            let options = PaginatedListOptions {
                offset: after.filter(|after| !after.is_empty()).map(str::to_owned),
                max_keys: Some(limit.saturating_sub(found.len()).min(PAGE)),
                page_token: token,
                ..PaginatedListOptions::default()
            };
            let page = self.store.list_paginated(Some(prefix), options).await;
            let page = page.map_err(|error| self.error("list", prefix, error))?;
            let objects = page.result.objects.iter();
            let objects = objects.map(|meta| describe(meta.location.as_ref(), meta, None));
            // Of `folder/`, which consoles make, the slash is cut off.
            found.extend(objects.filter(|meta| meta.name.starts_with(prefix)));
            token = page.page_token;
            if token.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// With a precondition this is a lookup and then a delete: S3 has no conditional delete that
    /// all servers honour, so that a write between the two is lost.
    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        let known = self.look("delete", name).await?;
        self.forget(name);
        match precondition {
            Precondition::Generation(wanted) if wanted != known.meta.generation => {
                Err(StoreError::PreconditionFailed {
                    name: self.url(name),
                })
            }
            _ => {
                let deleted = self.store.delete(&self.path(name)?).await;
                deleted.map_err(|error| self.error("delete", name, error))
            }
        }
    }

    async fn check(&self, access: &Access) -> Vec<Finding> {
        let remedy = |error: &StoreError| match error {
            StoreError::Forbidden(_) => format!(
                "allow s3:ListBucket on arn:aws:s3:::{0} and s3:GetObject, s3:PutObject, s3:DeleteObject on arn:aws:s3:::{0}/*",
                self.name
            ),
            _ => format!(
                "see that the bucket exists and that endpoint and credentials are right: aws s3 ls s3://{}",
                self.name
            ),
        };
        let url = format!("s3://{}", self.name);
        check::check(self, &url, access, &remedy).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_the_same_with_and_without_quotation_marks() {
        assert_eq!(generation("\"abc\""), generation("abc"));
        assert_ne!(generation("abc"), generation("abd"));
        assert!(generation("") > 0);
    }

    #[tokio::test]
    async fn a_server_or_proxy_that_takes_no_such_object_is_no_failure_that_passes() {
        use std::io::{Read as _, Write as _};
        for refusal in [
            "413 Payload Too Large\r\ncontent-length: 0\r\n\r\n",
            "400 Bad Request\r\ncontent-length: 35\r\n\r\n<Error><Code>EntityTooLarge</Code>..",
        ] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            std::thread::spawn(move || {
                let mut connection = listener.accept().unwrap().0;
                let mut seen = Vec::new();
                let mut chunk = [0; 4096];
                while !seen.ends_with(b"bytes of the object") {
                    let read = connection.read(&mut chunk).unwrap();
                    seen.extend_from_slice(&chunk[..read]);
                }
                write!(connection, "HTTP/1.1 {refusal}").unwrap();
            });
            let builder = AmazonS3Builder::new()
                .with_endpoint(endpoint)
                .with_region("r")
                .with_access_key_id("test")
                .with_secret_access_key("test");
            let store = S3Store::with("bucket", builder).unwrap();
            let bytes = stream::iter([Ok("bytes of the object".into())]).boxed();
            let object = NewObject::default();
            let written = store.write("x", Precondition::Generation(0), object, bytes);
            let error = written.await.unwrap_err();
            assert!(
                matches!(&error, StoreError::TooLarge(words) if words.contains("s3://bucket/x")),
                "{error}"
            );
        }
    }

    #[test]
    fn names_that_s3_would_change_are_refused() {
        let options = S3Options::default();
        let store = S3Store::open("bucket", &options).unwrap();
        for name in ["", "/a", "a/", "a//b", "a/../b", "a\nb"] {
            assert!(store.path(name).is_err(), "{name:?}");
        }
        assert_eq!(store.path("a b/ü%.jpg").unwrap().as_ref(), "a b/ü%.jpg");
    }
}
