//! Large bodies, never held whole: `/stream-in` reads one, `/stream-out` sends one. Headers of
//! the request say how.

use crate::http::{header, text};
use futures::{SinkExt as _, StreamExt as _};
use spin_sdk::http::{
    Fields, IncomingResponse, Method, OutgoingRequest, Request, Response, Scheme, send,
};

const CHUNK: usize = 64 * 1024;

/// FNV-1a, 64 bits.
struct Checksum(u64);

impl Checksum {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn number(request: &Request, name: &str) -> Option<u64> {
    header(request, name).parse().ok()
}

/// Gets `x-url` (with `range`). After `x-pause-at` bytes it first gets `x-pause-url`, whose
/// server decides how long that takes; after `x-stop-at` bytes it leaves the rest unread.
pub async fn read(request: &Request) -> anyhow::Result<Response> {
    let mut builder = Request::get(header(request, "x-url"));
    if !header(request, "range").is_empty() {
        builder.header("range", header(request, "range"));
    }
    let answer: IncomingResponse = match send(builder.build()).await {
        Ok(answer) => answer,
        Err(error) => return Ok(text(502, format!("{error:?}"))),
    };
    let status = answer.status();
    let mut pause_at = number(request, "x-pause-at");
    let stop_at = number(request, "x-stop-at").unwrap_or(u64::MAX);
    let mut body = answer.take_body_stream();
    let (mut bytes, mut largest, mut checksum) = (0_u64, 0, Checksum::new());
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return Ok(text(502, format!("after {bytes} bytes: {error:?}"))),
        };
        checksum.add(&chunk);
        largest = largest.max(chunk.len());
        bytes = bytes.saturating_add(chunk.len() as u64);
        if pause_at.is_some_and(|at| bytes >= at) {
            pause_at = None;
            let _: Response = send(Request::get(header(request, "x-pause-url")).build()).await?;
        }
        if bytes >= stop_at {
            break;
        }
    }
    let checksum = format!("{:016x}", checksum.0);
    let seen = serde_json::json!({
        "status": status, "bytes": bytes, "fnv": checksum, "largest_chunk": largest,
    });
    Ok(text(200, seen.to_string()))
}

/// Posts `x-bytes` bytes (0, 1, … 250, 0, …) to `x-url`, with their length where `x-announce`
/// is set; after `x-stop-at` bytes it breaks off.
pub async fn write(request: &Request) -> anyhow::Result<Response> {
    let total = number(request, "x-bytes").unwrap_or(0);
    let stop_at = number(request, "x-stop-at").unwrap_or(u64::MAX);
    let outgoing = outgoing(request, total)?;
    let mut body = outgoing.take_body();
    let answer = send::<_, IncomingResponse>(outgoing);
    let writing = async move {
        let (mut sent, mut checksum) = (0_u64, Checksum::new());
        while sent < total.min(stop_at) {
            let left = usize::try_from(total.saturating_sub(sent)).unwrap_or(CHUNK);
            let chunk: Vec<u8> = (sent..)
                .take(left.min(CHUNK))
                .map(|index| (index % 251) as u8)
                .collect();
            let length = chunk.len() as u64;
            checksum.add(&chunk);
            // A server that has heard enough answers: that is what counts.
            if body.send(chunk).await.is_err() {
                break;
            }
            sent = sent.saturating_add(length);
        }
        (sent, checksum.0)
    };
    let ((sent, checksum), answer) = futures::join!(writing, answer);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(text(502, format!("after {sent} bytes: {error:?}"))),
    };
    let seen = serde_json::json!({
        "status": answer.status(), "bytes": sent, "fnv": format!("{checksum:016x}"),
    });
    Ok(text(200, seen.to_string()))
}

fn outgoing(request: &Request, total: u64) -> anyhow::Result<OutgoingRequest> {
    let url = header(request, "x-url");
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| anyhow::anyhow!("x-url is no URL"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let headers = Fields::new();
    if !header(request, "x-announce").is_empty() {
        headers.append("content-length", total.to_string().as_bytes())?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let refused = |()| anyhow::anyhow!("x-url is no URL that can be asked for");
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    outgoing.set_method(&Method::Post).map_err(refused)?;
    outgoing.set_scheme(Some(&scheme)).map_err(refused)?;
    outgoing.set_authority(Some(authority)).map_err(refused)?;
    outgoing.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(outgoing)
}
