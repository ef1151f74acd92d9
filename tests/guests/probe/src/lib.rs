//! A component that does on request what a host must cope with. The first part of the path
//! chooses; `POST /` takes an upload event and lets the video's name choose.

mod http;
mod stream;

use http::{header, text};
use spin_sdk::http::{IntoResponse, Method, Request, Response, send};
use spin_sdk::key_value::Store;
use spin_sdk::{http_component, variables};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[http_component]
async fn probe(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.path().to_owned();
    let (what, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    match what {
        "" => upload(request).await,
        "variable" => Ok(match variables::get(rest) {
            Ok(value) => text(200, value),
            Err(error) => text(404, format!("{error:?}")),
        }),
        "keep" => Ok(keep(rest, request.body())),
        "fetch" => fetch(request).await,
        "stream-in" => stream::read(&request).await,
        "stream-out" => stream::write(&request).await,
        "length" => Ok(text(200, request.body().len().to_string())),
        "blow-up" => {
            let bytes = header(&request, "x-bytes").parse().unwrap_or(0);
            Ok(Response::new(200, vec![1_u8; bytes]))
        }
        "log" => {
            println!("said on stdout");
            eprintln!("said on stderr");
            Ok(text(200, "said"))
        }
        "spin" => Ok(text(200, spin_forever().to_string())),
        "allocate" => Ok(text(200, allocate_forever().to_string())),
        "trap" => Ok(text(200, stumble(rest).to_string())),
        "segments" => Ok(text(200, "{}")),
        _ => Ok(text(404, "no such trick")),
    }
}

/// Keeps the body as the value of a key of a store (`store/key`), where there is one, and
/// answers what was kept before.
fn keep(place: &str, value: &[u8]) -> Response {
    let (store, key) = place.split_once('/').unwrap_or((place, ""));
    let kept = Store::open(store).and_then(|store| {
        let before = store.get(key)?;
        if !value.is_empty() {
            store.set(key, value)?;
        }
        Ok(before)
    });
    match kept {
        Ok(Some(before)) => Response::new(200, before),
        Ok(None) => text(404, "nothing"),
        Err(error) => text(507, format!("{error:?}")),
    }
}

/// Sends the request that the headers `x-method` and `x-url` describe, with each header
/// `x-with-NAME` as `NAME`, and passes the answer on, with the nanoseconds that it took.
async fn fetch(request: Request) -> anyhow::Result<Response> {
    let header = |name: &str| header(&request, name);
    let method = match header("x-method").as_str() {
        "" | "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        name => Method::Other(name.to_owned()),
    };
    let mut builder = Request::builder();
    builder.method(method).uri(header("x-url"));
    for name in ["content-type", "range"] {
        if !header(name).is_empty() {
            builder.header(name, header(name));
        }
    }
    for (name, value) in request.headers() {
        if let Some(name) = name.strip_prefix("x-with-") {
            builder.header(name, value.as_str().unwrap_or_default());
        }
    }
    if !header("x-inner-url").is_empty() {
        builder.header("x-url", header("x-inner-url"));
    }
    let outgoing = builder.body(request.into_body()).build();
    let started = Instant::now();
    let response = match send::<_, Response>(outgoing).await {
        Ok(response) => response,
        Err(error) => return Ok(text(502, format!("{error:?}"))),
    };
    let mut answer = Response::builder();
    answer.status(*response.status());
    answer.header("x-took", started.elapsed().as_nanos().to_string());
    for (name, value) in response.headers() {
        if ["location", "set-cookie"].contains(&name) {
            answer.header(name, value.as_str().unwrap_or_default());
        }
    }
    Ok(answer.body(response.into_body()).build())
}

#[inline(never)]
fn spin_forever() -> u64 {
    let mut turns = 0_u64;
    while black_box(true) {
        turns = black_box(turns.wrapping_add(1));
    }
    turns
}

#[inline(never)]
fn allocate_forever() -> usize {
    let mut all = Vec::new();
    while black_box(true) {
        all.push(black_box(vec![1_u8; 1 << 20]));
    }
    all.len()
}

/// Traps as a decoder's bug would: a panic, or an access outside memory.
#[inline(never)]
fn stumble(how: &str) -> u8 {
    match how {
        // SAFETY: none; the sandbox is what is tested.
        "outside" => unsafe { black_box(0xffff_fff0_usize as *const u8).read_volatile() },
        _ => std::process::abort(),
    }
}

/// One turn of work on `turns…`: the checkpoint object counts them, of three; `endless…` gets nowhere.
async fn turn(base: &str, file: &str) -> anyhow::Result<Option<Response>> {
    let answer = |done: u64| {
        let outcome = serde_json::json!({
            "outcome": "continued", "checkpoint": format!("images/{file}/checkpoint{done}"), "done": done, "of": 3,
        });
        Some(text(200, outcome.to_string()))
    };
    if file.starts_with("endless") {
        return Ok(answer(1));
    }
    for done in 1..3 {
        let url = format!(
            "{base}/upload/storage/v1/b/local/o?uploadType=media&ifGenerationMatch=0&name=images%2F{file}%2Fcursor{done}"
        );
        let created: Response = send(Request::post(url, "turn").build()).await?;
        if *created.status() == 200 {
            return Ok(answer(done));
        }
    }
    Ok(None)
}

/// An upload event: `ok…` writes an image and a manifest, `reject…`, `later…`, `nonsense…` and
/// `trap…` end as they say, `slow…` takes a while first, `stuck…` never ends, and `turns…` and
/// `endless…` are worked on over several requests.
async fn upload(request: Request) -> anyhow::Result<Response> {
    let body: serde_json::Value = serde_json::from_slice(request.body())?;
    let name = body
        .pointer("/message/attributes/objectId")
        .and_then(|name| name.as_str())
        .unwrap_or_default();
    let file = name.rsplit('/').next().unwrap_or_default();
    if file.starts_with("slow") {
        std::thread::sleep(Duration::from_millis(1500));
    }
    if file.starts_with("reject") {
        return Ok(text(
            200,
            r#"{"outcome":"rejected","failure":"images/reject.mp4/failure.json","code":"unknown_container","message":"not a video file we know"}"#,
        ));
    }
    if file.starts_with("later") {
        return Ok(text(
            503,
            r#"{"outcome":"retry","code":"storage","message":"object store: try again"}"#,
        ));
    }
    if file.starts_with("nonsense") {
        return Ok(text(
            400,
            r#"{"outcome":"not_an_event","message":"not an upload event"}"#,
        ));
    }
    if file.starts_with("trap") {
        return Ok(text(200, stumble("").to_string()));
    }
    if file.starts_with("stuck") {
        return Ok(text(200, spin_forever().to_string()));
    }
    let base = variables::get("objects_url")?;
    if (file.starts_with("turns") || file.starts_with("endless"))
        && let Some(answer) = turn(&base, file).await?
    {
        return Ok(answer);
    }
    for object in ["000000.jpg", "manifest.json"] {
        let target = format!("images/{file}/{object}").replace('/', "%2F");
        let url = format!(
            "{base}/upload/storage/v1/b/local/o?uploadType=media&ifGenerationMatch=0&name={target}"
        );
        let answer: Response = send(Request::post(url, name.to_owned()).build()).await?;
        if ![200, 412].contains(answer.status()) {
            return Ok(text(
                503,
                format!(
                    "{{\"outcome\":\"retry\",\"code\":\"storage\",\"message\":\"{}\"}}",
                    answer.status()
                ),
            ));
        }
    }
    Ok(text(
        200,
        format!(
            r#"{{"outcome":"extracted","manifest":"images/{file}/manifest.json","frames":1,"dropped":0,"warnings":0}}"#
        ),
    ))
}
