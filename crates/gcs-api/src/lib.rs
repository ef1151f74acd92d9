//! The wire format of the GCS JSON API, as far as framemill speaks it: one type per thing, which
//! is both read and written. <https://cloud.google.com/storage/docs/json_api/v1>
//!
//! | thing | type |
//! |---|---|
//! | method, path and query of a request | [`Request`] |
//! | body of an upload | [`MultipartUpload`] out, [`UploadReader`] in |
//! | JSON of answers | [`Object`], [`Listing`], [`ErrorResponse`], [`Permissions`], [`Notifications`] |
//! | headers of an answer with bytes | [`Media`] |
//! | single header values | [`RangeSpec`], [`ContentRange`], [`Crc32c`], [`RetryAfter`] |
//!
//! [`memory::Bucket`] does to a bucket in memory what the requests say: the fakes of tests and
//! stores in memory stand on it.
//!
//! Pure: no I/O, no clock. All input may come from anyone: it is bounded before it is kept, and
//! what is wrong with it is a named error.

mod checksum;
mod error;
mod headers;
pub mod memory;
mod multipart;
mod name;
mod notifications;
mod object;
mod permissions;
mod query;
mod range;
mod request;
mod retry_after;
mod time;
mod upload;

pub use checksum::{ChecksumError, Crc32c};
pub use error::ErrorResponse;
pub use headers::{Media, MediaError};
pub use multipart::{Event, MultipartError, Reader};
pub use name::{LONGEST_BUCKET, LONGEST_OBJECT, NameError, encoded, encoded_path};
pub use notifications::{NotificationConfig, Notifications};
pub use object::{Listing, Object, ObjectName, ResourceError, UploadMetadata};
pub use permissions::Permissions;
pub use query::QueryError;
pub use range::{ContentRange, RangeSpec, Span, Unsatisfiable};
pub use request::{
    Get, Insert, LONGEST_TARGET, List, Operation, Precondition, Request, RequestError, UploadType,
};
pub use retry_after::RetryAfter;
pub use time::compact;
pub use upload::{
    LARGEST_METADATA, MultipartUpload, UploadError, UploadEvent, UploadReader, read_upload,
};

/// The media type of bytes of which nothing is known.
pub const OCTET_STREAM: &str = "application/octet-stream";
/// The media type of the API's answers.
pub const JSON: &str = "application/json; charset=UTF-8";

/// A number of digits and nothing else; one that is too large is the largest.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u64::MAX))
}
