//! A snapshot in the format of a trainer, written to a folder or into the bucket.

use crate::catalog::load;
use crate::error::DatasetError;
use crate::names::DatasetName;
use crate::objects::{LARGEST_OBJECT, create};
use crate::progress::Progress;
use crate::sink::{BucketPlace, FolderPlace, ImageReader, Place, StreamingSink};
use bytes::Bytes;
use framemill_dataset::export::{EXPORTS, Export, ExportError, Exported, find};
use framemill_dataset::{DatasetImage, Snapshot};
use framemill_objects::{Store, read_up_to};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Says that an export into the bucket is whole.
const EXPORT_JSON: &str = "export.json";

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportTo {
    /// A folder, which must not be there yet, or be empty. It appears whole or not at all.
    Folder(PathBuf),
    /// `datasets/<name>/<hash>/exports/<format>/` in the bucket.
    Bucket,
}

/// What was exported, as `export.json` says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSummary {
    /// Id of the format.
    pub format: String,
    /// Where it is: a folder or a prefix of the bucket.
    pub place: String,
    /// Frames, negatives included.
    pub frames: u64,
    /// Shapes.
    pub shapes: u64,
    /// What the format has no place for, in words, and how often.
    pub losses: BTreeMap<String, u64>,
    /// What its readers will not take as it is, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Who asks for an export.
pub struct ExportRequest {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// How images are named from elsewhere: `gs://bucket/`; `None` where they cannot be.
    pub uri: Option<String>,
    /// The dataset.
    pub name: DatasetName,
    /// Its snapshot.
    pub hash: String,
    /// Id of the format.
    pub format: String,
    /// Where it goes.
    pub to: ExportTo,
}

/// The format of this id.
///
/// # Errors
/// [`DatasetError::Format`], which names all there are.
pub fn format(id: &str) -> Result<&'static dyn Export, DatasetError> {
    find(id).ok_or_else(|| {
        let known: Vec<&str> = EXPORTS.iter().map(|export| export.id()).collect();
        DatasetError::Format {
            format: id.to_owned(),
            known: known.join(", "),
        }
    })
}

/// Exports a snapshot. The images are read again, and compared with the checksums that the snapshot has.
///
/// # Errors
/// [`DatasetError`]. A folder is not there then; of an export into the bucket there is no `export.json`,
/// and another try goes on.
pub async fn export(
    request: ExportRequest,
    told: impl Fn(Progress) + Send + Sync + 'static,
) -> Result<ExportSummary, DatasetError> {
    let format = format(&request.format)?;
    let snapshot = load(request.store.as_ref(), &request.name, &request.hash).await?;
    match &request.to {
        ExportTo::Folder(folder) => {
            let place = FolderPlace::begin(folder)?;
            let (exported, place) = write(&request, format, snapshot, place, told).await?;
            place.commit()?;
            Ok(summary(
                format.id(),
                &folder.display().to_string(),
                &exported,
            ))
        }
        ExportTo::Bucket => into_bucket(&request, format, snapshot, told).await,
    }
}

async fn into_bucket(
    request: &ExportRequest,
    format: &'static dyn Export,
    snapshot: Snapshot,
    told: impl Fn(Progress) + Send + Sync + 'static,
) -> Result<ExportSummary, DatasetError> {
    let store = Arc::clone(&request.store);
    let prefix = request.name.export(&request.hash, format.id());
    let commit = format!("{prefix}{EXPORT_JSON}");
    if let Some((_, there)) = read_up_to(store.as_ref(), &commit, LARGEST_OBJECT).await?
        && let Ok(there) = serde_json::from_slice::<ExportSummary>(&there)
    {
        return Ok(there);
    }
    let place = BucketPlace::new(Arc::clone(&store), prefix.clone());
    let (exported, _) = write(request, format, snapshot, place, told).await?;
    let summary = summary(format.id(), &prefix, &exported);
    let bytes = serde_json::to_vec_pretty(&summary)
        .map_err(|error| DatasetError::BrokeOff(error.to_string()))?;
    create(
        store.as_ref(),
        &commit,
        "application/json",
        Bytes::from(bytes),
    )
    .await?;
    Ok(summary)
}

/// Runs a format on a thread of its own, since formats are not asynchronous.
async fn write<P: Place>(
    request: &ExportRequest,
    format: &'static dyn Export,
    snapshot: Snapshot,
    place: P,
    told: impl Fn(Progress) + Send + Sync + 'static,
) -> Result<(Exported, P), DatasetError> {
    let reader = ImageReader::new(Arc::clone(&request.store), request.uri.clone());
    let work = move || {
        let order = Box::new(|| order(&snapshot));
        let mut sink = StreamingSink::new(reader, place, order, Box::new(told));
        match format.write(&snapshot.as_export(), &mut sink) {
            Ok(exported) => Ok((exported, sink.finish().map_err(ExportError::from)?)),
            Err(error) => {
                sink.abandon();
                Err(DatasetError::from(error))
            }
        }
    };
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| DatasetError::BrokeOff(error.to_string()))?
}

/// Images in the order in which formats ask for their bytes: split by split.
fn order(snapshot: &Snapshot) -> Vec<DatasetImage> {
    let dataset = snapshot.as_export();
    let splits = dataset.splits.iter();
    let frames = splits.flat_map(|split| dataset.frames_of(split));
    frames.map(|frame| frame.image.clone()).collect()
}

fn summary(format: &str, place: &str, exported: &Exported) -> ExportSummary {
    let losses = exported.losses.iter();
    ExportSummary {
        format: format.to_owned(),
        place: place.to_owned(),
        frames: exported.frames,
        shapes: exported.shapes,
        losses: losses
            .map(|(loss, count)| (loss.to_string(), *count))
            .collect(),
        notes: exported.notes.clone(),
    }
}
