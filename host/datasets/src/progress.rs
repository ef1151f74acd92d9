//! How far long work is.

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Names of manifests and annotations are listed.
    Listing,
    /// Annotations of frames are read.
    Reading,
    /// Images are read and compared, or copied.
    Images,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// So much is done.
    pub done: u64,
    /// Of so much, where that is known.
    pub of: Option<u64>,
}

/// Who is told.
pub(crate) type Told<'t> = &'t (dyn Fn(Progress) + Send + Sync);
