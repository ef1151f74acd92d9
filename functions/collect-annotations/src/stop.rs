//! Why the work stops, and what becomes of the message then.

use crate::job::CollectJob;
use framemill_component_sdk::labeling::{LabelOutcome, TargetError, ignore, rejected};
use framemill_component_sdk::store::{ObjectError, Objects};
use framemill_contract::{Disposition, Ignored, JobError, LabelConfig};

/// Seconds after which a message comes back where nothing says otherwise.
const RETRY_AFTER: u64 = 10;

/// Why the work stops.
pub(crate) enum Stop {
    Store(ObjectError),
    Target(TargetError),
}

impl<E: Into<ObjectError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Stop {
    /// What the message leads to.
    pub async fn outcome<O: Objects>(
        self,
        objects: &O,
        config: &LabelConfig,
        job: &CollectJob,
    ) -> LabelOutcome {
        let target = job.target.clone();
        match self {
            Self::Store(ObjectError::Gone) => ignore(&Ignored::Superseded),
            Self::Store(ObjectError::Failed(error))
                if error.disposition() == Disposition::Reject =>
            {
                rejected(objects, config, &job.webhook, job.failure(), &error).await
            }
            Self::Store(ObjectError::Failed(error)) => LabelOutcome::retry(&error, RETRY_AFTER),
            Self::Target(TargetError::Misconfigured(error)) => {
                LabelOutcome::misconfigured(&config.as_set(error).into())
            }
            Self::Target(TargetError::Transient {
                reason,
                retry_after,
            }) => {
                let wait = retry_after.unwrap_or(RETRY_AFTER);
                LabelOutcome::retry(&JobError::LabelTarget { target, reason }, wait)
            }
            Self::Target(
                TargetError::Unanswered { reason } | TargetError::Indeterminate { reason },
            ) => LabelOutcome::retry(&JobError::LabelTarget { target, reason }, RETRY_AFTER),
            Self::Target(TargetError::Refused { status, message }) => {
                let error = JobError::LabelRefused {
                    target,
                    status,
                    message,
                };
                rejected(objects, config, &job.webhook, job.failure(), &error).await
            }
        }
    }
}
