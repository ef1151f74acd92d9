//! `POST /annotations/TARGET`: a webhook of a labeling system. It is kept and answered at once; what it
//! speaks of is read again later.

use super::push::BodyRefused;
use super::site::Site;
use crate::inbox::Inbox;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use thiserror::Error;

/// Why a webhook is not taken.
#[derive(Debug, Error)]
enum WebhookRefused {
    #[error("no annotations are collected of `{0}`")]
    NoSuchTarget(String),
    #[error(
        "the webhook does not prove that it comes from {0}: see FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET"
    )]
    Forged(String),
    #[error(transparent)]
    Body(#[from] BodyRefused),
    #[error("not ready yet: send it again, or wait for the next sync")]
    Starting,
    #[error("the webhook cannot be kept: send it again, or wait for the next sync")]
    Unkept(#[source] anyhow::Error),
}

impl WebhookRefused {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchTarget(_) => StatusCode::NOT_FOUND,
            Self::Forged(_) => StatusCode::UNAUTHORIZED,
            Self::Body(refused) => refused.status(),
            Self::Starting | Self::Unkept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for WebhookRefused {
    fn into_response(self) -> Response {
        match &self {
            Self::Unkept(reason) => tracing::warn!("webhook refused: {self}: {reason:#}"),
            refused => tracing::warn!("webhook refused: {refused}"),
        }
        (self.status(), self.to_string()).into_response()
    }
}

/// Keeps a webhook.
pub(super) async fn take(
    State(site): State<Arc<Site>>,
    Path(target): Path<String>,
    request: Request,
) -> Response {
    match site.take_webhook(target, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl Site {
    async fn take_webhook(&self, target: String, request: Request) -> Result<(), WebhookRefused> {
        let inbox = self.inbox_of(target)?;
        let (parts, body): (_, Body) = request.into_parts();
        let header = |name: &str| parts.headers.get(name)?.to_str().ok();
        let forged = || WebhookRefused::Forged(inbox.target.clone());
        if !inbox.may_admit(header) {
            return Err(forged());
        }
        // Some signatures are of the body.
        let body = self.whole(body).await?;
        if !inbox.admits(header, &body) {
            return Err(forged());
        }
        inbox.take(body).await.map_err(WebhookRefused::Unkept)
    }

    fn inbox_of(&self, target: String) -> Result<&Inbox, WebhookRefused> {
        let inbox = self.inbox.get().ok_or(WebhookRefused::Starting)?;
        let found = inbox.as_deref().filter(|inbox| inbox.target == target);
        found.ok_or(WebhookRefused::NoSuchTarget(target))
    }
}
