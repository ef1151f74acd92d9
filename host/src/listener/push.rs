//! `POST /push` and `POST /push/PIPELINE`: a message that is worked on while its sender waits.

use super::site::Site;
use crate::service::{PushAnswer, PushError, Service};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use framemill_component_sdk::push::Refused;
use framemill_contract::Outcome;
use framemill_sources::Message;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// A message comes back after this time where nothing asks for more.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a body is not read.
#[derive(Debug, Error)]
pub(super) enum BodyRefused {
    #[error("the message has more than {0} bytes, which is the limit")]
    TooLarge(usize),
    #[error("the message did not arrive within {} s", .0.as_secs())]
    TooSlow(Duration),
}

impl BodyRefused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

/// Why a pushed message is not worked on.
#[derive(Debug, Error)]
enum PushRefused {
    #[error(transparent)]
    Sender(#[from] Refused),
    #[error("no pipeline is called `{0}`")]
    NoSuchPipeline(String),
    #[error(transparent)]
    Body(#[from] BodyRefused),
    #[error(transparent)]
    Unworked(#[from] PushError),
    #[error("not ready yet: the message should come back")]
    Starting,
    #[error("stopping: the message should come back, or go to another process")]
    Stopping,
}

impl PushRefused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Sender(refused) => {
                StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED)
            }
            Self::NoSuchPipeline(_) => StatusCode::NOT_FOUND,
            Self::Body(refused) => refused.status(),
            Self::Unworked(PushError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unworked(PushError::Released) | Self::Starting | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What the sender is told. What is wrong with a token would help a forger.
    fn words(&self) -> String {
        match self {
            Self::Sender(Refused::Token(_)) => {
                "push message refused: it has no valid token of the push subscription; the log of framemill says what is wrong".to_owned()
            }
            refused => refused.to_string(),
        }
    }
}

impl IntoResponse for PushRefused {
    fn into_response(self) -> Response {
        tracing::warn!("push message refused: {self}");
        let status = self.status();
        let mut response = (status, self.words()).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                let bearer = header::HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, bearer);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER.as_secs().into());
            }
            _ => {}
        }
        response
    }
}

/// For whichever pipelines take the event.
pub(super) async fn to_all(State(site): State<Arc<Site>>, request: Request) -> Response {
    site.push(None, request).await
}

/// For one pipeline.
pub(super) async fn to_one(
    State(site): State<Arc<Site>>,
    Path(pipeline): Path<String>,
    request: Request,
) -> Response {
    site.push(Some(pipeline), request).await
}

impl Site {
    async fn push(&self, pipeline: Option<String>, request: Request) -> Response {
        let answered = self.try_push(pipeline, request).await;
        let response = answered.map_or_else(PushRefused::into_response, respond);
        self.metrics.pushed(response.status().as_u16());
        response
    }

    /// Nothing of the body is read before the sender is known.
    async fn try_push(
        &self,
        pipeline: Option<String>,
        request: Request,
    ) -> Result<PushAnswer, PushRefused> {
        if self.stop.is_cancelled() {
            return Err(PushRefused::Stopping);
        }
        let (parts, body) = request.into_parts();
        let authorization = text(&parts.headers, header::AUTHORIZATION.as_str());
        self.authenticator.check(authorization.as_deref()).await?;
        let services = self.services.get().ok_or(PushRefused::Starting)?;
        if let Some(name) = &pipeline
            && !services.iter().any(|service| service.has(name))
        {
            return Err(PushRefused::NoSuchPipeline(name.clone()));
        }
        let body = self.whole(body).await?;
        let message = Message::from_push(|name| text(&parts.headers, name), &body);
        let (message, event) = match message.and_then(|it| it.event().map(|event| (it, event))) {
            Ok(both) => both,
            Err(error) => {
                self.metrics.for_nobody("not_an_event");
                let message = error.to_string();
                return Ok(settled(Outcome::NotAnEvent { message }));
            }
        };
        let (mut takers, mut ignored) = (Vec::new(), None);
        for service in services {
            match service.takes(&event, pipeline.as_deref()) {
                Ok(()) => takers.push(service),
                Err(reason) => ignored = ignored.or(reason),
            }
        }
        if let Some(answer) = deliver(takers, message, pipeline).await? {
            return Ok(answer);
        }
        // What nobody takes needs no worker.
        self.metrics.for_nobody("ignored");
        let reason = ignored.map_or_else(|| "no pipeline".to_owned(), |reason| reason.to_string());
        Ok(settled(Outcome::Ignored { reason }))
    }

    /// A body within the limits.
    pub(super) async fn whole(&self, body: Body) -> Result<Bytes, BodyRefused> {
        let (most, time) = (self.limits.push_bytes, self.limits.body_time);
        match tokio::time::timeout(time, to_bytes(body, most)).await {
            Ok(Ok(body)) => Ok(body),
            // Where the connection broke off instead, nobody reads the answer.
            Ok(Err(_)) => Err(BodyRefused::TooLarge(most)),
            Err(_) => Err(BodyRefused::TooSlow(time)),
        }
    }
}

/// Has each service work on it whose pipelines take it, and gives the answer that decides.
async fn deliver(
    takers: Vec<&Arc<Service>>,
    message: Message,
    pipeline: Option<String>,
) -> Result<Option<PushAnswer>, PushError> {
    let pushed = takers
        .into_iter()
        .map(|service| service.push(message.clone(), pipeline.clone()));
    let answers: Result<Vec<_>, _> = join_all(pushed).await.into_iter().collect();
    // What must come back comes back for all: those that are done find their work done.
    Ok(answers?
        .into_iter()
        .max_by_key(|answer| answer.outcome.status()))
}

fn settled(outcome: Outcome) -> PushAnswer {
    PushAnswer {
        outcome,
        retry_after: None,
    }
}

fn respond(answer: PushAnswer) -> Response {
    let status = StatusCode::from_u16(answer.outcome.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(&answer.outcome)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let after = answer.retry_after.unwrap_or(RETRY_AFTER).as_secs();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, after.into());
    }
    response
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
