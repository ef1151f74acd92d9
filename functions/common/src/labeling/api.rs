//! Requests to a target, and what its statuses mean.

use super::{TargetError, refuse_setting};
use crate::http::{HttpRequest, HttpResponse, Web, WebError};
use framemill_contract::JobError;
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

    /// Sends a question and reads the answer: whatever fails, nothing has changed.
    ///
    /// # Errors
    /// [`TargetError`]; never [`TargetError::InDoubt`].
    pub async fn ask<T: DeserializeOwned>(
        &self,
        request: HttpRequest<'_>,
    ) -> Result<T, TargetError> {
        let answer = self.send(request).await;
        match answer.and_then(|answer| answer.json()) {
            Err(TargetError::InDoubt { reason }) => Err(TargetError::passing(reason)),
            answer => answer,
        }
    }

    /// Sends a change, if it is not yet `until`, in seconds after 1970.
    ///
    /// # Errors
    /// [`TargetError`].
    pub async fn tell(
        &self,
        request: HttpRequest<'_>,
        until: u64,
    ) -> Result<HttpResponse, TargetError> {
        if self.web.now() >= until {
            let reason = "the lease is half over: the rest is sent with the next delivery";
            return Err(TargetError::Passing {
                reason: reason.to_owned(),
                retry_after: Some(1),
            });
        }
        self.send(request).await
    }

    /// Sends a change that the target does once however often it is sent.
    ///
    /// # Errors
    /// [`TargetError`]; [`TargetError::Unheard`] instead of [`TargetError::InDoubt`].
    pub async fn repeat(
        &self,
        request: HttpRequest<'_>,
        until: u64,
    ) -> Result<HttpResponse, TargetError> {
        match self.tell(request, until).await {
            Err(TargetError::InDoubt { reason }) => Err(TargetError::Unheard { reason }),
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

    async fn send(&self, mut request: HttpRequest<'_>) -> Result<HttpResponse, TargetError> {
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.clone());
        }
        let sent = self.web.send(request).await;
        let response = sent.map_err(|error| match error {
            WebError::Unsent(JobError::Config(error)) => TargetError::Setting(error),
            WebError::Unsent(error) => TargetError::passing(error.to_string()),
            WebError::Unanswered(reason) => TargetError::InDoubt { reason },
        })?;
        self.judge(response)
    }

    fn judge(&self, response: HttpResponse) -> Result<HttpResponse, TargetError> {
        let (status, text) = (response.status, response.text());
        let reason = format!("status {status}: {text}");
        match status {
            200..=299 => Ok(response),
            401 => Err(refuse_setting(
                "token",
                format!("is not accepted: {reason}"),
            )),
            403 => {
                let place = self.place;
                let reason = format!("may not be used for `{place}`: {reason}");
                Err(refuse_setting("token", reason))
            }
            404 => Err(refuse_setting(
                self.place,
                format!("is not there: {reason}"),
            )),
            300..=399 => {
                let reason = format!("leads elsewhere, and redirects are not followed: {reason}");
                Err(refuse_setting("target_url", reason))
            }
            405 => {
                let reason = format!("is not where requests are sent: {reason}");
                Err(refuse_setting("target_url", reason))
            }
            // The target itself says so; 500 is what applications answer when they fail.
            425 | 429 | 500 | 501 | 503 => Err(TargetError::Passing {
                reason,
                retry_after: response.wait(self.web.now()),
            }),
            // Someone on the way says so, or no one knows who.
            408 | 500.. => Err(TargetError::InDoubt { reason }),
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
    /// [`TargetError::InDoubt`]: whatever answers like this is not what we think it is.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, TargetError> {
        serde_json::from_slice(&self.body).map_err(|error| TargetError::InDoubt {
            reason: format!("answer is not understood: {error}: {}", self.text()),
        })
    }
}
