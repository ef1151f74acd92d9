//! A small store that outlives an instance, as a trait.

/// Keeps values from one request to the next, perhaps: whatever goes wrong is a value that is
/// not there.
pub trait Cache {
    /// The value that was kept under this key.
    fn get(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps a value of some kilobytes.
    fn set(&self, key: &str, value: &[u8]);
}
