//! A request, taken apart.

use super::On;
use axum::http::{HeaderMap, Method, Uri, header};
use framemill_gcs_api::{
    Insert, Operation, Precondition, Request, RequestError, UploadMetadata, UploadType, read_upload,
};

/// A request, or why it is none.
pub(super) type Target = Result<Request, RequestError>;

pub(super) fn parse(method: &Method, uri: &Uri) -> Target {
    Request::parse(method, uri)
}

/// The kind of a request.
pub(super) fn on(target: &Target) -> On {
    let Ok(request) = target else {
        return On::Other;
    };
    match request.operation() {
        Operation::Media(_) => On::Read,
        Operation::Metadata(_) => On::Head,
        Operation::List(_) => On::List,
        Operation::Insert(_) => On::Upload,
        Operation::Delete { .. } => On::Delete,
        Operation::TestPermissions(_) => On::Permissions,
        Operation::Notifications => On::Notifications,
    }
}

/// The object, or the prefix of a list, as far as the target says it.
pub(super) fn name(target: &Target) -> &str {
    let Ok(request) = target else {
        return "";
    };
    match request.operation() {
        Operation::List(list) => &list.prefix,
        operation => operation.object().unwrap_or_default(),
    }
}

/// Whether `ifGenerationMatch` was given.
pub(super) fn is_conditional(target: &Target) -> bool {
    let request = target.as_ref().ok();
    request.is_some_and(|it| it.operation().precondition() != Precondition::None)
}

/// What an upload brings.
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) metadata: UploadMetadata,
    pub(super) bytes: Vec<u8>,
}

impl Upload {
    pub(super) fn parse(insert: &Insert, headers: &HeaderMap, body: &[u8]) -> Result<Self, String> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.map_or("", |kind| kind.to_str().unwrap());
        let (metadata, bytes) = match insert.upload {
            UploadType::Multipart => read_upload(kind, body).map_err(|error| error.to_string())?,
            UploadType::Media => {
                let metadata = UploadMetadata {
                    content_type: Some(kind.to_owned()),
                    ..UploadMetadata::default()
                };
                (metadata, body.to_vec())
            }
        };
        let name = insert.object_name(&metadata);
        Ok(Self {
            name: name.map_err(|error| error.to_string())?,
            metadata,
            bytes,
        })
    }
}
