//! Why a table was not loaded.

use framemill_warehouse::bigquery::{NotAJob, Problem};
use thiserror::Error;

/// Roles that a load needs.
pub(super) const ROLES: &str = "give framemill's account roles/bigquery.jobUser on the project, roles/bigquery.dataEditor on the dataset and roles/storage.objectViewer on the bucket";

/// Why a table was not loaded: it is what it was.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There are no credentials.
    #[error(
        "no Google credentials ({0}): run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
    )]
    Credentials(String),
    /// 401 and 403, and jobs that ended so.
    #[error("bigquery refuses ({0}): {ROLES}")]
    Denied(Problem),
    /// 404, and jobs that ended so: a project, dataset or bucket.
    #[error(
        "bigquery finds no such thing ({0}): create the dataset with `bq mk --dataset PROJECT:DATASET` in the bucket's location, and see that warehouse.bigquery_location is the dataset's"
    )]
    NotFound(Problem),
    /// 400, and jobs that ended so: the same files fail again.
    #[error(
        "bigquery cannot load this ({0}): see that nobody changed the table or its files, then run `framemill warehouse rebuild`"
    )]
    Invalid(Problem),
    /// Another error of a job.
    #[error("the load failed ({0}): it is tried again with the next refresh")]
    Failed(Problem),
    /// All jobs that there may be of these files failed.
    #[error(
        "{jobs} loads of these files failed, the most that are tried: put right what the first error said, then run `framemill warehouse rebuild`"
    )]
    GivenUp {
        /// How many.
        jobs: u32,
    },
    /// It takes long.
    #[error("job `{job}` still runs: the next refresh looks at it again")]
    StillRunning {
        /// Its id.
        job: String,
    },
    /// No usable answer.
    #[error("bigquery does not answer ({0}): it is tried again with the next refresh")]
    Unavailable(String),
    /// An answer that is no job.
    #[error("{0}")]
    NotAJob(#[from] NotAJob),
}

impl LoadError {
    /// Of a job that ended with an error.
    pub(super) fn of_job(problem: Problem) -> Self {
        match problem.reason.as_str() {
            "accessDenied" => Self::Denied(problem),
            "notFound" => Self::NotFound(problem),
            "invalid" | "invalidQuery" => Self::Invalid(problem),
            _ => Self::Failed(problem),
        }
    }

    /// Of an answer with this status.
    pub(super) fn of_status(status: u16, problem: Problem) -> Self {
        match (status, problem.reason.as_str()) {
            // Too many requests have this status too.
            (403, "rateLimitExceeded" | "quotaExceeded") => {
                Self::Unavailable(format!("status 403: {problem}"))
            }
            (401 | 403, _) => Self::Denied(problem),
            (404, _) => Self::NotFound(problem),
            (400, _) => Self::Invalid(problem),
            _ => Self::Unavailable(format!("status {status}: {problem}")),
        }
    }

    /// Whether trying again at once may help.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
