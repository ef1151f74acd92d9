//! CVAT: <https://docs.cvat.ai/docs/api_sdk/api/>. A task holds many frames, and its jobs their
//! annotations.

use crate::answering::{Answering, FrameAnswers, Hint, Page, TaskAnswers, parsed};
use framemill_annotations::sources::cvat::{CvatFrame, CvatTask};
use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, TargetError};
use framemill_contract::LabelConfig;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Tasks on a page of a listing: each is read by itself then.
const PAGE: u64 = 20;
/// Tasks on a page where they are only named.
const PAGE_OF_IDS: u64 = 100;
/// Jobs and labels of a task, at most: more than CVAT gives on a page.
const MOST: u64 = 10_000;

/// A CVAT.
pub(super) struct Cvat<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

#[derive(Deserialize)]
struct Webhook {
    event: String,
    #[serde(default)]
    job: Option<Job>,
    #[serde(default)]
    task: Option<Id>,
}

#[derive(Deserialize)]
struct Job {
    task_id: u64,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct OfProject {
    #[serde(default)]
    project_id: Option<u64>,
}

#[derive(Deserialize)]
struct Listing {
    results: Vec<Id>,
    #[serde(default)]
    next: Option<String>,
}

impl<'a, W: Web> Cvat<'a, W> {
    pub(super) fn new(web: &'a W, config: &'a LabelConfig) -> Self {
        let place = match config.project {
            Some(_) => "project",
            None => "target_url",
        };
        Self {
            api: Api::with_token(web, config, place),
            config,
        }
    }

    /// A part of a task; `None` where it is gone.
    async fn get(&self, path: String) -> Result<Option<Vec<u8>>, TargetError> {
        let url = format!("{}/api/{path}", self.config.target_url);
        let value: Option<Value> = self.api.find(HttpRequest::get(url)).await?;
        Ok(value.map(|value| value.to_string().into_bytes()))
    }

    /// Ids of the tasks that changed since `since`, or of all: a page of this size.
    async fn page(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
        size: u64,
    ) -> Result<Page<String>, TargetError> {
        let mut filters = Vec::new();
        // After the one that `from` names: a task that is deleted while pages are turned moves none over the
        // edge of a page.
        if let Some(last) = from.and_then(|from| from.parse::<u64>().ok()) {
            filters.push(json!({">": [{"var": "id"}, last]}));
        }
        if let Some(since) = since {
            let since = since.to_string();
            filters.push(json!({">": [{"var": "updated_date"}, since]}));
        }
        if let Some(project) = &self.config.project {
            filters.push(json!({"==": [{"var": "project_id"}, project.parse::<u64>().ok()]}));
        }
        let mut url = format!(
            "{}/api/tasks?sort=id&page=1&page_size={size}",
            self.config.target_url
        );
        if !filters.is_empty() {
            let filter = json!({ "and": filters }).to_string();
            url.push_str(&format!("&filter={}", encoded(&filter)));
        }
        let Listing { results, next } = self.api.query(HttpRequest::get(url)).await?;
        Ok(Page {
            next: next.and_then(|_| Some(results.last()?.id.to_string())),
            items: results.iter().map(|task| task.id.to_string()).collect(),
        })
    }

    /// What a task says, whatever its project.
    async fn read(&self, id: &str) -> Result<Option<TaskAnswers>, TargetError> {
        let path = encoded(id);
        let Some(meta) = self.get(format!("tasks/{path}/data/meta")).await? else {
            return Ok(None);
        };
        let labels = self.get(format!("labels?task_id={path}&page_size={MOST}"));
        let Some(labels) = labels.await? else {
            return Ok(None);
        };
        let jobs = self.get(format!("jobs?task_id={path}&page_size={MOST}"));
        let Some(jobs) = jobs.await? else {
            return Ok(None);
        };
        let unreadable = |error: framemill_annotations::sources::NotAnAnswer| {
            TargetError::transient(error.to_string())
        };
        let task = CvatTask::parse(id, &meta, &labels, &jobs).map_err(unreadable)?;
        let mut said: HashMap<u64, Vec<u8>> = HashMap::new();
        for job in task.jobs() {
            if let Some(body) = self.get(format!("jobs/{job}/annotations")).await? {
                said.insert(job, body);
            }
        }
        let frames = task.frames(|job| said.get(&job).map(Vec::as_slice));
        let frames = frames.map_err(unreadable)?;
        Ok(Some(TaskAnswers {
            task: task.task(),
            frames: frames.into_iter().map(answers).collect(),
        }))
    }
}

impl<W: Web> Answering for Cvat<'_, W> {
    fn hint(&self, webhook: &[u8]) -> Result<Hint, String> {
        let Webhook { event, job, task } = parsed(webhook)?;
        let id = job.map(|job| job.task_id).or(task.map(|task| task.id));
        Ok(match id {
            Some(id) if event != "ping" => Hint::Task(id.to_string()),
            _ => Hint::Nothing,
        })
    }

    async fn task(&self, id: &str) -> Result<Option<TaskAnswers>, TargetError> {
        if let Some(project) = &self.config.project {
            // Its token may see tasks of other projects, whose webhooks may come here too.
            let url = format!("{}/api/tasks/{}", self.config.target_url, encoded(id));
            let task: Option<OfProject> = self.api.find(HttpRequest::get(url)).await?;
            let ours =
                |task: OfProject| task.project_id.is_none_or(|it| it.to_string() == *project);
            if !task.is_some_and(ours) {
                return Ok(None);
            }
        }
        self.read(id).await
    }

    async fn changed(
        &self,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Page<TaskAnswers>, TargetError> {
        let Page { items, next } = self.page(since, from, PAGE).await?;
        let mut tasks = Vec::with_capacity(items.len());
        for id in items {
            tasks.extend(self.read(&id).await?);
        }
        Ok(Page { items: tasks, next })
    }

    async fn ids(&self, from: Option<&str>) -> Result<Page<String>, TargetError> {
        self.page(None, from, PAGE_OF_IDS).await
    }

    async fn is_gone(&self, id: &str) -> Result<bool, TargetError> {
        let task = self.get(format!("tasks/{}", encoded(id))).await?;
        Ok(task.is_none())
    }

    async fn has_project(&self) -> Result<bool, TargetError> {
        let Some(project) = &self.config.project else {
            return Ok(false);
        };
        let url = format!("{}/api/projects/{project}", self.config.target_url);
        let _: Id = self.api.query(HttpRequest::get(url)).await?;
        Ok(true)
    }
}

fn answers(frame: CvatFrame) -> FrameAnswers {
    FrameAnswers {
        key: None,
        image: frame.image,
        // In pixels already.
        answers: Box::new(move |_, _| frame.answers.clone()),
    }
}
