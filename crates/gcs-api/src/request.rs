//! A request: method, path and query, written and read.

use crate::name::{NameError, TargetWriter, check_bucket, check_object, encoded};
use crate::object::UploadMetadata;
use crate::query::{Query, QueryError, decoded};
use http::{Method, StatusCode, Uri};
use thiserror::Error;

/// Most bytes of path and query: four values of the longest name, each byte escaped, and the rest.
pub const LONGEST_TARGET: usize = 16 << 10;

/// Most characters of a text that an error quotes.
const QUOTED: usize = 200;
const BUCKETS: &str = "/storage/v1/b/";
const NAMES_ONLY: &str = "items(name),nextPageToken";

/// A request about a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    bucket: String,
    operation: Operation,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An object's resource.
    Metadata(Get),
    /// An object's bytes; which of them stands in the header `Range`.
    Media(Get),
    /// A page of a list of objects.
    List(List),
    /// An upload.
    Insert(Insert),
    /// Deletes an object.
    Delete {
        /// Its name.
        object: String,
        /// When only.
        precondition: Precondition,
    },
    /// Which of these permissions the caller has.
    TestPermissions(Vec<String>),
    /// The bucket's notification configurations.
    Notifications,
}

/// When a request is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Always.
    #[default]
    None,
    /// Only where the object's generation is this one; 0 means that it must not exist.
    Generation(i64),
}

/// Which object is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// Its name.
    pub object: String,
    /// This generation of it only.
    pub generation: Option<i64>,
    /// When only.
    pub precondition: Precondition,
}

/// Which objects are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Their names start with this.
    pub prefix: String,
    /// Names that hold this behind the prefix are given as one prefix; never empty.
    pub delimiter: Option<String>,
    /// Where the page before ended; never empty.
    pub page_token: Option<String>,
    /// Their names are not before this one; never empty.
    pub start_offset: Option<String>,
    /// Most of them on a page.
    pub max_results: Option<u64>,
    /// Whether nothing but names is wanted.
    pub names_only: bool,
}

/// How an object is uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// What the body is.
    pub upload: UploadType,
    /// The object's name, where the body does not say it; never empty.
    pub name: Option<String>,
    /// When only.
    pub precondition: Precondition,
}

/// What the body of an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadType {
    /// The object's bytes.
    Media,
    /// Metadata, then the object's bytes.
    Multipart,
}

/// Why something is no request that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The path names nothing that there is.
    #[error("no such resource: {0}")]
    UnknownResource(String),
    /// There is such a thing, but this cannot be done to it.
    #[error("{method} is not answered here: {path}")]
    Method {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// Path and query are longer than any request needs.
    #[error("path and query have {0} bytes, limit {LONGEST_TARGET}")]
    TooLong(usize),
    /// A name that nothing can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A part of the path or query cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// An upload whose object has no name.
    #[error("upload names no object")]
    Unnamed,
    /// A kind of upload that is not served.
    #[error("uploadType is {0}, not multipart or media")]
    UploadType(String),
}

impl RequestError {
    /// The status of the answer to it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownResource(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl Precondition {
    fn generation(self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Generation(generation) => Some(generation),
        }
    }

    /// Whether it holds for an object of this generation; 0 is none.
    pub fn holds(self, generation: i64) -> bool {
        self.generation().is_none_or(|wanted| wanted == generation)
    }
}

impl From<Option<i64>> for Precondition {
    fn from(generation: Option<i64>) -> Self {
        generation.map_or(Self::None, Self::Generation)
    }
}

impl Insert {
    /// The object's name: from the body, or from the URL.
    ///
    /// # Errors
    /// [`RequestError`] where neither names one, or one that no object can have.
    pub fn object_name(&self, metadata: &UploadMetadata) -> Result<String, RequestError> {
        let name = metadata.name.as_ref().or(self.name.as_ref());
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or(RequestError::Unnamed)?;
        check_object(name)?;
        Ok(name.clone())
    }
}

