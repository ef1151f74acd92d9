//! Objects: what components read and write. A [`Gateway`] speaks the GCS JSON API over a
//! [`Store`]; each kind of bucket is one [`Store`].

mod access;
mod aws_profile;
mod body;
mod check;
mod collect;
mod content_type;
mod error;
mod gateway;
mod gcs;
mod local;
mod multipart;
mod reply;
mod s3;
mod store;
mod whole;

pub use access::Access;
pub use body::{Body, BodyError};
pub use error::StoreError;
pub use framemill_gcs_api::{Precondition, RangeSpec, Span};
pub use gateway::{Gateway, ObjectsApi, OwnAccess, Written};
pub use gcs::{GcsStore, OpenGcsError, RetryPolicy};
pub use local::{FileLayout, Found, LiesAs, LocalStore, PRIVATE_FOLDER, Walk, generation};
pub use reply::json;
pub use s3::{S3Options, S3Store};
pub use store::{ByteStream, NewObject, Notification, ObjectMeta, Reading, Store};
pub use whole::{PAGE, pages, read_up_to, read_whole, write_whole};
