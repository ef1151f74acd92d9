//! The handler of components that ask for labels.

use super::{AuthenticatedRequest, WasiWeb, answer, configured};
use crate::gcs::GcsObjects;
use crate::google::{Authorized, Tokened, publish_url, sign_url};
use crate::labeling::LabelOutcome;
use framemill_contract::{Event, ImageUrls, JobError, LabelConfig, TargetKind};
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
    answered(&request, async |event| {
        let config = configured(|lookup| LabelConfig::of_component(lookup))?;
        let web = Authorized::new(&WasiWeb, &request.platform, googles(&config))?;
        let objects = GcsObjects::new(&web, &config.objects_url, request.limits, None);
        Ok(run(&objects, &web, &config, event).await)
    })
    .await
}

/// Answers a request by what comes of its event: `work` fails where the component cannot work as it is
/// configured.
pub async fn answered(
    request: &AuthenticatedRequest,
    work: impl AsyncFnOnce(&Event) -> Result<LabelOutcome, JobError>,
) -> Response {
    let event = match request.event() {
        Ok(event) => event,
        Err(outcome) => return answer(&outcome, 0),
    };
    let LabelOutcome {
        outcome,
        retry_after,
    } = work(&event)
        .await
        .unwrap_or_else(|error| LabelOutcome::misconfigured(&error));
    answer(&outcome, retry_after)
}

/// What of all that is asked for is asked of Google.
fn googles(config: &LabelConfig) -> impl Iterator<Item = Tokened<'_>> {
    let objects = Tokened::Objects(&config.objects_url);
    let publish = config
        .topic
        .as_ref()
        .filter(|_| config.target == Some(TargetKind::Pubsub))
        .map(|topic| publish_url(&config.target_url, topic));
    let sign = match &config.image_urls {
        ImageUrls::Signed { account, .. } => Some(sign_url(&config.iam_url, account)),
        _ => None,
    };
    let calls = publish.into_iter().chain(sign).map(Tokened::Call);
    std::iter::once(objects).chain(calls)
}
