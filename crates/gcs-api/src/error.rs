//! The error document.

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Most characters of a message that are passed on.
const LONGEST_MESSAGE: usize = 500;

/// Why a request was refused, as the API says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Document", into = "Document")]
pub struct ErrorResponse {
    /// HTTP status.
    pub code: u16,
    /// For people.
    pub message: String,
    /// For programs, such as `conditionNotMet`; empty where none is given.
    pub reason: String,
}

impl ErrorResponse {
    /// With the reason that the API gives for this status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            code: status.as_u16(),
            message: message.into(),
            reason: reason(status).to_owned(),
        }
    }

    /// The message of a refusal's body, in whatever form it is; shortened.
    pub fn message_in(body: &[u8]) -> String {
        let message = match serde_json::from_slice::<Self>(body) {
            Ok(document) => document.message,
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        message.trim().chars().take(LONGEST_MESSAGE).collect()
    }
}

/// From <https://cloud.google.com/storage/docs/json_api/v1/status-codes>.
fn reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "invalid",
        401 => "authError",
        403 => "forbidden",
        404 => "notFound",
        412 => "conditionNotMet",
        413 => "uploadTooLarge",
        416 => "requestedRangeNotSatisfiable",
        429 => "rateLimitExceeded",
        _ => "backendError",
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    error: Body,
}

#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(default)]
    code: u16,
    message: String,
    #[serde(default)]
    errors: Vec<Detail>,
}

#[derive(Serialize, Deserialize)]
struct Detail {
    #[serde(default)]
    message: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    reason: String,
}

impl From<Document> for ErrorResponse {
    fn from(Document { error }: Document) -> Self {
        Self {
            code: error.code,
            message: error.message,
            reason: error
                .errors
                .into_iter()
                .next()
                .map_or_else(String::new, |detail| detail.reason),
        }
    }
}

impl From<ErrorResponse> for Document {
    fn from(response: ErrorResponse) -> Self {
        Self {
            error: Body {
                code: response.code,
                errors: vec![Detail {
                    message: response.message.clone(),
                    domain: "global".to_owned(),
                    reason: response.reason,
                }],
                message: response.message,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_those_of_google() {
        let gone = ErrorResponse::new(StatusCode::NOT_FOUND, "No such object: b/n");
        let expected = serde_json::json!({"error": {
            "code": 404,
            "message": "No such object: b/n",
            "errors": [{"message": "No such object: b/n", "domain": "global", "reason": "notFound"}],
        }});
        assert_eq!(serde_json::to_value(&gone).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<ErrorResponse>(expected).unwrap(),
            gone
        );
    }

    #[test]
    fn messages_are_found_in_any_body() {
        for (body, expected) in [
            (
                &br#"{"error":{"message":" Not Found ","code":404}}"#[..],
                "Not Found",
            ),
            (b"<html>busy</html>\n", "<html>busy</html>"),
            (br#"{"error":"x"}"#, r#"{"error":"x"}"#),
            (b"\xff", "\u{fffd}"),
            (b"", ""),
        ] {
            assert_eq!(ErrorResponse::message_in(body), expected);
        }
        assert_eq!(ErrorResponse::message_in(&[b'x'; 9000]).len(), 500);
    }
}
