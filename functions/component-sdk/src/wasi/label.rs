//! The handler of components that ask for labels.

use super::{AuthenticatedRequest, WasiWeb, answer, configured};
use crate::gcs::GcsObjects;
use crate::google::Authorized;
use crate::labeling::LabelOutcome;
use framemill_contract::{Event, JobError, LabelConfig, TargetKind};
use spin_sdk::http::{IncomingRequest, Response};

/// Other hosts, with credentials for Google's.
pub type LabelWeb<'a> = Authorized<'a, WasiWeb>;

/// Answers a request: `run` does what its event asks for.
pub async fn label(
    request: IncomingRequest,
    run: impl AsyncFnOnce(
        &GcsObjects<'_, LabelWeb<'_>>,
        &LabelWeb<'_>,
        &LabelConfig,
        &Event,
    ) -> LabelOutcome,
) -> Response {
    let request = match AuthenticatedRequest::of(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let event = match request.event() {
        Ok(event) => event,
        Err(outcome) => return answer(&outcome, 0),
    };
    let work = async {
        let config = configured(|lookup| LabelConfig::of_component(lookup))?;
        let web = Authorized::new(&WasiWeb, &request.platform, googles(&config))?;
        let objects = GcsObjects::new(&web, &config.objects_url, None);
        Ok::<_, JobError>(run(&objects, &web, &config, &event).await)
    };
    let LabelOutcome {
        outcome,
        retry_after,
    } = work
        .await
        .unwrap_or_else(|error| LabelOutcome::misconfigured(&error));
    answer(&outcome, retry_after)
}

/// What of all that is reached is Google's.
fn googles(config: &LabelConfig) -> impl Iterator<Item = &str> {
    let is_pubsub = config.target == Some(TargetKind::Pubsub);
    let target = is_pubsub.then_some(config.target_url.as_str());
    let own = [config.objects_url.as_str(), config.iam_url.as_str()];
    own.into_iter().chain(target)
}
