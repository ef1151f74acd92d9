//! Label Studio: <https://labelstud.io/guide/webhook_reference>. A task is a frame.

use crate::answering::{Answering, FrameAnswers, Hint, Page, TaskAnswers, parsed};
use framemill_annotations::sources::label_studio::LabelStudioTask;
use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, TargetError};
use framemill_contract::LabelConfig;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// Tasks on a page of a listing: each is read by itself then.
const PAGE: u64 = 50;
/// Tasks on a page where they are only named: as many as it gives by itself.
const PAGE_OF_IDS: u64 = 100;
/// Tasks that are read at a time.
const PARALLEL: usize = 8;

/// A project of a Label Studio.
pub(super) struct LabelStudio<'a, W> {
    api: Api<'a, W>,
    url: &'a str,
    project: &'a str,
}

#[derive(Deserialize)]
struct Webhook {
    action: String,
    #[serde(default)]
    task: Option<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct Listing {
    total: u64,
    tasks: Vec<Id>,
}

impl<'a, W: Web> LabelStudio<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        Self {
            api: Api::with_token(web, config, "project"),
            url: &config.target_url,
            project: config.project.as_deref().unwrap_or_default(),
        }
    }

    /// Ids of the tasks that changed since `since`, or of all: a page of this size.
    async fn page(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
        size: u64,
    ) -> Result<Page<String>, TargetError> {
        let url = self.page_url(since, from, size);
        let Listing { total, tasks } = self.api.query(HttpRequest::get(url)).await?;
        let more = (tasks.len() as u64) < total;
        let last = tasks.last().filter(|_| more);
        Ok(Page {
            next: last.map(|task| task.id.to_string()),
            items: tasks.iter().map(|task| task.id.to_string()).collect(),
        })
    }

    /// The tasks after the one that `from` names, by id: a task that is deleted while pages are turned moves
    /// none over the edge of a page.
    fn page_url(&self, since: Option<Timestamp>, from: Option<&str>, size: u64) -> String {
        let newer = |since: Timestamp| {
            json!({
                "filter": "filter:tasks:updated_at",
                "operator": "greater",
                "type": "Datetime",
                "value": since.to_string(),
            })
        };
        let after = |id: u64| {
            json!({
                "filter": "filter:tasks:id",
                "operator": "greater",
                "type": "Number",
                "value": id,
            })
        };
        let from = from.and_then(|from| from.parse().ok());
        let items: Vec<_> = since
            .map(newer)
            .into_iter()
            .chain(from.map(after))
            .collect();
        let query = json!({
            "filters": {"conjunction": "and", "items": items},
            "ordering": ["tasks:id"],
        });
        format!(
            "{}/api/tasks?project={}&page=1&page_size={size}&fields=task_only&query={}",
            self.url,
            self.project,
            encoded(&query.to_string())
        )
    }
}

impl<W: Web> Answering for LabelStudio<'_, W> {
    /// `ANNOTATIONS_DELETED` names annotations and no task.
    fn hint(&self, webhook: &[u8]) -> Result<Hint, String> {
        let Webhook { action, task } = parsed(webhook)?;
        Ok(match task {
            _ if !action.contains("ANNOTATION") => Hint::Nothing,
            Some(task) => Hint::Task(task.id.to_string()),
            None => Hint::Anything,
        })
    }

    async fn task(&self, id: &str) -> Result<Option<TaskAnswers>, TargetError> {
        let url = format!("{}/api/tasks/{}/", self.url, encoded(id));
        let task: Option<LabelStudioTask> = self.api.find(HttpRequest::get(url)).await?;
        // Its token may see tasks of other projects, whose webhooks may come here too.
        let ours = task.filter(|task| task.is_of_project(self.project));
        Ok(ours.and_then(answers))
    }

    async fn changed(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page<TaskAnswers>, TargetError> {
        let Page { items, next } = self.page(since, from, PAGE).await?;
        let mut read = Vec::with_capacity(items.len());
        for ids in items.chunks(PARALLEL) {
            let found = try_join_all(ids.iter().map(|id| self.task(id))).await?;
            read.extend(found.into_iter().flatten());
        }
        Ok(Page { items: read, next })
    }

    async fn ids(&self, from: Option<&str>) -> Result<Page<String>, TargetError> {
        self.page(None, from, PAGE_OF_IDS).await
    }

    async fn is_gone(&self, id: &str) -> Result<bool, TargetError> {
        let url = format!("{}/api/tasks/{}/", self.url, encoded(id));
        let task: Option<Id> = self.api.find(HttpRequest::get(url)).await?;
        Ok(task.is_none())
    }

    async fn has_project(&self) -> Result<bool, TargetError> {
        let url = format!("{}/api/projects/{}/", self.url, self.project);
        let _: Id = self.api.query(HttpRequest::get(url)).await?;
        Ok(true)
    }
}

/// `None` of a task that is not framemill's.
fn answers(task: LabelStudioTask) -> Option<TaskAnswers> {
    let frame = FrameAnswers {
        key: Some(task.frame()?.to_owned()),
        image: task.object()?.to_owned(),
        answers: {
            let task = task.clone();
            Box::new(move |width, height| task.answers(width, height))
        },
    };
    Some(TaskAnswers {
        task: task.task(),
        frames: vec![frame],
    })
}
