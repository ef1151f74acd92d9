//! The label list of a dataset: every snapshot has a copy, and ids that were given stay for ever.

use crate::error::DatasetError;
use crate::names::DatasetName;
use crate::objects::LARGEST_OBJECT;
use bytes::Bytes;
use framemill_annotations::{LabelError, LabelList};
use framemill_objects::{Precondition, Store, StoreError, read_up_to, write_whole};

/// How often the list is tried to be replaced while others do the same.
const TRIES: u32 = 20;

/// The list with all these names.
pub(crate) async fn add_labels(
    store: &dyn Store,
    dataset: &DatasetName,
    names: &[String],
) -> Result<LabelList, DatasetError> {
    update(store, dataset, |list| {
        list.add_all(names.iter().map(String::as_str));
        Ok(())
    })
    .await
}

/// Renames a label: its id stays, and the old name goes on to mean it. Gives the list.
///
/// # Errors
/// Where no label has the old name, or another one has the new.
pub async fn rename_label(
    store: &dyn Store,
    dataset: &DatasetName,
    old: &str,
    new: &str,
) -> Result<LabelList, DatasetError> {
    update(store, dataset, |list| list.rename(old, new).map(drop)).await
}

/// Changes the list. It is replaced by generation: of two that add labels at the same time, none gives an
/// id that the other gives.
async fn update(
    store: &dyn Store,
    dataset: &DatasetName,
    change: impl Fn(&mut LabelList) -> Result<(), LabelError>,
) -> Result<LabelList, DatasetError> {
    let object = dataset.labels();
    let labels = |error| DatasetError::Labels {
        name: object.clone(),
        error,
    };
    for _ in 0..TRIES {
        let (generation, before) = match read_up_to(store, &object, LARGEST_OBJECT).await? {
            None => (0, LabelList::default()),
            Some((meta, bytes)) => (meta.generation, LabelList::parse(&bytes).map_err(labels)?),
        };
        let mut list = before.clone();
        change(&mut list).map_err(labels)?;
        if generation != 0 && list == before {
            return Ok(list);
        }
        let bytes = serde_json::to_vec_pretty(&list);
        let bytes = bytes.map_err(|error| StoreError::Invalid(error.to_string()))?;
        let precondition = Precondition::Generation(generation);
        let bytes = Bytes::from(bytes);
        match write_whole(store, &object, precondition, "application/json", bytes).await {
            Ok(_) => return Ok(list),
            Err(StoreError::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(DatasetError::Contended(object))
}
