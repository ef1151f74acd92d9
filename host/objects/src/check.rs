//! Checks a bucket by using it as components will.

use super::access::Access;
use super::error::StoreError;
use super::store::{NewObject, Store};
use bytes::Bytes;
use framemill_gcs_api::Precondition;
use framemill_support::finding::Finding;
use futures::{StreamExt, stream};

/// Most folders that are named to someone who has the wrong one.
const MOST_FOLDERS: usize = 10;
/// How many objects are searched for one that is not a console's folder.
const FIRST_OBJECTS: usize = 100;

/// What to do about an error.
pub(super) type Remedy<'a> = &'a (dyn Fn(&StoreError) -> String + Send + Sync);

/// Lists and looks up below each prefix that is read; writes and deletes an object below each
/// prefix that is written to.
pub(super) async fn check(
    store: &dyn Store,
    url: &str,
    access: &Access,
    remedy: Remedy<'_>,
) -> Vec<Finding> {
    let mut findings = readable(store, url, access, remedy).await;
    for prefix in &access.write {
        findings.push(write(store, url, prefix, remedy).await);
    }
    findings
}

/// Lists and looks up an object below each prefix that is read.
pub(super) async fn readable(
    store: &dyn Store,
    url: &str,
    access: &Access,
    remedy: Remedy<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for prefix in &access.read {
        findings.push(read(store, url, prefix, remedy).await);
    }
    findings
}

async fn read(store: &dyn Store, url: &str, prefix: &str, remedy: Remedy<'_>) -> Finding {
    let subject = format!("{url}/{prefix}");
    let seen = async {
        // Consoles make folders out of empty objects, which are no videos.
        let found = store.list(prefix, None, FIRST_OBJECTS).await?;
        match found.iter().find(|meta| !meta.name.ends_with('/')) {
            Some(first) => store.head(&first.name).await.map(Some),
            None => Ok(None),
        }
    };
    match seen.await {
        Ok(Some(_)) => Finding::good(subject, "objects are there and can be read"),
        Ok(None) => nothing(store, subject, prefix).await,
        Err(error) => Finding::error(subject, error.to_string(), remedy(&error)),
    }
}

/// The bucket can be listed, but nothing lies below the prefix.
async fn nothing(store: &dyn Store, subject: String, prefix: &str) -> Finding {
    let folders = match folders(store).await {
        Ok(folders) => folders,
        Err(error) => return Finding::warning(subject, "no objects here", error.to_string()),
    };
    let remedy = if folders.is_empty() {
        "the bucket is empty: upload a video".to_owned()
    } else {
        format!(
            "upload a video, or set the path to one that exists: {}",
            folders.join(", ")
        )
    };
    Finding::warning(subject, format!("no objects below `{prefix}`"), remedy)
}

/// The first folders and objects at the top of a bucket. Lists from one folder to the next,
/// however many objects each holds.
async fn folders(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    let mut after = String::new();
    while found.len() < MOST_FOLDERS {
        let next = store.list("", Some(&after), 1).await?;
        let Some(first) = next.into_iter().next() else {
            break;
        };
        match first.name.split_once('/') {
            Some((folder, _)) => {
                // `0` is the character after `/`: all names of the folder come before this.
                after = format!("{folder}0");
                found.push(format!("{folder}/"));
            }
            None => {
                after.clone_from(&first.name);
                found.push(first.name);
            }
        }
    }
    Ok(found)
}

/// Whether objects can be created and deleted below a prefix: by doing it.
pub(super) async fn write(
    store: &dyn Store,
    url: &str,
    prefix: &str,
    remedy: Remedy<'_>,
) -> Finding {
    let subject = format!("{url}/{prefix}");
    let name = format!("{prefix}.framemill-check-{:016x}", fastrand::u64(..));
    let bytes = stream::iter([Ok(Bytes::from_static(b"check"))]).boxed();
    let object = NewObject {
        content_type: Some("text/plain".to_owned()),
        ..NewObject::default()
    };
    let create_only = Precondition::Generation(0);
    let meta = match store.write(&name, create_only, object, bytes).await {
        Ok(meta) => meta,
        Err(error) => return Finding::error(subject, error.to_string(), remedy(&error)),
    };
    let this_one = Precondition::Generation(meta.generation);
    match store.delete(&name, this_one).await {
        Ok(()) => Finding::good(subject, "objects can be created and deleted"),
        Err(error) => Finding::warning(
            subject,
            format!("objects can be created but not deleted; `{name}` is left behind: {error}"),
            remedy(&error),
        ),
    }
}
