//! Reads one generation of an object, in order; resumes where a connection breaks.

use super::bucket::{Bucket, io_error};
use super::resource;
use super::transport::Failure;
use crate::error::StoreError;
use crate::store::{ObjectMeta, Reading};
use bytes::Bytes;
use framemill_gcs_api::{Get, Media, Operation, RangeSpec, Span};
use framemill_support::net;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

const WHAT: &str = "read";
/// How often a connection may break without progress.
const MOST_BREAKS: u32 = 6;
/// What counts as progress, bytes.
const PROGRESS: u64 = 256 * 1024;

/// An answer that carries a part of an object.
struct Part {
    meta: ObjectMeta,
    span: Span,
    body: BoxStream<'static, Result<Bytes, String>>,
}

/// Opens an object; its bytes are fetched as the stream is read.
pub(super) async fn read(
    bucket: Arc<Bucket>,
    name: &str,
    generation: Option<i64>,
    range: RangeSpec,
) -> Result<Reading, StoreError> {
    if range.is_empty() {
        let meta = bucket.head(name).await?;
        range.resolve(meta.size)?;
        return Err(StoreError::Unsatisfiable { size: meta.size });
    }
    let Part { meta, span, body } = bucket.part(name, generation, range).await?;
    // A checksum is of the whole object: a part has none.
    let whole = span.start == 0 && span.end == meta.size;
    let download = Download {
        expected: meta.crc32c.filter(|_| whole),
        backoff: Box::new(bucket.transport.retry_policy().backoff()),
        bucket,
        meta: meta.clone(),
        position: span.start,
        end: span.end,
        body,
        crc32c: 0,
        breaks: 0,
        progress: 0,
    };
    let stream = futures::stream::try_unfold(download, |mut download| async move {
        Ok(download.next().await?.map(|chunk| (chunk, download)))
    });
    Ok(Reading {
        meta,
        span,
        stream: stream.boxed(),
    })
}

impl Bucket {
    async fn part(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Part, StoreError> {
        let media = Operation::Media(Get {
            generation,
            ..Get::of(name)
        });
        let mut call = self.call(name, media)?;
        // Without it, objects with the content encoding gzip are sent unpacked.
        call.headers
            .insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if let Some(Ok(range)) = range.header().map(HeaderValue::try_from) {
            call.headers.insert(header::RANGE, range);
        }
        let response = match self.transport.send(&call).await {
            Ok(response) => response,
            Err(Failure::Status {
                status: StatusCode::RANGE_NOT_SATISFIABLE,
                size,
                ..
            }) => {
                let size = match size {
                    Some(size) => size,
                    None => self.head(name).await?.size,
                };
                return Err(StoreError::Unsatisfiable { size });
            }
            Err(failure) => return Err(self.error(WHAT, name, failure)),
        };
        let status = response.status();
        let broken = |problem: &str| {
            let problem = format!("answer is not as documented: {problem}");
            io_error(WHAT, self.url(name), problem)
        };
        if range != RangeSpec::Whole && status != StatusCode::PARTIAL_CONTENT {
            return Err(broken("whole object in place of the range"));
        }
        let media = Media::parse(status, response.headers());
        let media = media.map_err(|error| broken(&error.to_string()))?;
        let (meta, span) = resource::media(name, media);
        if generation.is_some_and(|wanted| wanted != meta.generation) {
            return Err(StoreError::NotFound {
                name: self.url(name),
            });
        }
        let body = response.bytes_stream().map_err(net::problem).boxed();
        Ok(Part { meta, span, body })
    }
}

/// A read in progress.
struct Download {
    bucket: Arc<Bucket>,
    meta: ObjectMeta,
    /// The next byte.
    position: u64,
    end: u64,
    body: BoxStream<'static, Result<Bytes, String>>,
    /// Checksum that the bytes must have.
    expected: Option<u32>,
    crc32c: u32,
    /// Broken connections since the last progress.
    breaks: u32,
    /// Bytes since the last broken connection.
    progress: u64,
    backoff: Box<dyn Iterator<Item = Duration> + Send + Sync>,
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while self.position < self.end {
            let problem = match self.body.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => return self.take(chunk).map(Some),
                Some(Err(problem)) => problem,
                None => "answer ended early".to_owned(),
            };
            self.resume(problem).await?;
        }
        Ok(None)
    }

    /// Counts and checks a chunk. The last one is given only after the checksum was compared: a
    /// reader that has all bytes asks for no more.
    fn take(&mut self, chunk: Bytes) -> Result<Bytes, StoreError> {
        let length = chunk.len() as u64;
        if length > self.end.saturating_sub(self.position) {
            return Err(self.failed("more bytes than announced"));
        }
        self.position = self.position.saturating_add(length);
        self.progress = self.progress.saturating_add(length);
        let Some(expected) = self.expected else {
            return Ok(chunk);
        };
        self.crc32c = crc32c::crc32c_append(self.crc32c, &chunk);
        if self.position == self.end && self.crc32c != expected {
            return Err(StoreError::Corrupt {
                what: WHAT,
                name: self.bucket.url(&self.meta.name),
                seen: format!("crc32c {:08x}", self.crc32c),
                expected: format!("{expected:08x}"),
            });
        }
        Ok(chunk)
    }

    /// Opens the same generation again, at the byte that is due.
    async fn resume(&mut self, problem: String) -> Result<(), StoreError> {
        if self.progress >= PROGRESS {
            self.breaks = 0;
            self.backoff = Box::new(self.bucket.transport.retry_policy().backoff());
        }
        self.progress = 0;
        self.breaks = self.breaks.saturating_add(1);
        if self.breaks > MOST_BREAKS {
            return Err(self.failed(&format!(
                "{problem} (connection broke {MOST_BREAKS} times in a row at byte {})",
                self.position
            )));
        }
        tracing::debug!(name = %self.meta.name, byte = self.position, %problem, "read is resumed");
        tokio::time::sleep(self.backoff.next().unwrap_or_default()).await;
        let range = RangeSpec::From(self.position, Some(self.end.saturating_sub(1)));
        let part = self
            .bucket
            .part(&self.meta.name, Some(self.meta.generation), range)
            .await?;
        let due = Span {
            start: self.position,
            end: self.end,
        };
        if part.span != due {
            return Err(self.failed("answer is not the range that was asked for"));
        }
        self.body = part.body;
        Ok(())
    }

    fn failed(&self, problem: &str) -> StoreError {
        io_error(WHAT, self.bucket.url(&self.meta.name), problem.to_owned())
    }
}
