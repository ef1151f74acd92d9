//! Whether a snapshot is still what it was.

use crate::catalog::load;
use crate::error::DatasetError;
use crate::names::DatasetName;
use crate::objects::sha256;
use crate::progress::{Progress, Step, Told};
use framemill_objects::Store;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;

/// Images that are read at the same time.
const AT_ONCE: usize = 16;
/// Names that are given at most.
const MOST_NAMES: usize = 100;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Images that are what they were.
    pub intact: u64,
    /// Images that have other bytes, and images that are gone.
    pub changed: u64,
    /// Of these.
    pub missing: u64,
    /// Names of the first of them.
    pub names: Vec<String>,
}

/// Reads a snapshot's files and all its images, and compares their checksums.
///
/// # Errors
/// Where the snapshot itself is not whole, or the bucket does not answer.
pub async fn verify(
    store: &dyn Store,
    name: &DatasetName,
    hash: &str,
    told: Told<'_>,
) -> Result<Verified, DatasetError> {
    let snapshot = load(store, name, hash).await?;
    let of = Some(snapshot.frames().len() as u64);
    let read = snapshot.frames().iter().map(async |frame| {
        let found = sha256(store, &frame.image.name).await?;
        Ok::<_, DatasetError>((&frame.image, found))
    });
    let mut read = futures::stream::iter(read).buffered(AT_ONCE);
    let mut verified = Verified::default();
    let mut done = 0_u64;
    while let Some((image, found)) = read.try_next().await? {
        done = done.saturating_add(1);
        told(Progress {
            step: Step::Images,
            done,
            of,
        });
        if found.as_ref() == Some(&image.sha256) {
            verified.intact = verified.intact.saturating_add(1);
            continue;
        }
        verified.changed = verified.changed.saturating_add(1);
        verified.missing = verified.missing.saturating_add(u64::from(found.is_none()));
        if verified.names.len() < MOST_NAMES {
            verified.names.push(image.name.clone());
        }
    }
    Ok(verified)
}
