//! What came.

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Bytes of an object.
    Read,
    /// An object's resource.
    Head,
    /// A page of a list.
    List,
    /// An upload of any kind.
    Upload,
    /// Deletes an object.
    Delete,
    /// Asks for permissions.
    Permissions,
    /// Asks for notification configurations.
    Notifications,
    /// Anything else.
    Other,
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its kind.
    pub on: On,
    /// The object, or the prefix of a list.
    pub name: String,
    /// The status that was answered; 0 where the connection was cut before.
    pub status: u16,
    /// Bytes `first-last`, where a range was asked for.
    pub range: Option<String>,
    /// Whether `ifGenerationMatch` was given.
    pub conditional: bool,
}
