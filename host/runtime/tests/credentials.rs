//! A component that is after a credential: it gets one for the requests that it is for, and for
//! no others, however they are dressed up.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use axum::Router;
use axum::extract::{Request as Received, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use common::{LIMITS, runtime_reaching};
use framemill_contract::Secret;
use framemill_function_spec::{CredentialKind, CredentialMethod};
use framemill_runtime::{AllowedHost, HostCredential, OutboundClient, Runtime};
use http::Request;
use std::sync::{Arc, Mutex};

const SECRET: &str = "s3cret";

/// A request as it arrived: method, path and query, headers.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Seen {
    fn has_secret(&self) -> bool {
        let mut values = self.headers.iter();
        values.any(|(_, value)| value.contains(SECRET))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(own, value)| (own == name).then_some(value.as_str()))
    }
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// Answers everything, and keeps what came. `/v1/away` and `/v1/aside` lead elsewhere.
struct Server {
    port: u16,
    log: Log,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State((log, away)): State<(Log, String)>, request: Received) -> Response {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter();
    log.lock().unwrap().push(Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    });
    let to = |place: &str| (http::StatusCode::FOUND, [("location", place.to_owned())]);
    match request.uri().path() {
        "/v1/away" => to(&away).into_response(),
        "/v1/aside" => to("/admin").into_response(),
        "/v1/session" => [("set-cookie", "session=as-good-as-the-secret")].into_response(),
        _ => "answered".into_response(),
    }
}

