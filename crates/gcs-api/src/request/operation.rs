//! What is asked for, and how a query says it.

use super::error::{RequestError, quoted};
use crate::name::{TargetWriter, check_object};
use crate::object::UploadMetadata;
use crate::query::{Query, QueryError};

const IF_GENERATION_MATCH: &str = "ifGenerationMatch";
const NAMES_ONLY: &str = "items(name),nextPageToken";

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

impl Precondition {
    pub(super) fn parse(query: &Query) -> Result<Self, QueryError> {
        Ok(query.generation(IF_GENERATION_MATCH)?.into())
    }

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
    pub(super) fn parse(query: &Query) -> Result<Self, RequestError> {
        let upload = match query.one("uploadType")? {
            Some("media") => UploadType::Media,
            Some("multipart") => UploadType::Multipart,
            other => return Err(RequestError::UploadType(quoted(other.unwrap_or("missing")))),
        };
        Ok(Self {
            upload,
            name: query.text("name")?,
            precondition: Precondition::parse(query)?,
        })
    }

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

impl Operation {
    /// What is read of an object: its resource, or its bytes.
    pub(super) fn parse_get(object: String, query: &Query) -> Result<Self, QueryError> {
        let get = Get {
            object,
            generation: query.generation("generation")?,
            precondition: Precondition::parse(query)?,
        };
        Ok(match query.one("alt")? {
            Some("media") => Self::Media(get),
            _ => Self::Metadata(get),
        })
    }

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

    pub(super) fn write(&self, target: &mut TargetWriter) {
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
    pub(super) fn parse(query: &Query) -> Result<Self, QueryError> {
        Ok(Self {
            prefix: query.text("prefix")?.unwrap_or_default(),
            delimiter: query.text("delimiter")?,
            page_token: query.text("pageToken")?,
            start_offset: query.text("startOffset")?,
            max_results: query.number("maxResults")?,
            names_only: query.one("fields")? == Some(NAMES_ONLY),
        })
    }

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
