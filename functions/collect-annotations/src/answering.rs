//! A labeling system that is read: what its webhooks speak of, and what it answers.

use framemill_annotations::{Answer, Task};
use framemill_component_sdk::labeling::TargetError;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

/// What a webhook says may have changed.
pub(crate) enum Hint {
    /// One task.
    Task(String),
    /// It says all itself.
    Answers(Vec<TaskAnswers>),
    /// It does not say which, or it is a sync.
    Anything,
    /// Nothing about annotations.
    Nothing,
}

/// What a target says about the frames of a task.
pub(crate) struct TaskAnswers {
    /// Id and time.
    pub task: Task,
    /// Its frames.
    pub frames: Vec<FrameAnswers>,
}

/// What a target says about a frame.
pub(crate) struct FrameAnswers {
    /// Key that the task had for the frame; `None` where the target has no place for it.
    pub key: Option<String>,
    /// Name of its image, or `gs://bucket/name`.
    pub image: String,
    /// From width and height of the image to what is said: some targets count in percent.
    pub answers: Box<dyn Fn(u32, u32) -> Vec<Answer>>,
}

/// Some of a listing, and where the next begin.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// A labeling system that is read.
#[allow(async_fn_in_trait)]
pub(crate) trait Answering {
    /// Whether its tasks can be listed, so that what is not there is known to be deleted.
    const LISTS_TASKS: bool = true;

    /// What a webhook speaks of.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn hint(&self, webhook: &[u8]) -> Result<Hint, String>;

    /// A task; `None` where it is gone, or none of ours.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn task(&self, id: &str) -> Result<Option<TaskAnswers>, TargetError>;

    /// The tasks that changed since `since`, those whose answers were taken back too: a page of them,
    /// from where the one before says.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn changed(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page<TaskAnswers>, TargetError>;

    /// Ids of all tasks that there are: a page of them, from where the one before says.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn ids(&self, from: Option<&str>) -> Result<Page<String>, TargetError>;

    /// Whether the task with this id is not there, asked about it alone.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn is_gone(&self, id: &str) -> Result<bool, TargetError>;

    /// Whether the project itself answers, so that a listing of it without a task is one; false where
    /// none is configured.
    ///
    /// # Errors
    /// [`TargetError`], also where the project is not there.
    async fn has_project(&self) -> Result<bool, TargetError>;
}

/// The body of a webhook.
pub(crate) fn parsed<T: DeserializeOwned>(webhook: &[u8]) -> Result<T, String> {
    serde_json::from_slice(webhook).map_err(|error| format!("webhook: {error}"))
}
