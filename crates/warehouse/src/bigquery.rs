//! Loads of Parquet files into BigQuery: requests and answers of its REST API, version 2
//! (<https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs>).

use crate::table::TableFacts;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;

/// Hex digits of a hash in a job's id.
const HASH_DIGITS: usize = 32;
/// Longest project, with the domain that old ones have before it.
const LONGEST_PROJECT: usize = 100;
/// Longest dataset, as documented.
const LONGEST_DATASET: usize = 1024;
/// Characters of a message that are kept.
const LONGEST_MESSAGE: usize = 1000;

/// Where tables are loaded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Project.
    pub project: String,
    /// Dataset in it.
    pub dataset: String,
}

/// Why a text is no dataset's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not PROJECT.DATASET: letters, digits and hyphens, then letters, digits and underscores"
)]
pub struct NoDataset(String);

impl Dataset {
    /// From `project.dataset`.
    ///
    /// # Errors
    /// Where it is another text.
    pub fn parse(text: &str) -> Result<Self, NoDataset> {
        let fault = || NoDataset(text.chars().take(LONGEST_PROJECT).collect());
        let (project, dataset) = text.rsplit_once('.').ok_or_else(fault)?;
        // Old projects are `example.com:name`.
        let of_project = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        let of_dataset = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = |text: &str, longest: usize, of: &dyn Fn(u8) -> bool| {
            !text.is_empty() && text.len() <= longest && text.bytes().all(of)
        };
        if fits(project, LONGEST_PROJECT, &of_project)
            && fits(dataset, LONGEST_DATASET, &of_dataset)
        {
            return Ok(Self {
                project: project.to_owned(),
                dataset: dataset.to_owned(),
            });
        }
        Err(fault())
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.project, self.dataset)
    }
}

/// A file of a table in a bucket of Google Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredFile {
    /// `gs://bucket/name`.
    pub uri: String,
    /// Its generation.
    pub generation: i64,
}

/// A job that makes a table what its files are.
#[derive(Clone)]
pub struct LoadJob {
    table: TableFacts,
    dataset: Dataset,
    location: Option<String>,
    files: Vec<StoredFile>,
}

impl LoadJob {
    /// Of all files of a table.
    pub fn new(
        table: TableFacts,
        dataset: &Dataset,
        location: Option<&str>,
        mut files: Vec<StoredFile>,
    ) -> Self {
        files.sort();
        Self {
            table,
            dataset: dataset.clone(),
            location: location.map(str::to_owned),
            files,
        }
    }

    /// Its table.
    pub fn table(&self) -> &'static str {
        self.table.name
    }

    /// Where its dataset is, where that was said.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Its id, the `attempt`th, from 0: the same files in the same generations are the same job, so
    /// that a repeated one is refused and not done again. Generations, and not contents: files that
    /// go back to what they once were must be loaded again. A job that failed has used its id up, and
    /// the next attempt has another.
    pub fn id(&self, attempt: u32) -> String {
        let mut hash = Sha256::new();
        hash.update(self.dataset.to_string());
        hash.update(self.schema().to_string());
        for file in &self.files {
            hash.update(format!("\n{} {}", file.generation, file.uri));
        }
        let mut hash = hex::encode(hash.finalize());
        hash.truncate(HASH_DIGITS);
        format!("framemill_{}_{hash}_{attempt}", self.table.name)
    }

    /// Path of the requests about a project's jobs.
    pub fn jobs_path(&self) -> String {
        format!("/bigquery/v2/projects/{}/jobs", self.dataset.project)
    }

    /// Body of `jobs.insert`.
    pub fn insert_body(&self, attempt: u32) -> Value {
        let Dataset { project, dataset } = &self.dataset;
        let mut reference = json!({"projectId": project, "jobId": self.id(attempt)});
        if let Some(location) = &self.location {
            reference["location"] = json!(location);
        }
        let uris: Vec<&str> = self.files.iter().map(|file| file.uri.as_str()).collect();
        json!({
            "jobReference": reference,
            "configuration": {"load": {
                "sourceUris": uris,
                "sourceFormat": "PARQUET",
                "schema": self.schema(),
                "destinationTable": {
                    "projectId": project, "datasetId": dataset, "tableId": self.table.name,
                },
                "createDisposition": "CREATE_IF_NEEDED",
                "writeDisposition": "WRITE_TRUNCATE",
            }},
        })
    }

    /// The table's schema, as `TableSchema` has it.
    pub fn schema(&self) -> Value {
        let field = |column: crate::ColumnFacts| {
            let mode = if column.required {
                "REQUIRED"
            } else {
                "NULLABLE"
            };
            json!({
                "name": column.name, "type": column.kind.bigquery(), "mode": mode,
                "description": column.doc,
            })
        };
        let columns = self.table.columns();
        json!({"fields": columns.into_iter().map(field).collect::<Vec<_>>()})
    }
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// The table is what the files are.
    Done {
        /// Rows in it, where BigQuery says.
        rows: Option<u64>,
    },
    /// It waits or runs; where to ask for it.
    Pending {
        /// Location, where BigQuery says.
        location: Option<String>,
    },
    /// It ended, and the table is what it was.
    Failed(Problem),
}

