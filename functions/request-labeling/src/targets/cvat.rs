//! CVAT: <https://docs.cvat.ai/docs/api_sdk/api/>. A batch of frames is one CVAT task, whose data
//! are images of a cloud storage that CVAT knows. What is there is found by the task's name.
//!
//! Predictions are left out: CVAT takes annotations only once its own import of the images,
//! which runs in the background, is done.

use super::body::body;
use framemill_component_sdk::gcs::encoded;
use framemill_component_sdk::http::{HttpRequest, Web};
use framemill_component_sdk::labeling::{Api, Target, TargetError};
use framemill_contract::{LabelBatch, LabelConfig, SentBatch};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Longest part of the video's name in a task's name; CVAT allows 256 characters for all.
const LONGEST_NAME: usize = 150;

/// A CVAT.
pub(super) struct Cvat<'a, W> {
    api: Api<'a, W>,
    config: &'a LabelConfig,
}

#[derive(Deserialize)]
struct Tasks {
    results: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    id: u64,
    name: String,
    /// Images; none before data was attached.
    size: Option<u64>,
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

    async fn find(&self, name: &str) -> Result<Option<Task>, TargetError> {
        let filter = json!({"and": [{"==": [{"var": "name"}, name]}]}).to_string();
        let url = format!(
            "{}/api/tasks?page_size=10&filter={}",
            self.config.target_url,
            encoded(&filter)
        );
        let tasks: Tasks = self.api.query(HttpRequest::get(url)).await?;
        Ok(tasks.results.into_iter().find(|task| task.name == name))
    }

    async fn create(&self, name: &str, until: u64) -> Result<Task, TargetError> {
        let task = match &self.config.project {
            Some(project) => json!({"name": name, "project_id": project.parse::<u32>().ok()}),
            None => {
                let label = |name: &String| json!({"name": name, "attributes": []});
                let labels: Vec<Value> = self.config.labels.iter().map(label).collect();
                json!({"name": name, "labels": labels})
            }
        };
        let url = format!("{}/api/tasks", self.config.target_url);
        let request = HttpRequest::post(url, body(&task)?);
        self.api.mutate(request, until).await?.json()
    }

    async fn attach(&self, task: u64, batch: &LabelBatch, until: u64) -> Result<(), TargetError> {
        let files: Vec<&str> = batch.frames.iter().map(|it| it.object.as_str()).collect();
        let data = json!({
            "server_files": files,
            "cloud_storage_id": self.config.cloud_storage,
            "image_quality": 95,
            "use_cache": true,
            "sorting_method": "predefined",
        });
        let url = format!("{}/api/tasks/{task}/data", self.config.target_url);
        let request = HttpRequest::post(url, body(&data)?);
        match self.api.mutate(request, until).await {
            // Its data is on its way, or there, since we asked.
            Err(TargetError::Refused { status: 409, .. }) => Ok(()),
            Err(TargetError::Refused { message, .. }) if message.contains("Adding more data") => {
                Ok(())
            }
            answer => answer.map(|_| ()),
        }
    }
}

impl<W: Web> Target for Cvat<'_, W> {
    /// Batches are asked for one by one.
    async fn existing(&self, _video: &str) -> Result<HashMap<String, String>, TargetError> {
        Ok(HashMap::new())
    }

    async fn send(&self, batch: &LabelBatch, until: u64) -> Result<SentBatch, TargetError> {
        let name = name(batch);
        let frames = batch.frames.len() as u64;
        let found = self.find(&name).await?;
        let complete = |task: &Task| task.size.is_some_and(|size| size > 0);
        if let Some(task) = found.as_ref().filter(|task| complete(task)) {
            return Ok(SentBatch {
                tasks: 0,
                existing: frames,
                ids: vec![task.id.to_string()],
            });
        }
        let task = match found {
            Some(task) => task,
            None => self.create(&name, until).await?,
        };
        self.attach(task.id, batch, until).await?;
        Ok(SentBatch {
            tasks: frames,
            existing: 0,
            ids: vec![task.id.to_string()],
        })
    }
}

/// For people, and at its end for finding it again.
fn name(batch: &LabelBatch) -> String {
    let (from, key) = (&batch.source.name, batch.idempotency_key());
    let skipped = from.chars().count().saturating_sub(LONGEST_NAME);
    let end: String = from.chars().skip(skipped).collect();
    format!("{end} {}/{} [{key}]", batch.batch, batch.batches)
}
