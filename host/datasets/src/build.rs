//! Builds a snapshot of what is in the bucket now.

use crate::candidates::Candidates;
use crate::catalog::list;
use crate::error::DatasetError;
use crate::labels::add_labels;
use crate::names::DatasetName;
use crate::objects::{content_type, create};
use crate::progress::Told;
use bytes::Bytes;
use framemill_contract::Layout;
use framemill_dataset::{BuildReport, BuildRule, DATASET_FILE, Snapshot, SnapshotBuilder};
use framemill_objects::{Store, StoreError};

/// A snapshot that was built.
#[derive(Debug)]
pub struct Built {
    /// It.
    pub snapshot: Snapshot,
    /// What was found on the way.
    pub report: BuildReport,
    /// Whether it is new: the same content was there already otherwise.
    pub is_new: bool,
    /// Whether the dataset's name alone means it: of several snapshots it means the one that was written
    /// last.
    pub is_newest: bool,
}

/// Builds a snapshot by this rule, and writes it to the bucket. `dataset.json` is written last and is
/// its commit; what is there already stays as it is.
///
/// # Errors
/// [`DatasetError`]; nothing that was there is changed then, but for labels that were added.
pub async fn build(
    store: &dyn Store,
    layout: &Layout,
    name: &DatasetName,
    rule: BuildRule,
    told: Told<'_>,
) -> Result<Built, DatasetError> {
    let mut builder = SnapshotBuilder::new(name.as_str(), rule)?;
    let candidates = Candidates {
        store,
        layout,
        told,
    };
    candidates.read(&mut builder).await?;
    let names: Vec<String> = builder.label_names().map(str::to_owned).collect();
    let labels = add_labels(store, name, &names).await?;
    let (snapshot, report) = builder.finish(&labels)?;
    let is_new = keep(store, name, &snapshot).await?;
    let newest = list(store, Some(name)).await?.pop();
    Ok(Built {
        is_newest: newest.is_some_and(|newest| newest.hash == snapshot.hash()),
        snapshot,
        report,
        is_new,
    })
}

/// Writes a snapshot. Says whether it is new.
async fn keep(
    store: &dyn Store,
    name: &DatasetName,
    snapshot: &Snapshot,
) -> Result<bool, DatasetError> {
    let prefix = name.snapshot(snapshot.hash());
    let commit = format!("{prefix}{}", DATASET_FILE);
    let is_new = match store.head(&commit).await {
        Ok(_) => false,
        Err(StoreError::NotFound { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    for (file, bytes) in snapshot.files() {
        let object = format!("{prefix}{file}");
        create(store, &object, content_type(file), Bytes::from(bytes)).await?;
    }
    Ok(is_new)
}
