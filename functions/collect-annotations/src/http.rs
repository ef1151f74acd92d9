//! The component's handler: `wasi:http/incoming-handler`.

use framemill_component_sdk::wasi::label;
use spin_sdk::http::{IncomingRequest, Response};

#[spin_sdk::http_component]
async fn handle(request: IncomingRequest) -> Response {
    label(request, async |objects, web, config, event| {
        crate::handle(objects, web, config, event).await
    })
    .await
}
