//! What a path names.

use super::error::{RequestError, quoted};
use crate::query::decoded;

/// What is before the bucket's name in all paths.
pub(super) const BUCKETS: &str = "/storage/v1/b/";

/// Which API a path belongs to.
#[derive(Clone, Copy)]
pub(super) enum Service {
    Plain,
    Upload,
    Download,
}

/// What a path names in a bucket.
pub(super) enum Resource {
    Objects,
    Object(String),
    Permissions,
    Notifications,
}

/// A path, taken apart.
pub(super) struct Path {
    pub(super) service: Service,
    pub(super) bucket: String,
    pub(super) resource: Resource,
}

impl Path {
    pub(super) fn parse(path: &str) -> Result<Self, RequestError> {
        let unknown = || RequestError::UnknownResource(quoted(path));
        let (service, rest) = if let Some(rest) = path.strip_prefix("/upload") {
            (Service::Upload, rest)
        } else if let Some(rest) = path.strip_prefix("/download") {
            (Service::Download, rest)
        } else {
            (Service::Plain, path)
        };
        let rest = rest.strip_prefix(BUCKETS).ok_or_else(unknown)?;
        let (bucket, rest) = rest.split_once('/').ok_or_else(unknown)?;
        let resource = match rest {
            "o" => Resource::Objects,
            "iam/testPermissions" => Resource::Permissions,
            "notificationConfigs" => Resource::Notifications,
            rest => {
                // A slash of the name is escaped: one that is not begins another segment.
                let name = rest.strip_prefix("o/").filter(|name| !name.contains('/'));
                Resource::Object(decoded(name.ok_or_else(unknown)?)?)
            }
        };
        Ok(Self {
            service,
            bucket: decoded(bucket)?,
            resource,
        })
    }
}