impl Get {
    /// This object, whatever its generation.
    pub fn of(object: &str) -> Self {
        Self {
            object: object.to_owned(),
            ..Self::default()
        }
    }
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
            ("POST", Service::Upload, Resource::Objects) => Operation::Insert(insert(&query)?),
            ("GET", Service::Plain, Resource::Objects) => Operation::List(list(&query)?),
            ("GET", Service::Plain | Service::Download, Resource::Object(name)) => {
                get(name, &query)?
            }
            ("DELETE", Service::Plain, Resource::Object(object)) => Operation::Delete {
                object,
                precondition: query.generation(IF_GENERATION_MATCH)?.into(),
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

const IF_GENERATION_MATCH: &str = "ifGenerationMatch";

impl Operation {
    /// The object's name, where the request says it.
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::Metadata(get) | Self::Media(get) => Some(&get.object),
            Self::Delete { object, .. } => Some(object),
            Self::Insert(insert) => insert.name.as_deref(),
            Self::List(_) | Self::TestPermissions(_) | Self::Notifications => None,
        }
    }

    /// When it is carried out.
    pub fn precondition(&self) -> Precondition {
        match self {
            Self::Metadata(get) | Self::Media(get) => get.precondition,
            Self::Delete { precondition, .. } => *precondition,
            Self::Insert(insert) => insert.precondition,
            Self::List(_) | Self::TestPermissions(_) | Self::Notifications => Precondition::None,
        }
    }

    fn write(&self, target: &mut TargetWriter) {
        match self {
            Self::Metadata(get) => target.optional("generation", get.generation),
            Self::Media(get) => {
                target.pair("alt", "media");
                target.optional("generation", get.generation);
            }
            Self::List(list) => list.write(target),
            Self::Insert(insert) => {
                target.pair("uploadType", insert.upload.as_str());
                target.optional("name", insert.name.as_deref());
            }
            Self::TestPermissions(permissions) => {
                for permission in permissions {
                    target.pair("permissions", permission);
                }
            }
            Self::Delete { .. } | Self::Notifications => {}
        }
        target.optional(IF_GENERATION_MATCH, self.precondition().generation());
    }
}

impl List {
    fn write(&self, target: &mut TargetWriter) {
        if !self.prefix.is_empty() {
            target.pair("prefix", &self.prefix);
        }
        target.optional("delimiter", self.delimiter.as_deref());
        target.optional("startOffset", self.start_offset.as_deref());
        target.optional("maxResults", self.max_results);
        if self.names_only {
            target.pair("fields", NAMES_ONLY);
        }
        target.optional("pageToken", self.page_token.as_deref());
    }
}

impl UploadType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Multipart => "multipart",
        }
    }
}

/// Which API a path belongs to.
#[derive(Clone, Copy)]
enum Service {
    Plain,
    Upload,
    Download,
}

/// What a path names in a bucket.
enum Resource {
    Objects,
    Object(String),
    Permissions,
    Notifications,
}

struct Path {
    service: Service,
    bucket: String,
    resource: Resource,
}

impl Path {
    fn parse(path: &str) -> Result<Self, RequestError> {
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

fn get(object: String, query: &Query) -> Result<Operation, QueryError> {
    let get = Get {
        object,
        generation: query.generation("generation")?,
        precondition: query.generation(IF_GENERATION_MATCH)?.into(),
    };
    Ok(match query.one("alt")? {
        Some("media") => Operation::Media(get),
        _ => Operation::Metadata(get),
    })
}

fn list(query: &Query) -> Result<List, QueryError> {
    Ok(List {
        prefix: query.text("prefix")?.unwrap_or_default(),
        delimiter: query.text("delimiter")?,
        page_token: query.text("pageToken")?,
        start_offset: query.text("startOffset")?,
        max_results: query.number("maxResults")?,
        names_only: query.one("fields")? == Some(NAMES_ONLY),
    })
}

fn insert(query: &Query) -> Result<Insert, RequestError> {
    let upload = match query.one("uploadType")? {
        Some("media") => UploadType::Media,
        Some("multipart") => UploadType::Multipart,
        other => return Err(RequestError::UploadType(quoted(other.unwrap_or("missing")))),
    };
    Ok(Insert {
        upload,
        name: query.text("name")?,
        precondition: query.generation(IF_GENERATION_MATCH)?.into(),
    })
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
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