impl Server {
    async fn start(away: &str) -> Self {
        let log = Log::default();
        let app = Router::new()
            .fallback(receive)
            .with_state((Arc::clone(&log), away.to_owned()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, log, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn credential(url: String, exact: bool) -> HostCredential {
    HostCredential {
        url,
        exact,
        methods: CredentialMethod::usual(),
        kind: CredentialKind::Bearer,
        header: None,
        secret: Some(Secret::from(SECRET.to_owned())),
    }
}

fn client(hosts: &[&str], credentials: &[HostCredential]) -> anyhow::Result<OutboundClient> {
    let allow = |host: &&str| AllowedHost {
        host: (*host).to_owned(),
        path: None,
    };
    let hosts: Vec<AllowedHost> = hosts.iter().map(allow).collect();
    OutboundClient::new(&hosts, credentials).map_err(|wrong| {
        let said: Vec<String> = wrong.iter().map(|it| format!("{it:#}")).collect();
        anyhow::anyhow!(said.join("\n"))
    })
}

struct Hostile {
    runtime: Runtime,
    _data: tempfile::TempDir,
}

impl Hostile {
    fn with(outbound: OutboundClient) -> Self {
        let data = tempfile::tempdir().unwrap();
        let runtime = runtime_reaching(data.path(), LIMITS, Arc::new(|_, _| {}), outbound);
        Self {
            runtime,
            _data: data,
        }
    }

    /// Status, words and headers of what the component was answered.
    async fn sends(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String, http::HeaderMap) {
        let mut request = Request::builder()
            .uri("http://probe.test/fetch")
            .header("x-method", method)
            .header("x-url", url);
        for (name, value) in headers {
            request = request.header(format!("x-with-{name}"), *value);
        }
        let request = request.body(Bytes::new()).unwrap();
        // A component that its own request brings down has got nothing either.
        let Ok(answer) = self.runtime.call("test", request).await else {
            return (0, String::new(), http::HeaderMap::new());
        };
        let (parts, body) = answer.response.into_parts();
        let words = String::from_utf8_lossy(&body).into_owned();
        (parts.status.as_u16(), words, parts.headers)
    }
}

/// Both servers, and a component that may reach each port of this machine and all others.
async fn scene() -> (Server, Server, Hostile) {
    let other = Server::start("").await;
    let server = Server::start(&other.url("/stolen")).await;
    let credentials = [
        credential(server.url("/v1/models"), false),
        credential(server.url("/v1/away"), true),
        credential(server.url("/v1/aside"), true),
        credential(server.url("/v1/session"), true),
    ];
    let hosts = ["http://127.0.0.1:*", "*://*:*"];
    let hostile = Hostile::with(client(&hosts, &credentials).unwrap());
    (server, other, hostile)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_credential_is_for_gets_it() {
    let (server, _other, hostile) = scene().await;
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/x?y=%2e%2e/z"),
        ("POST", "/v1/models/x:predict"),
        ("HEAD", "/v1/models/"),
    ] {
        let (status, _, _) = hostile.sends(method, &server.url(path), &[]).await;
        assert_eq!(status, 200, "{method} {path}");
        let seen = server.seen();
        assert_eq!(seen.len(), 1, "{method} {path}");
        let sent = seen[0].header("authorization");
        assert_eq!(sent, Some("Bearer s3cret"), "{method} {path}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_request_gets_it() {
    let (server, other, hostile) = scene().await;
    let port = server.port;
    let on_server = |path: &str| server.url(path);
    let mut tries: Vec<(&str, String)> = Vec::new();
    for method in [
        "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "Post", "PURGE",
    ] {
        tries.push((method, on_server("/v1/models")));
    }
    for path in [
        "",
        "/",
        "/v1",
        "/admin",
        "/v1/modelsx",
        "/v1/models:steal",
        "/V1/MODELS",
        "/v1/models/../../admin",
        "/v1/models/..",
        "/v1/models/./x",
        "/v1/models/...",
        "/v1/models/%2e%2e/admin",
        "/v1/models/%2E%2E/admin",
        "/v1/models/.%2e/admin",
        "/v1/models/..%2f..%2fadmin",
        "/v1/models/%252e%252e/admin",
        "/v1/models%2fx",
        "/v1%2fmodels",
        "/%76%31/models",
        "/v1/models/..;/admin",
        "/v1/models;x=y",
        "//v1/models",
        "/v1//models",
        "/v1/models//admin",
        "/v1/models/..\\admin",
        "\\v1\\models",
        "/v1/models/%5c..%5cadmin",
        "/v1/models/%c0%ae%c0%ae/admin",
        "/v1/models/%00",
        "/admin/../v1/models",
        "/admin?/v1/models",
        "/admin#/v1/models",
        "/v1/away?x",
        "/v1/away/",
        "/v1/away/x",
    ] {
        tries.push(("GET", on_server(path)));
        tries.push(("POST", on_server(path)));
    }
    for url in [
        other.url("/v1/models"),
        format!("http://127.0.0.1:{port}@127.0.0.1:{}/v1/models", other.port),
        format!("http://127.0.0.1:{}@127.0.0.1:{port}/v1/models", other.port),
        format!("http://user:word@127.0.0.1:{port}/v1/models"),
        format!("http://@127.0.0.1:{port}/v1/models"),
        format!("https://127.0.0.1:{port}/v1/models"),
        format!("http://localhost:{port}/v1/models"),
        format!("http://localhost.:{port}/v1/models"),
        format!("http://LOCALHOST:{port}/v1/models"),
        format!("http://[::1]:{port}/v1/models"),
        format!("http://0.0.0.0:{port}/v1/models"),
        format!("http://127.0.0.2:{port}/v1/models"),
    ] {
        tries.push(("GET", url));
    }
    let mut arrived = 0;
    for (method, url) in tries {
        hostile.sends(method, &url, &[]).await;
        for seen in server.seen().into_iter().chain(other.seen()) {
            arrived += 1;
            assert!(!seen.has_secret(), "{method} {url}: {seen:?}");
        }
    }
    // Had none arrived, nothing would have been shown.
    assert!(arrived > 20, "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_takes_nothing_along() {
    let (server, other, hostile) = scene().await;
    for (path, location) in [
        ("/v1/away", other.url("/stolen")),
        ("/v1/aside", "/admin".to_owned()),
    ] {
        let (status, _, headers) = hostile.sends("GET", &server.url(path), &[]).await;
        assert_eq!(status, 302);
        assert_eq!(headers["location"], location.as_str());
        let seen = server.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].has_secret(), "{seen:?}");
        let next = match location.starts_with('/') {
            true => server.url(&location),
            false => location,
        };
        assert!(other.seen().is_empty(), "the host has followed it");
        hostile.sends("GET", &next, &[]).await;
        let after = server.seen().into_iter().chain(other.seen());
        for seen in after {
            assert!(!seen.has_secret(), "{seen:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_do_not_make_another_request_of_it() {
    let (server, _other, hostile) = scene().await;
    let url = server.url("/v1/models");
    let host = format!("127.0.0.1:{}", server.port);
    for (name, value) in [
        ("host", "admin.internal"),
        ("forwarded", "host=admin.internal"),
        ("x-forwarded-host", "admin.internal"),
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-original-host", "admin.internal"),
        ("x-host", "admin.internal"),
        ("x-envoy-original-path", "/admin"),
        ("x-forwarded-path", "/admin"),
        ("connection", "authorization"),
        ("authorization", "Bearer mine"),
    ] {
        hostile.sends("POST", &url, &[(name, value)]).await;
        // A component may not even name some of them: then nothing is sent.
        for seen in server.seen() {
            assert_eq!(seen.method, "POST");
            assert_eq!(seen.target, "/v1/models");
            assert_eq!(seen.header("host"), Some(host.as_str()), "{name}");
            assert_eq!(seen.header("authorization"), Some("Bearer s3cret"));
            let given = seen.headers.iter().any(|(_, own)| own == value);
            assert!(!given, "{name}: {seen:?}");
        }
    }
}

/// What a server gives for a credential is as good as the credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_it_opens_is_not_handed_out() {
    let (server, other, hostile) = scene().await;
    let cookie = |headers: &http::HeaderMap| headers.contains_key("set-cookie");
    let url = server.url("/v1/session");
    let (status, _, headers) = hostile.sends("GET", &url, &[]).await;
    assert!(server.seen()[0].has_secret());
    assert!(status == 200 && !cookie(&headers), "{headers:?}");
    let url = other.url("/v1/session");
    let (status, _, headers) = hostile.sends("GET", &url, &[]).await;
    assert!(status == 200 && cookie(&headers), "{headers:?}");
}

/// A wildcard reaches no private address, by whatever name; and where the credential's own server
/// has moved to one, nothing is sent there.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_private_addresses_lead_nowhere() {
    let server = Server::start("").await;
    let port = server.port;
    let own = credential(format!("http://localhost:{port}/"), false);
    let hostile = Hostile::with(client(&["*://*:*"], &[own]).unwrap());
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
    ] {
        let url = format!("http://{host}:{port}/v1/models");
        let (status, words, _) = hostile.sends("GET", &url, &[]).await;
        assert_ne!(status, 200, "{host}: {words}");
        assert!(server.seen().is_empty(), "{host}");
    }
    // The metadata server hands out tokens of its own.
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::a9fe:a9fe]",
    ] {
        let url =
            format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
        let headers = [("metadata-flavor", "Google")];
        let (_, words, _) = hostile.sends("GET", &url, &headers).await;
        assert!(words.contains("HttpRequestDenied"), "{host}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_pipeline_has_another_does_not() {
    let server = Server::start("").await;
    let own = credential(server.url("/"), false);
    let host = server.url("");
    let owner = Hostile::with(client(&[&host], &[own]).unwrap());
    let neighbour = Hostile::with(client(&[&host], &[]).unwrap());
    for (component, has) in [(&owner, true), (&neighbour, false)] {
        component.sends("GET", &server.url("/x"), &[]).await;
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].has_secret(), has);
    }
}

#[test]
fn credentials_that_cannot_be_meant_are_refused() {
    let of = |hosts: &[&str], urls: &[&str]| {
        let all: Vec<_> = urls
            .iter()
            .map(|url| credential((*url).to_owned(), false))
            .collect();
        client(hosts, &all).err().map(|error| error.to_string())
    };
    let host = ["https://a.example"];
    assert_eq!(
        of(&host, &["https://a.example/x", "https://a.example/"]),
        None
    );
    for (urls, why) in [
        (&["https://b.example/"][..], "may not be reached"),
        (&["https://a.example:8443/"], "may not be reached"),
        (
            &["https://a.example/x", "https://a.example/x/"],
            "two credentials for the same requests",
        ),
        (&["https://*.example"], "not one server"),
        (&["https://a.example/x/../y"], "plain form"),
    ] {
        let error = of(&host, urls).unwrap_or_default();
        assert!(error.contains(why), "{urls:?}: {error}");
    }
    // All of them at once, and none with its path: that of a webhook may be a secret.
    let urls = [
        "https://a.example/s3cret/x",
        "https://a.example/s3cret/x/",
        "https://a.example/s3cret//x",
        "https://b.example/s3cret",
        "https://*.example/s3cret",
    ];
    let error = of(&host, &urls).unwrap();
    assert_eq!(error.lines().count(), 4, "{error}");
    assert!(!error.contains("s3cret"), "{error}");
    let mut unsendable = credential("https://a.example/s3cret".to_owned(), false);
    unsendable.secret = Some(Secret::from("a\nb".to_owned()));
    let error = client(&host, &[unsendable]).err().unwrap().to_string();
    assert!(error.contains("no header takes"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}
