//! Tasks that were deleted at the target: no webhook has to come for them, and no listing of what
//! changed has them. They are those of known frames that a listing of all tasks lacks.

use crate::answering::{Answering, Page};
use crate::stop::Stop;
use framemill_annotations::{FrameAnnotation, State};
use framemill_component_sdk::annotations::current;
use framemill_component_sdk::labeling::{TargetError, misconfigured};
use framemill_component_sdk::store::Objects;
use std::collections::BTreeMap;

/// Most pages of a listing: more than any project has.
const MOST_PAGES: usize = 1_000_000;
/// That all tasks are deleted is believed of this many known ones; of more, the project has to answer.
const MOST_UNPROVEN: usize = 10;

/// The folders of frames that have answers, by the task that is their current one.
pub(crate) type Known = BTreeMap<String, Vec<String>>;

/// Notes a frame, if it has answers.
pub(crate) fn note(known: &mut Known, folder: String, current: FrameAnnotation) {
    if is_there(&current) {
        known.entry(current.task).or_default().push(folder);
    }
}

/// What follows for the frames whose task was deleted: their folders, and the revisions that are due.
///
/// What is known was read before the tasks are listed, so a task that is new is no deleted one. Each that
/// the listing lacks is asked about by itself: pages may shift while they are turned. Nothing is told of
/// a listing that breaks off.
///
/// # Errors
/// [`Stop`]; a target that lists nothing at all where much is known is misconfigured.
pub(crate) async fn deletions<O: Objects, T: Answering>(
    objects: &O,
    target: &T,
    bucket: &str,
    known: Known,
) -> Result<Vec<(String, FrameAnnotation)>, Stop> {
    let missing = missing(target, known).await.map_err(Stop::Target)?;
    let mut found = Vec::new();
    for (task, folders) in missing {
        if !target.is_gone(&task).await.map_err(Stop::Target)? {
            continue;
        }
        for folder in folders {
            let current = current(objects, bucket, &folder).await?;
            if let Some(current) = current.filter(|it| it.task == task && is_there(it)) {
                found.push((folder, current.of_deleted_task()));
            }
        }
    }
    Ok(found)
}

fn is_there(annotation: &FrameAnnotation) -> bool {
    annotation.state != State::Deleted
}

/// Those that a listing of all tasks lacks.
async fn missing<T: Answering>(target: &T, mut known: Known) -> Result<Known, TargetError> {
    let before = known.len();
    if before == 0 {
        return Ok(known);
    }
    let (mut listed, mut from) = (false, None);
    for _ in 0..MOST_PAGES {
        let Page { items, next } = target.ids(from.as_deref()).await?;
        listed |= !items.is_empty();
        for id in items {
            known.remove(&id);
        }
        from = next;
        if from.is_some() {
            continue;
        }
        if !listed && before > MOST_UNPROVEN && !target.has_project().await? {
            let reason = format!(
                "lists no task, but {before} are known: give the token the right to see them, or name the project, whose answer proves that they are deleted"
            );
            return Err(misconfigured("token", reason));
        }
        return Ok(known);
    }
    let reason = format!("the listing of all tasks has more than {MOST_PAGES} pages");
    Err(TargetError::transient(reason))
}
