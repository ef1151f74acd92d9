//! A load of a table: asked for once, however often it is tried.

use super::client::BigQuery;
use super::error::LoadError;
use framemill_warehouse::bigquery::{JobState, LoadJob};
use http::Method;
use serde::Serialize;
use std::time::Instant;

/// Jobs of the same files at most that fail because of the files.
const MOST_REFUSED: u32 = 10;
/// Jobs of the same files at most, whatever they fail for: each is looked up again at every load.
const MOST_JOBS: u32 = 100;

/// A table that is what its files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Its name.
    pub table: &'static str,
    /// Rows in it, where BigQuery says.
    pub rows: Option<u64>,
    /// The job that did it.
    pub job: String,
    /// It was done before.
    pub unchanged: bool,
}

impl BigQuery {
    /// Makes a table what its files are, and waits for it. Files that were loaded already are not
    /// loaded again; a load that failed is tried once more, with another id.
    ///
    /// # Errors
    /// Where the load fails, or is not done in time.
    pub async fn load(&self, job: &LoadJob) -> Result<Loaded, LoadError> {
        let mut refused = 0_u32;
        for attempt in 0..MOST_JOBS {
            let id = job.id(attempt);
            let (state, unchanged) = match self.insert(job, attempt).await? {
                Some(state) => (state, false),
                // There is such a job: this load was asked for before, or a lost answer was ours.
                None => match self.look(job, &id, None).await? {
                    JobState::Failed(problem) => {
                        tracing::debug!(%problem, "job `{id}` failed before, the next one is tried");
                        // Rights can be given, and outages pass.
                        let of_files = matches!(LoadError::of_job(problem), LoadError::Invalid(_));
                        refused = refused.saturating_add(u32::from(of_files));
                        if refused >= MOST_REFUSED {
                            return Err(LoadError::GivenUp { jobs: refused });
                        }
                        continue;
                    }
                    state => {
                        let done = matches!(state, JobState::Done { .. });
                        (state, done)
                    }
                },
            };
            let rows = self.wait(job, &id, state).await?;
            return Ok(Loaded {
                table: job.table(),
                rows,
                job: id,
                unchanged,
            });
        }
        Err(LoadError::GivenUp { jobs: MOST_JOBS })
    }

    /// Asks for a job; `None` where there is one with its id.
    async fn insert(&self, job: &LoadJob, attempt: u32) -> Result<Option<JobState>, LoadError> {
        let body = job.insert_body(attempt);
        let answer = self
            .send(Method::POST, &job.jobs_path(), &[], Some(&body))
            .await?;
        Ok(answer.map(|answer| JobState::parse(&answer)).transpose()?)
    }

    /// How a job stands.
    async fn look(
        &self,
        job: &LoadJob,
        id: &str,
        location: Option<&str>,
    ) -> Result<JobState, LoadError> {
        let path = format!("{}/{id}", job.jobs_path());
        let location = location.or(job.location());
        let query: Vec<_> = location.map(|it| ("location", it)).into_iter().collect();
        let answer = self.send(Method::GET, &path, &query, None).await?;
        let none = || LoadError::Unavailable("status 409 of a lookup".to_owned());
        Ok(JobState::parse(&answer.ok_or_else(none)?)?)
    }

    /// Waits for the end of a job; gives the rows of its table.
    async fn wait(
        &self,
        job: &LoadJob,
        id: &str,
        mut state: JobState,
    ) -> Result<Option<u64>, LoadError> {
        let (start, poll) = (Instant::now(), self.pace.poll);
        for wait in poll.backoff() {
            let location = match state {
                JobState::Done { rows } => return Ok(rows),
                JobState::Failed(problem) => return Err(LoadError::of_job(problem)),
                JobState::Pending { location } => location,
            };
            if start.elapsed().saturating_add(wait) > poll.deadline {
                break;
            }
            tokio::time::sleep(wait).await;
            state = self.look(job, id, location.as_deref()).await?;
        }
        Err(LoadError::StillRunning { job: id.to_owned() })
    }
}