/// What BigQuery says is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}: {message}")]
pub struct Problem {
    /// Its word for it, such as `invalid`.
    pub reason: String,
    /// In words.
    pub message: String,
}

/// An answer that is no job.
#[derive(Debug, Error)]
#[error("answer is no job as documented: {0}")]
pub struct NotAJob(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    status: Status,
    #[serde(default)]
    job_reference: Reference,
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: String,
    error_result: Option<ErrorProto>,
}

#[derive(Default, Deserialize)]
struct Reference {
    location: Option<String>,
}

#[derive(Default, Deserialize)]
struct Statistics {
    #[serde(default)]
    load: LoadStatistics,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadStatistics {
    output_rows: Option<String>,
}

#[derive(Deserialize)]
struct ErrorProto {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl From<ErrorProto> for Problem {
    fn from(error: ErrorProto) -> Self {
        Self {
            reason: error.reason.chars().take(LONGEST_MESSAGE).collect(),
            message: error.message.chars().take(LONGEST_MESSAGE).collect(),
        }
    }
}

impl JobState {
    /// From the body of an answer to `jobs.insert` or `jobs.get`.
    ///
    /// # Errors
    /// Where it is no job.
    pub fn parse(body: &[u8]) -> Result<Self, NotAJob> {
        let job: Job = serde_json::from_slice(body).map_err(|error| NotAJob(error.to_string()))?;
        match (job.status.state.as_str(), job.status.error_result) {
            ("DONE", Some(error)) => Ok(Self::Failed(error.into())),
            ("DONE", None) => {
                let rows = job.statistics.load.output_rows;
                Ok(Self::Done {
                    rows: rows.and_then(|rows| rows.parse().ok()),
                })
            }
            ("PENDING" | "RUNNING", _) => Ok(Self::Pending {
                location: job.job_reference.location,
            }),
            (other, _) => Err(NotAJob(format!(
                "state `{}`",
                other.chars().take(100).collect::<String>()
            ))),
        }
    }
}

/// What the body of an answer with the status of an error says; empty where it says nothing.
pub fn problem_of(body: &[u8]) -> Problem {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        message: String,
        #[serde(default)]
        errors: Vec<ErrorProto>,
    }
    let Ok(Body { error }) = serde_json::from_slice::<Body>(body) else {
        let text = String::from_utf8_lossy(body);
        return Problem {
            reason: "unknown".to_owned(),
            message: text.chars().take(LONGEST_MESSAGE).collect(),
        };
    };
    let first = error.errors.into_iter().next();
    Problem {
        reason: first.map_or_else(String::new, |first| first.reason),
        message: error.message.chars().take(LONGEST_MESSAGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TABLES;

    fn job(files: &[(&str, i64)]) -> LoadJob {
        let file = |&(uri, generation): &(&str, i64)| StoredFile {
            uri: uri.to_owned(),
            generation,
        };
        let dataset = Dataset::parse("p-1.d_1").unwrap();
        let files = files.iter().map(file).collect();
        LoadJob::new(TABLES[1], &dataset, Some("EU"), files)
    }

    #[test]
    fn a_dataset_has_a_project() {
        let parsed = Dataset::parse("example.com:p.d").unwrap();
        assert_eq!(
            (parsed.project.as_str(), parsed.dataset.as_str()),
            ("example.com:p", "d")
        );
        for wrong in ["", "d", ".d", "p.", "p/x.d", "p.d-1", "p.d/jobs", "p ?.d"] {
            assert!(Dataset::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_files_are_the_same_job() {
        let (a, b) = (("gs://b/a", 1), ("gs://b/b", 2));
        assert_eq!(job(&[a, b]).id(0), job(&[b, a]).id(0));
        for other in [
            job(&[a, b]).id(1),
            job(&[a]).id(0),
            job(&[a, ("gs://b/b", 3)]).id(0),
        ] {
            assert_ne!(other, job(&[a, b]).id(0));
        }
        let id = job(&[a]).id(0);
        // What ids may be made of.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(
            id.starts_with("framemill_frames_") && id.bytes().all(plain),
            "{id}"
        );
    }

    #[test]
    fn a_load_replaces_the_whole_table() {
        let body = job(&[("gs://b/x", 1)]).insert_body(0);
        let load = &body["configuration"]["load"];
        assert_eq!(load["writeDisposition"], "WRITE_TRUNCATE");
        assert_eq!(load["sourceUris"], json!(["gs://b/x"]));
        assert_eq!(body["jobReference"]["location"], "EU");
        let fields = load["schema"]["fields"].as_array().unwrap();
        let named = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
        assert_eq!(
            (&named("frame_index")["type"], &named("frame_index")["mode"]),
            (&json!("INTEGER"), &json!("REQUIRED"))
        );
        assert_eq!(named("label_updated_at")["type"], "TIMESTAMP");
        assert_eq!(named("label_state")["mode"], "NULLABLE");
    }

    #[test]
    fn answers_say_how_a_job_stands() {
        let state = |body: Value| JobState::parse(body.to_string().as_bytes());
        let done =
            json!({"status": {"state": "DONE"}, "statistics": {"load": {"outputRows": "7"}}});
        assert_eq!(state(done).unwrap(), JobState::Done { rows: Some(7) });
        let runs = json!({"status": {"state": "RUNNING"}, "jobReference": {"location": "EU"}});
        let location = Some("EU".to_owned());
        assert_eq!(state(runs).unwrap(), JobState::Pending { location });
        let failed = json!({"status": {
            "state": "DONE", "errorResult": {"reason": "invalid", "message": "no column x"},
        }});
        let JobState::Failed(problem) = state(failed).unwrap() else {
            panic!("it failed");
        };
        assert_eq!(problem.to_string(), "invalid: no column x");
        for wrong in [json!({}), json!({"status": {"state": "LOST"}}), json!([1])] {
            assert!(state(wrong.clone()).is_err(), "{wrong}");
        }
        let refused = json!({"error": {"code": 403, "message": "no", "errors": [
            {"reason": "accessDenied", "message": "no"},
        ]}});
        let problem = problem_of(refused.to_string().as_bytes());
        assert_eq!(problem.to_string(), "accessDenied: no");
        assert_eq!(problem_of(b"<html>").message, "<html>");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_is_too_strange(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = JobState::parse(&body);
            let _ = problem_of(&body);
        }
    }
}
