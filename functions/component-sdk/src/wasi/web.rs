//! Requests over `wasi:http`, both bodies in chunks.

use crate::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use futures::future::{Either, select};
use futures::{Sink, SinkExt as _, StreamExt as _};
use spin_sdk::http::conversions::TryIntoOutgoingRequest as _;
use spin_sdk::http::{
    ErrorCode, IncomingResponse, Method as SpinMethod, OutgoingRequest, Request, SendError, send,
};
use std::borrow::Cow;
use std::fmt;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes that are written at once.
const CHUNK: usize = 64 << 10;
/// Most bytes that are read of an answer that is not one of success.
const MOST_WORDS: usize = 64 << 10;

/// Other hosts, as far as the host lets us reach them.
pub struct WasiWeb;

/// Why a request has no answer.
pub enum NoAnswer {
    /// The other side stopped without one, as a sandbox does that crashes.
    Crashed(String),
    /// It is larger than the request says.
    TooLarge {
        /// As many bytes as are announced, or were seen.
        bytes: u64,
        /// Most bytes.
        most: u64,
    },
    /// Anything else.
    Failed(String),
}

impl Web for WasiWeb {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        exchange(request).await.map_err(|error| match error {
            NoAnswer::Crashed(reason) | NoAnswer::Failed(reason) => WebError::Unanswered(reason),
            NoAnswer::TooLarge { bytes, most } => WebError::TooLarge { bytes, most },
        })
    }

    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    async fn sleep(&self, seconds: u64) {
        // The sandbox has nothing else to do.
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

/// Sends a request and reads its answer.
///
/// # Errors
/// [`NoAnswer`], also where the answer ends early or is larger than the request says.
pub async fn exchange(request: HttpRequest<'_>) -> Result<HttpResponse, NoAnswer> {
    let failed = |error: &dyn fmt::Display| NoAnswer::Failed(error.to_string());
    let most = request.largest_answer;
    let outgoing = outgoing(&request).map_err(|error| failed(&error))?;
    let response = transfer(outgoing, &request.body).await;
    let response = response.map_err(|error| match error {
        SendError::Http(
            error @ (ErrorCode::InternalError(_) | ErrorCode::HttpResponseIncomplete),
        ) => NoAnswer::Crashed(format!("{error:?}")),
        error => failed(&error),
    })?;
    let header = |name: &str| {
        let value = response
            .headers()
            .get(&name.to_owned())
            .into_iter()
            .next()?;
        String::from_utf8(value).ok()
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let body = match response.status() {
        200..=299 => whole(&response, most, length).await?,
        _ => start(&response).await,
    };
    Ok(HttpResponse {
        status: response.status(),
        retry_after: header("retry-after"),
        cache_control: header("cache-control"),
        body,
    })
}

fn outgoing(
    request: &HttpRequest<'_>,
) -> Result<OutgoingRequest, Box<dyn std::error::Error + Send + Sync>> {
    let method = match request.method {
        Method::Get => SpinMethod::Get,
        Method::Post => SpinMethod::Post,
        Method::Delete => SpinMethod::Delete,
    };
    let mut builder = Request::builder();
    builder.method(method).uri(request.url.as_str());
    for (name, value) in &request.headers {
        builder.header(*name, value.as_str());
    }
    if request.method == Method::Post {
        builder.header("content-length", request.length().to_string());
    }
    let (outgoing, _) = builder.build().try_into_outgoing_request()?;
    Ok(outgoing)
}

/// Writes the body while waiting for the answer: neither side need hold all of it, and an answer
/// may come before all of it is sent.
async fn transfer(
    outgoing: OutgoingRequest,
    parts: &[Cow<'_, [u8]>],
) -> Result<IncomingResponse, SendError> {
    if parts.is_empty() {
        return send(outgoing).await;
    }
    let writing = pin!(write(outgoing.take_body(), parts));
    let answering = pin!(send::<_, IncomingResponse>(outgoing));
    match select(answering, writing).await {
        Either::Left((response, writing)) => {
            // The other side has all it wants, and only then is a success one; what refuses a
            // request need not read the rest.
            if matches!(&response, Ok(response) if (200..300).contains(&response.status())) {
                let _ = writing.await;
            }
            response
        }
        // Where writing failed, the answer may say why.
        Either::Right((written, answering)) => match (answering.await, written) {
            (Err(_), Err(error)) => Err(SendError::Io(error)),
            (response, _) => response,
        },
    }
}

/// Writes all parts; the body is finished when the sink is dropped.
async fn write<E>(body: impl Sink<Vec<u8>, Error = E>, parts: &[Cow<'_, [u8]>]) -> Result<(), E> {
    let mut body = pin!(body);
    for chunk in parts.iter().flat_map(|part| part.chunks(CHUNK)) {
        body.send(chunk.to_vec()).await?;
    }
    Ok(())
}

/// All of an answer.
async fn whole(
    response: &IncomingResponse,
    most: u64,
    length: Option<u64>,
) -> Result<Vec<u8>, NoAnswer> {
    let too_large = |bytes| NoAnswer::TooLarge { bytes, most };
    let announced = length.unwrap_or_default();
    if announced > most {
        return Err(too_large(announced));
    }
    let expected = usize::try_from(announced).map_err(|_| too_large(announced))?;
    let mut bytes = Vec::with_capacity(expected);
    let mut chunks = pin!(response.take_body_stream());
    while let Some(chunk) = chunks.next().await {
        let broken = |error| NoAnswer::Failed(format!("the answer broke off: {error:?}"));
        let chunk = chunk.map_err(broken)?;
        let total = bytes.len().saturating_add(chunk.len()) as u64;
        if total > most {
            return Err(too_large(total));
        }
        bytes.extend_from_slice(&chunk);
    }
    match bytes.len() < expected {
        true => Err(NoAnswer::Failed(format!(
            "the answer ended after {} of {expected} bytes",
            bytes.len()
        ))),
        false => Ok(bytes),
    }
}

/// The start of an answer, as far as it comes.
async fn start(response: &IncomingResponse) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunks = pin!(response.take_body_stream());
    while let Some(Ok(chunk)) = chunks.next().await {
        let left = MOST_WORDS.saturating_sub(bytes.len());
        bytes.extend(chunk.into_iter().take(left));
        if bytes.len() == MOST_WORDS {
            break;
        }
    }
    bytes
}
