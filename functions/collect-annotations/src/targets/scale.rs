//! Scale AI: <https://docs.scale.com/reference/task-object>. A task is a frame.

use crate::answering::{Answering, FrameAnswers, Hint, Page, TaskAnswers, parsed};
use framemill_annotations::sources::scale::ScaleTask;
use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web, basic_authorization};
use framemill_component_sdk::labeling::{Api, TargetError};
use framemill_contract::LabelConfig;
use jiff::Timestamp;
use serde::Deserialize;

/// Tasks on a page of a listing; 100 at most.
const PAGE: u64 = 100;

/// A project of Scale.
pub(super) struct Scale<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

/// A callback: the task is in it too, but is read again.
#[derive(Deserialize)]
struct Callback {
    #[serde(default)]
    task_id: Option<String>,
    #[serde(default)]
    task: Option<TaskId>,
}

#[derive(Deserialize)]
struct TaskId {
    task_id: String,
}

#[derive(Deserialize)]
struct Listing {
    docs: Vec<ScaleTask>,
    #[serde(default)]
    next_token: Option<String>,
}

impl<'a, W: Web> Scale<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| basic_authorization(token.reveal()));
        Self {
            api: Api::new(web, header, "project"),
            config,
        }
    }
}

impl<W: Web> Answering for Scale<'_, W> {
    fn hint(&self, webhook: &[u8]) -> Result<Hint, String> {
        let Callback { task_id, task } = parsed(webhook)?;
        let id = task_id.or(task.map(|task| task.task_id));
        id.map(Hint::Task)
            .ok_or_else(|| "webhook: it names no task".to_owned())
    }

    async fn task(&self, id: &str) -> Result<Option<TaskAnswers>, TargetError> {
        let url = format!("{}/v1/task/{}", self.config.target_url, encoded(id));
        let task: Option<ScaleTask> = self.api.find(HttpRequest::get(url)).await?;
        Ok(task.and_then(answers))
    }

    async fn changed(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page, TargetError> {
        let mut url = format!("{}/v1/tasks?limit={PAGE}", self.config.target_url);
        let since = since.map(|since| since.to_string());
        for (name, value) in [
            ("project", self.config.project.as_deref()),
            ("updated_after", since.as_deref()),
            ("next_token", from),
        ] {
            if let Some(value) = value {
                url.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        let Listing { docs, next_token } = self.api.query(HttpRequest::get(url)).await?;
        Ok(Page {
            tasks: docs.into_iter().filter_map(answers).collect(),
            next: next_token.filter(|token| !token.is_empty()),
        })
    }
}

/// `None` of a task that is not framemill's.
fn answers(task: ScaleTask) -> Option<TaskAnswers> {
    let frame = FrameAnswers {
        key: Some(task.frame()?.to_owned()),
        image: task.object()?.to_owned(),
        answers: {
            let task = task.clone();
            // In pixels already.
            Box::new(move |_, _| task.answers())
        },
    };
    Some(TaskAnswers {
        task: task.task(),
        frames: vec![frame],
    })
}
