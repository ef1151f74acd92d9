//! Requests to a target, and what its statuses mean.

use super::{TargetError, misconfigured};
use crate::http::{HttpRequest, HttpResponse, Web, WebError};
use framemill_contract::{JobError, LabelConfig};
use serde::de::DeserializeOwned;

/// A target's HTTP API.
pub struct Api<'a, W> {
    web: &'a W,
    /// Scheme and credentials, where the host does not add them.
    authorization: Option<String>,
    /// The setting that a 403 or 404 speaks of.
    place: &'static str,
}

impl<'a, W: Web> Api<'a, W> {
    /// `authorization` is the header's value; `place` the setting that names what is asked for,
    /// for example `project`.
    pub fn new(web: &'a W, authorization: Option<String>, place: &'static str) -> Self {
        Self {
            web,
            authorization,
            place,
        }
    }

    /// Of a target that takes `Authorization: Token …`, with the token of the configuration.
    pub fn with_token(web: &'a W, config: &LabelConfig, place: &'static str) -> Self {
        let token = config.token.as_ref();
        let header = token.map(|token| format!("Token {}", token.reveal()));
        Self::new(web, header, place)
    }

    /// Sends a question and reads the answer: whatever fails, nothing has changed.
    ///
    /// # Errors
    /// [`TargetError`]; never [`TargetError::Indeterminate`].
    pub async fn query<T: DeserializeOwned>(
        &self,
        request: HttpRequest<'_>,
    ) -> Result<T, TargetError> {
        let answer = self.send(request).await;
        match answer.and_then(|answer| answer.json()) {
            Err(TargetError::Indeterminate { reason }) => Err(TargetError::transient(reason)),
            answer => answer,
        }
    }

    /// Sends a question about something that may be gone: `None` where it is.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn find<T: DeserializeOwned>(
        &self,
        request: HttpRequest<'_>,
    ) -> Result<Option<T>, TargetError> {
        let answer = self.exchange(request).await;
        let found = match answer {
            Ok(answer) if answer.status == 404 => return Ok(None),
            answer => answer.and_then(|answer| self.judge(answer)?.json()),
        };
        match found {
            Err(TargetError::Indeterminate { reason }) => Err(TargetError::transient(reason)),
            found => found.map(Some),
        }
    }

    /// Sends a change, if it is not yet `until`, in seconds after 1970.
    ///
    /// # Errors
    /// [`TargetError`].
    pub async fn mutate(
        &self,
        request: HttpRequest<'_>,
        until: u64,
    ) -> Result<HttpResponse, TargetError> {
        if self.web.now() >= until {
            let reason = "the lease is half over: the rest is sent with the next delivery";
            return Err(TargetError::Transient {
                reason: reason.to_owned(),
                retry_after: Some(1),
            });
        }
        self.send(request).await
    }

    /// Sends a change that the target does once however often it is sent.
    ///
    /// # Errors
    /// [`TargetError`]; [`TargetError::Unanswered`] instead of [`TargetError::Indeterminate`].
    pub async fn mutate_idempotent(
        &self,
        request: HttpRequest<'_>,
        until: u64,
    ) -> Result<HttpResponse, TargetError> {
        match self.mutate(request, until).await {
            Err(TargetError::Indeterminate { reason }) => Err(TargetError::Unanswered { reason }),
            answer => answer,
        }
    }

    /// Waits.
    pub async fn sleep(&self, seconds: u64) {
        self.web.sleep(seconds).await;
    }

    /// Seconds after 1970.
    pub fn now(&self) -> u64 {
        self.web.now()
    }

    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, TargetError> {
        let response = self.exchange(request).await?;
        self.judge(response)
    }

    /// An answer, whatever it is.
    async fn exchange(&self, mut request: HttpRequest<'_>) -> Result<HttpResponse, TargetError> {
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.clone());
        }
        let sent = self.web.send(request).await;
        sent.map_err(|error| match error {
            WebError::Unsent(JobError::Config(error)) => TargetError::Misconfigured(error),
            WebError::Unsent(error) => TargetError::transient(error.to_string()),
            error @ (WebError::Unanswered(_) | WebError::TooLarge { .. }) => {
                TargetError::Indeterminate {
                    reason: error.to_string(),
                }
            }
        })
    }

    fn judge(&self, response: HttpResponse) -> Result<HttpResponse, TargetError> {
        let (status, text) = (response.status, response.text());
        let reason = format!("status {status}: {text}");
        match status {
            200..=299 => Ok(response),
            401 => Err(misconfigured("token", format!("is not accepted: {reason}"))),
            403 => {
                let place = self.place.replace('_', " ");
                let reason = format!("may not be used for this {place}: {reason}");
                Err(misconfigured("token", reason))
            }
            404 => Err(misconfigured(self.place, format!("is not there: {reason}"))),
            300..=399 => {
                let reason = format!("leads elsewhere, and redirects are not followed: {reason}");
                Err(misconfigured("target_url", reason))
            }
            405 => {
                let reason = format!("is not where requests are sent: {reason}");
                Err(misconfigured("target_url", reason))
            }
            // The target itself says so; 500 is what applications answer when they fail.
            425 | 429 | 500 | 501 | 503 => Err(TargetError::Transient {
                reason,
                retry_after: response.wait(self.web.now()),
            }),
            // Someone on the way says so, or no one knows who.
            408 | 500.. => Err(TargetError::Indeterminate { reason }),
            _ => Err(TargetError::Refused {
                status,
                message: text,
            }),
        }
    }
}

impl HttpResponse {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`TargetError::Indeterminate`]: whatever answers like this is not what we think it is.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, TargetError> {
        serde_json::from_slice(&self.body).map_err(|error| TargetError::Indeterminate {
            reason: format!("answer is not understood: {error}: {}", self.text()),
        })
    }
}
