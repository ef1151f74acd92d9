//! Current annotations as documents of Firestore, over its REST API. An older revision never replaces a
//! newer one: what is there is read first, and each write counts only if that is still there.
//! <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents>

use framemill_annotations::FrameAnnotation;
use framemill_annotations::firestore::{Document, Precondition, REVISION};
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Web, WebError};
use framemill_contract::{CollectConfig, ConfigError, FirestoreConfig, JobError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Most writes of a commit: Firestore's limit.
const MOST_WRITES: usize = 500;
/// Most bytes of documents in a commit: requests of 10 MiB are Firestore's limit, and that of small clouds.
const MOST_BYTES: usize = 6 << 20;
/// How often a commit is tried while others write the same documents.
const TRIES: u32 = 10;

/// Documents on their way to a Firestore.
pub(crate) struct Mirror<'a, W> {
    web: &'a W,
    config: &'a CollectConfig,
    /// By name.
    pending: BTreeMap<String, Document>,
    bytes: usize,
}

/// What is there of a document.
struct There {
    revision: String,
    updated: String,
}

/// A line of the answer of `batchGet`.
#[derive(Deserialize)]
struct Got {
    found: Option<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    name: String,
    #[serde(default)]
    fields: Value,
    update_time: String,
}

/// What became of a commit.
enum Committed {
    All,
    /// Someone else wrote one of them meanwhile.
    Overtaken,
}

impl<'a, W: Web> Mirror<'a, W> {
    /// To the Firestore that is configured, if one is.
    pub fn new(web: &'a W, config: &'a CollectConfig) -> Self {
        Self {
            web,
            config,
            pending: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        self.config.firestore.is_some()
    }

    /// Takes what is current of a frame; it is there after the next [`Mirror::flush`].
    ///
    /// # Errors
    /// As [`Mirror::flush`].
    pub async fn add(&mut self, current: &FrameAnnotation) -> Result<(), JobError> {
        let Some(firestore) = &self.config.firestore else {
            return Ok(());
        };
        let document = Document::new(&firestore.documents(), current);
        let bytes = document.fields.to_string().len();
        let full = self.pending.len() >= MOST_WRITES;
        if full || self.bytes.saturating_add(bytes) > MOST_BYTES {
            self.flush().await?;
        }
        let newer = |there: &Document| there.revision < document.revision;
        if self.pending.get(&document.name).is_none_or(newer) {
            self.bytes = self.bytes.saturating_add(bytes);
            self.pending.insert(document.name.clone(), document);
        }
        Ok(())
    }

    /// Has all that was added in Firestore, or something newer.
    ///
    /// # Errors
    /// [`JobError::Config`] where a setting is wrong, [`JobError::Mirror`] where another try can help.
    pub async fn flush(&mut self) -> Result<(), JobError> {
        let Some(firestore) = &self.config.firestore else {
            return Ok(());
        };
        for _ in 0..TRIES {
            let there = self.there(firestore).await?;
            self.pending.retain(|name, document| {
                let there = there.get(name);
                there.is_none_or(|there| there.revision < document.revision)
            });
            if self.pending.is_empty() {
                self.bytes = 0;
                return Ok(());
            }
            match self.commit(firestore, &there).await? {
                Committed::All => {
                    self.pending.clear();
                    self.bytes = 0;
                    return Ok(());
                }
                Committed::Overtaken => {}
            }
        }
        let reason = format!("others wrote the same documents {TRIES} times meanwhile");
        Err(JobError::Mirror { reason })
    }

    /// What is there of the pending documents, by name.
    async fn there(&self, firestore: &FirestoreConfig) -> Result<HashMap<String, There>, JobError> {
        if self.pending.is_empty() {
            return Ok(HashMap::new());
        }
        let names: Vec<&String> = self.pending.keys().collect();
        let question = json!({"documents": names, "mask": {"fieldPaths": [REVISION]}});
        let answer = self.post(firestore.call("batchGet"), &question).await?;
        let lines: Vec<Got> = self.read(answer)?;
        let found = lines.into_iter().filter_map(|line| line.found);
        let there = found.map(|found| {
            let revision = found.fields[REVISION]["stringValue"].as_str();
            let there = There {
                // What has none is not ours, and counts as older.
                revision: revision.unwrap_or_default().to_owned(),
                updated: found.update_time,
            };
            (found.name, there)
        });
        Ok(there.collect())
    }

    async fn commit(
        &self,
        firestore: &FirestoreConfig,
        there: &HashMap<String, There>,
    ) -> Result<Committed, JobError> {
        let write = |(name, document): (&String, &Document)| {
            let there = there.get(name);
            document.write(there.map_or(Precondition::Missing, |there| {
                Precondition::UpdatedAt(&there.updated)
            }))
        };
        let writes: Vec<Value> = self.pending.iter().map(write).collect();
        let body = json!({ "writes": writes });
        let answer = self.post(firestore.call("commit"), &body).await?;
        if is_overtaken(&answer) {
            return Ok(Committed::Overtaken);
        }
        self.read::<Value>(answer).map(|_| Committed::All)
    }

    async fn post(&self, url: String, body: &Value) -> Result<HttpResponse, JobError> {
        let request = HttpRequest::post(url, body.to_string().into_bytes());
        let sent = self.web.send(request).await;
        sent.map_err(|error| match error {
            WebError::Unsent(error) => error,
            error => JobError::Mirror {
                reason: error.to_string(),
            },
        })
    }

    fn read<T: DeserializeOwned>(&self, answer: HttpResponse) -> Result<T, JobError> {
        let said = format!("status {}: {}", answer.status, answer.text());
        let wrong = |reason: String| {
            let error = ConfigError::new("firestore", reason);
            JobError::Config(self.config.as_set(error))
        };
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(|error| JobError::Mirror {
                reason: format!("answer is not understood: {error}"),
            }),
            401 | 403 => Err(wrong(format!(
                "may not be written: give framemill's account the role roles/datastore.user ({said})"
            ))),
            404 => Err(wrong(format!(
                "is not there: create the database, in native mode ({said})"
            ))),
            _ => Err(JobError::Mirror { reason: said }),
        }
    }
}

/// Whether a precondition of a commit did not hold, or it met another one.
fn is_overtaken(answer: &HttpResponse) -> bool {
    #[derive(Deserialize)]
    struct Failure {
        error: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        status: String,
    }
    let failure: Option<Failure> = serde_json::from_slice(&answer.body).ok();
    // A document that was deleted meanwhile is not found; a database that is not there is told of by the
    // question before each commit.
    let overtaken = [
        "FAILED_PRECONDITION",
        "ABORTED",
        "ALREADY_EXISTS",
        "NOT_FOUND",
    ];
    answer.status != 200 && failure.is_some_and(|it| overtaken.contains(&it.error.status.as_str()))
}
