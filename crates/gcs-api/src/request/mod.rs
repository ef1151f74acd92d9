//! A request: method, path and query, written and read.

mod error;
mod operation;
mod path;

pub use error::{LONGEST_TARGET, RequestError};
pub use operation::{Get, Insert, List, Operation, Precondition, UploadType};

use crate::name::{NameError, TargetWriter, check_bucket, check_object, encoded};
use crate::query::Query;
use error::quoted;
use http::{Method, Uri};
use path::{BUCKETS, Path, Resource, Service};

/// A request about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    bucket: String,
    operation: Operation,
}

impl Request {
    /// For a bucket.
    ///
    /// # Errors
    /// [`NameError`] where bucket or object cannot stand in a URL.
    pub fn new(bucket: &str, operation: Operation) -> Result<Self, NameError> {
        check_bucket(bucket)?;
        if let Some(object) = operation.object() {
            check_object(object)?;
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            operation,
        })
    }

    /// Reads a request's method and target.
    ///
    /// # Errors
    /// [`RequestError`]: what is wrong with it.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, RequestError> {
        let query = uri.query().unwrap_or_default();
        let length = uri.path().len().saturating_add(query.len());
        if length > LONGEST_TARGET {
            return Err(RequestError::TooLong(length));
        }
        let path = Path::parse(uri.path())?;
        let query = Query::parse(query)?;
        let operation = match (method.as_str(), path.service, path.resource) {
            ("POST", Service::Upload, Resource::Objects) => {
                Operation::Insert(Insert::parse(&query)?)
            }
            ("GET", Service::Plain, Resource::Objects) => Operation::List(List::parse(&query)?),
            ("GET", Service::Plain | Service::Download, Resource::Object(name)) => {
                Operation::parse_get(name, &query)?
            }
            ("DELETE", Service::Plain, Resource::Object(object)) => Operation::Delete {
                object,
                precondition: Precondition::parse(&query)?,
            },
            ("GET", Service::Plain, Resource::Permissions) => {
                let permissions = query.all("permissions").map(str::to_owned);
                Operation::TestPermissions(permissions.collect())
            }
            ("GET", Service::Plain, Resource::Notifications) => Operation::Notifications,
            _ => {
                return Err(RequestError::Method {
                    method: method.clone(),
                    path: quoted(uri.path()),
                });
            }
        };
        Ok(Self::new(&path.bucket, operation)?)
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What is asked for.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The method of HTTP.
    pub fn method(&self) -> Method {
        match self.operation {
            Operation::Insert(_) => Method::POST,
            Operation::Delete { .. } => Method::DELETE,
            _ => Method::GET,
        }
    }

    /// Path and query: what follows scheme, host and port in the URL.
    pub fn target(&self) -> String {
        let bucket = format!("{BUCKETS}{}", encoded(&self.bucket));
        let object = |name: &str| TargetWriter::new(format!("{bucket}/o/{}", encoded(name)));
        let mut target = match &self.operation {
            Operation::Metadata(get) | Operation::Media(get) => object(&get.object),
            Operation::Delete { object: name, .. } => object(name),
            Operation::List(_) => TargetWriter::new(format!("{bucket}/o")),
            Operation::Insert(_) => TargetWriter::new(format!("/upload{bucket}/o")),
            Operation::TestPermissions(_) => {
                TargetWriter::new(format!("{bucket}/iam/testPermissions"))
            }
            Operation::Notifications => TargetWriter::new(format!("{bucket}/notificationConfigs")),
        };
        self.operation.write(&mut target);
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(operation: Operation) -> String {
        Request::new("b", operation).unwrap().target()
    }

    /// As in Google's reference.
    #[test]
    fn targets_are_those_of_the_api() {
        let name = "videos/a b+ü?.mp4";
        let path = "/storage/v1/b/b/o/videos%2Fa%20b%2B%C3%BC%3F.mp4";
        assert_eq!(target(Operation::Metadata(Get::of(name))), path);
        let get = Get {
            generation: Some(7),
            ..Get::of(name)
        };
        assert_eq!(
            target(Operation::Media(get)),
            format!("{path}?alt=media&generation=7")
        );
        let delete = Operation::Delete {
            object: name.to_owned(),
            precondition: Precondition::Generation(9),
        };
        assert_eq!(target(delete), format!("{path}?ifGenerationMatch=9"));
        let insert = Insert {
            upload: UploadType::Multipart,
            name: None,
            precondition: Precondition::Generation(0),
        };
        assert_eq!(
            target(Operation::Insert(insert)),
            "/upload/storage/v1/b/b/o?uploadType=multipart&ifGenerationMatch=0"
        );
        let list = List {
            prefix: "images/x/".to_owned(),
            page_token: Some("t=".to_owned()),
            max_results: Some(3),
            names_only: true,
            ..List::default()
        };
        assert_eq!(
            target(Operation::List(list)),
            "/storage/v1/b/b/o?prefix=images%2Fx%2F&maxResults=3&fields=items%28name%29%2CnextPageToken&pageToken=t%3D"
        );
        let permissions = ["a.b", "c"].map(str::to_owned).to_vec();
        assert_eq!(
            target(Operation::TestPermissions(permissions)),
            "/storage/v1/b/b/iam/testPermissions?permissions=a.b&permissions=c"
        );
        assert_eq!(
            target(Operation::Notifications),
            "/storage/v1/b/b/notificationConfigs"
        );
    }

    #[test]
    fn names_that_a_url_cannot_carry_are_not_sent() {
        for name in ["", ".", ".."] {
            assert!(Request::new("b", Operation::Media(Get::of(name))).is_err());
            assert!(Request::new(name, Operation::Notifications).is_err());
        }
    }
}
