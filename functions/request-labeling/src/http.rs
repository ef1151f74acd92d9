//! The component's door: `wasi:http/incoming-handler`.

use framemill_contract::LabelConfig;
use framemill_functions::labeling::Answer;
use framemill_functions::wasi::{GcsObjects, WasiWeb, answer, configured, event, plain};
use spin_sdk::http::{Method, Request, Response};

#[spin_sdk::http_component]
async fn handle(request: Request) -> Response {
    match request.method() {
        Method::Post => {
            let Answer {
                outcome,
                retry_after,
            } = message(&request).await;
            answer(&outcome, retry_after)
        }
        _ => plain(405, "only POST is understood"),
    }
}

async fn message(request: &Request) -> Answer {
    let event = match event(request) {
        Ok(event) => event,
        Err(outcome) => return outcome.into(),
    };
    match configured(|lookup| LabelConfig::from_lookup(lookup)) {
        Ok(config) => {
            let objects = GcsObjects::new(&config.objects_url);
            crate::handle(&objects, &WasiWeb, &config, &event).await
        }
        Err(error) => Answer::misconfigured(&error),
    }
}
