//! The component's handler: `wasi:http/incoming-handler`.

use crate::door::{Door, LARGEST_WEBHOOK, is_at};
use framemill_component_sdk::gcs::GcsObjects;
use framemill_component_sdk::google::{Authorized, Tokened};
use framemill_component_sdk::wasi::{
    AuthenticatedRequest, OpenRequest, WasiWeb, answered, configured, plain,
};
use framemill_contract::{CollectConfig, JobError, Platform, SizeLimits};
use spin_sdk::http::{IncomingRequest, Response};

#[spin_sdk::http_component]
async fn handle(request: IncomingRequest) -> Response {
    let request = OpenRequest::of(request);
    if is_at(&request.path) {
        return webhook(request).await.unwrap_or_else(|refusal| refusal);
    }
    match request.authenticated().await {
        Ok(request) => message(&request).await,
        Err(refusal) => refusal,
    }
}

async fn message(request: &AuthenticatedRequest) -> Response {
    answered(request, async |event| {
        let config = config()?;
        let web = Authorized::new(&WasiWeb, &request.platform, googles(&config))?;
        let objects_url = &config.labeling.objects_url;
        let objects = GcsObjects::new(&web, objects_url, request.limits, None);
        Ok(crate::handle(&objects, &web, &config, event).await)
    })
    .await
}

/// Its sender proves himself by what is in it.
async fn webhook(request: OpenRequest) -> Result<Response, Response> {
    let misconfigured = |error: JobError| {
        eprintln!("webhook refused: {error}");
        plain(503, &error.to_string())
    };
    let refused = |refused: crate::door::Refused| {
        eprintln!("webhook refused: {refused}");
        plain(refused.status(), &refused.to_string())
    };
    let config = config().map_err(misconfigured)?;
    let door = Door::at(&config, request.is_post, &request.path).map_err(refused)?;
    let platform = configured(|lookup| Platform::of_component(lookup)).map_err(misconfigured)?;
    let limits = configured(|lookup| SizeLimits::from_lookup(lookup)).map_err(misconfigured)?;
    let (headers, body) = request.read(LARGEST_WEBHOOK).await?;
    let web = Authorized::new(&WasiWeb, &platform, googles(&config)).map_err(misconfigured)?;
    let objects = GcsObjects::new(&web, &config.labeling.objects_url, limits, None);
    let taken = door.take(&objects, |name| headers.get(name), &body).await;
    taken.map_err(refused)?;
    Ok(plain(200, "kept"))
}

fn config() -> Result<CollectConfig, JobError> {
    configured(|lookup| CollectConfig::of_component(lookup))
}

/// What of all that is asked for is asked of Google.
fn googles(config: &CollectConfig) -> impl Iterator<Item = Tokened<'_>> {
    let objects = Tokened::Objects(&config.labeling.objects_url);
    let mirror = config.firestore.iter().flat_map(|firestore| {
        ["batchGet", "commit"].map(|method| Tokened::Call(firestore.call(method)))
    });
    std::iter::once(objects).chain(mirror)
}
