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

    async fn find(&self, id: &str) -> Result<Option<ScaleTask>, TargetError> {
        let url = format!("{}/v1/task/{}", self.config.target_url, encoded(id));
        self.api.find(HttpRequest::get(url)).await
    }

    /// The tasks that changed since `since`, or all: a page of them.
    async fn page(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page<ScaleTask>, TargetError> {
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
            items: docs,
            next: next_token.filter(|token| !token.is_empty()),
        })
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
        let task = self.find(id).await?;
        let project = self.config.project.as_deref();
        let ours = |task: &ScaleTask| project.is_none_or(|project| task.is_of_project(project));
        Ok(task.filter(ours).and_then(answers))
    }

    async fn changed(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page<TaskAnswers>, TargetError> {
        let Page { items, next } = self.page(since, from).await?;
        Ok(Page {
            items: items.into_iter().filter_map(answers).collect(),
            next,
        })
    }

    async fn ids(&self, from: Option<&str>) -> Result<Page<String>, TargetError> {
        let Page { items, next } = self.page(None, from).await?;
        let there = items.iter().filter(|task| !task.is_canceled());
        Ok(Page {
            items: there.map(|task| task.task().id).collect(),
            next,
        })
    }

    /// Nothing is deleted there: it is canceled.
    async fn is_gone(&self, id: &str) -> Result<bool, TargetError> {
        let task = self.find(id).await?;
        Ok(task.is_none_or(|task| task.is_canceled()))
    }

    async fn has_project(&self) -> Result<bool, TargetError> {
        let Some(project) = &self.config.project else {
            return Ok(false);
        };
        let base = &self.config.target_url;
        let url = format!("{base}/v1/projects/{}", encoded(project));
        let _: serde::de::IgnoredAny = self.api.query(HttpRequest::get(url)).await?;
        Ok(true)
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
