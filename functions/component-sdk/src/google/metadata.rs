//! The metadata server that Google's machines have.
//! <https://cloud.google.com/compute/docs/access/authenticate-workloads>

use super::token::{MARGIN, Token, is_token};
use crate::http::{HttpRequest, Web, WebError};
use framemill_contract::{ConfigError, JobError};
use serde::Deserialize;

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const LARGEST_ANSWER: u64 = 64 << 10;
const ELSEWHERE: &str =
    "outside Google Cloud set google_key or google_token, or credentials = none";

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

/// A token of the machine's service account.
///
/// # Errors
/// [`JobError::Config`] where the server says that there is none, [`JobError::Storage`] where
/// another try can help.
pub(super) async fn token<W: Web>(web: &W, base: &str) -> Result<Token, JobError> {
    let transient = |reason: String| JobError::Storage {
        what: format!("token of the metadata server {base}"),
        reason,
    };
    let request = HttpRequest::get(format!("{base}{PATH}"))
        .header("metadata-flavor", "Google".to_owned())
        .at_most(LARGEST_ANSWER);
    let response = match web.send(request).await {
        Ok(response) => response,
        Err(WebError::Unsent(error)) => return Err(error),
        Err(error @ (WebError::Unanswered(_) | WebError::TooLarge { .. })) => {
            return Err(transient(format!("{error}: {ELSEWHERE}")));
        }
    };
    match response.status {
        200 => {}
        408 | 429 | 500.. => {
            return Err(transient(format!(
                "status {}: {}",
                response.status,
                response.text()
            )));
        }
        status => {
            let text = response.text();
            return Err(JobError::Config(ConfigError::new(
                "metadata_url",
                format!(
                    "gives no token (status {status}: {text}): attach a service account, or set google_key or google_token"
                ),
            )));
        }
    }
    // The error of the parser could quote the token.
    let answer: Option<TokenResponse> = serde_json::from_slice(&response.body).ok();
    let answer = answer.filter(|answer| is_token(&answer.access_token));
    let answer =
        answer.ok_or_else(|| transient(format!("the answer holds no token: {ELSEWHERE}")))?;
    let left = answer.expires_in.saturating_sub(MARGIN);
    Ok(Token {
        text: answer.access_token,
        until: web.now().saturating_add(left),
    })
}
