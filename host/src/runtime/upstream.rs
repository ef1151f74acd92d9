//! Other people's servers: which of them a component may reach, and the credentials that are
//! added to its requests on the way out. The component never sees them.

use super::MOST_BODY;
use crate::config::{CredentialKind, CredentialSettings};
use crate::net;
use crate::objects::Body;
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use framemill_contract::{Secret, webhook_signature};
use futures::TryStreamExt as _;
use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, Uri, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::Error;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Wait for the first byte of an answer, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Requests to other servers at the same time.
const AT_ONCE: usize = 16;
/// Wait for the answer to a probe.
const LONGEST_PROBE: Duration = Duration::from_secs(15);
/// Headers that belong to one connection (RFC 9110, 7.6.1), or are set anew.
const NOT_FORWARDED: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What is added to a request.
enum Credential {
    Header(HeaderName, HeaderValue),
    Signature(Secret),
    Google(AccessTokenCredentials),
}

/// A server that a component may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// `https://host[:port]`; a path after it does not count.
    pub host: String,
    /// The one path that may be asked for; `None` for all. Google's tokens open more than one
    /// door, and one of them hands out tokens.
    pub path: Option<String>,
}

struct Upstream {
    /// `https://host[:port]`, in lower case.
    origin: String,
    path: Option<String>,
    credential: Option<Credential>,
}

/// The servers that a component may reach.
pub struct Upstreams {
    client: Option<reqwest::Client>,
    hosts: Vec<Upstream>,
    /// Each request is held in memory.
    at_once: Semaphore,
}

impl Default for Upstreams {
    /// None may be reached.
    fn default() -> Self {
        Self {
            client: None,
            hosts: Vec::new(),
            at_once: Semaphore::new(AT_ONCE),
        }
    }
}

/// Scheme and authority of a URL, without a port that the scheme implies.
fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority()?.as_str().to_ascii_lowercase();
    let implied = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = authority.strip_suffix(implied).unwrap_or(&authority);
    Some(format!("{scheme}://{authority}"))
}

fn parse_origin(host: &str) -> anyhow::Result<String> {
    let uri: Option<Uri> = host.parse().ok();
    uri.as_ref().and_then(origin).with_context(|| {
        format!("`{host}` is not a host that can be reached: write https://host[:port]")
    })
}

/// Whether two URLs lead to the same server.
pub fn same_origin(one: &str, other: &str) -> bool {
    let (one, other) = (parse_origin(one).ok(), parse_origin(other).ok());
    one.is_some() && one == other
}

impl Credential {
    fn new(settings: &CredentialSettings) -> anyhow::Result<Self> {
        let secret = settings.secret()?;
        let text = secret.as_ref().map_or("", Secret::reveal);
        let in_authorization = |value: String| (AUTHORIZATION, value);
        let (name, value) = match settings.kind {
            CredentialKind::Token => in_authorization(format!("Token {text}")),
            CredentialKind::Bearer => in_authorization(format!("Bearer {text}")),
            CredentialKind::Basic => {
                let user = base64::engine::general_purpose::STANDARD.encode(format!("{text}:"));
                in_authorization(format!("Basic {user}"))
            }
            CredentialKind::Header => {
                let name = settings.header.as_deref().unwrap_or_default();
                let parsed = name.parse();
                (
                    parsed.with_context(|| format!("`{name}` is no header name"))?,
                    text.to_owned(),
                )
            }
            CredentialKind::Hmac => {
                let secret = secret.context("a signature needs a secret")?;
                return Ok(Self::Signature(secret));
            }
            CredentialKind::Google => {
                net::install_tls();
                let credentials = Builder::default()
                    .with_scopes([SCOPE])
                    .build_access_token_credentials();
                return Ok(Self::Google(
                    credentials.context("Google credentials: run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS")?,
                ));
            }
        };
        let mut value: HeaderValue = value.parse().with_context(|| {
            format!(
                "credential for {} holds characters that no header takes",
                settings.host
            )
        })?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }

    /// Adds itself to a request's headers.
    async fn add_to(&self, headers: &mut HeaderMap, body: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Header(name, value) => {
                headers.insert(name, value.clone());
            }
            Self::Signature(secret) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.unwrap_or_default().as_secs();
                let signature = webhook_signature(secret.reveal(), now, body);
                headers.insert("x-framemill-timestamp", now.into());
                headers.insert("x-framemill-signature", signature.parse()?);
            }
            Self::Google(credentials) => {
                let token = credentials.access_token().await?.token;
                let mut value: HeaderValue = format!("Bearer {token}").parse()?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        Ok(())
    }
}

impl Upstreams {
    /// These servers, each with its credential where there is one.
    ///
    /// # Errors
    /// Naming the secret that is missing or the host that is none.
    pub fn new(allow: &[Reach], credentials: &[CredentialSettings]) -> anyhow::Result<Self> {
        let mut hosts: Vec<Upstream> = Vec::new();
        for Reach { host, path } in allow {
            let origin = parse_origin(host)?;
            if hosts.iter().any(|there| there.origin == origin) {
                continue;
            }
            let mut credential = None;
            for settings in credentials {
                if parse_origin(&settings.host)? == origin {
                    ensure!(
                        credential.is_none(),
                        "configuration `credentials`: two for one host: {origin}"
                    );
                    credential = Some(Credential::new(settings)?);
                }
            }
            hosts.push(Upstream {
                origin,
                path: path.clone(),
                credential,
            });
        }
        let client = if hosts.is_empty() {
            None
        } else {
            Some(net::client().build()?)
        };
        Ok(Self {
            client,
            hosts,
            at_once: Semaphore::new(AT_ONCE),
        })
    }

    /// Whether one of `hosts` is the credential's.
    pub fn is_used(credential: &CredentialSettings, hosts: &[Reach]) -> bool {
        hosts
            .iter()
            .any(|reach| same_origin(&credential.host, &reach.host))
    }

    /// Status of a GET of `url`, with its credential.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn probe(&self, url: &str) -> anyhow::Result<u16> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("`{url}` is not a URL"))?;
        let (client, upstream) = self.find(&uri).context("host is not configured")?;
        if upstream.path.is_some() {
            // Nothing else may be asked for; a GET of it is no question.
            return Ok(200);
        }
        let mut headers = HeaderMap::new();
        if let Some(credential) = &upstream.credential {
            credential.add_to(&mut headers, b"").await?;
        }
        let request = client.get(url).headers(headers).timeout(LONGEST_PROBE);
        let answer = request.send().await;
        let answer = answer.map_err(|error| anyhow::anyhow!("{}", net::problem(error)))?;
        Ok(answer.status().as_u16())
    }

    /// Whether a component may send requests to where `uri` leads.
    pub(super) fn allows(&self, uri: &Uri) -> bool {
        let allowed = |upstream: &Upstream| {
            let path = upstream.path.as_ref();
            path.is_none_or(|path| uri.path() == path && uri.query().is_none())
        };
        self.find(uri)
            .is_some_and(|(_, upstream)| allowed(upstream))
    }

    fn find(&self, uri: &Uri) -> Option<(&reqwest::Client, &Upstream)> {
        let goal = origin(uri)?;
        let upstream = self.hosts.iter().find(|there| there.origin == goal)?;
        Some((self.client.as_ref()?, upstream))
    }

    /// Sends a component's request, with what it may not know.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        wait: Option<Duration>,
    ) -> Result<Response<Body>, Error> {
        let found = self
            .find(request.uri())
            .filter(|_| self.allows(request.uri()));
        let (client, upstream) = found.ok_or(Error::HttpRequestDenied)?;
        let permit = self.at_once.acquire().await;
        let _permit = permit.map_err(|_| Error::ConnectionTerminated)?;
        let (mut parts, body) = request.into_parts();
        let body = Limited::new(body, MOST_BODY).collect().await;
        let body = body
            .map_err(|_| Error::HttpRequestBodySize(Some(MOST_BODY as u64)))?
            .to_bytes();
        for name in NOT_FORWARDED {
            parts.headers.remove(name);
        }
        if let Some(credential) = &upstream.credential {
            let added = credential.add_to(&mut parts.headers, &body).await;
            added.map_err(|error| {
                tracing::error!(
                    host = upstream.origin,
                    "credential is not to be had: {error:#}"
                );
                Error::ConfigurationError
            })?;
        }
        let sent = client
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body)
            .timeout(wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
            .send()
            .await;
        let answer = sent.map_err(|error| {
            let timed_out = error.is_timeout();
            tracing::warn!(host = upstream.origin, "no answer: {}", net::problem(error));
            if timed_out {
                Error::ConnectionTimeout
            } else {
                Error::ConnectionRefused
            }
        })?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers().clone();
            for name in NOT_FORWARDED {
                headers.remove(name);
            }
        }
        let frames = answer
            .bytes_stream()
            .map_ok(Frame::data)
            .map_err(|_| Error::ConnectionTerminated);
        response
            .body(StreamBody::new(frames).boxed_unsync())
            .map_err(|_| Error::HttpProtocolError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_reached() {
        let reach = |host: &str, path: Option<&str>| Reach {
            host: host.to_owned(),
            path: path.map(str::to_owned),
        };
        let allow = [
            reach("https://label.example.com/studio", None),
            reach("http://127.0.0.1:80", None),
            reach("https://iam.example.com", Some("/v1/a:signBlob")),
        ];
        let upstreams = Upstreams::new(&allow, &[]).unwrap();
        for (uri, expected) in [
            ("https://label.example.com/api", true),
            ("https://LABEL.example.com:443/api", true),
            ("http://label.example.com/api", false),
            ("https://label.example.com:8443/", false),
            ("https://label.example.com.evil.org/", false),
            ("https://evil.org/?https://label.example.com", false),
            ("https://label.example.com@evil.org/", false),
            ("http://127.0.0.1/", true),
            ("https://iam.example.com/v1/a:signBlob", true),
            ("https://iam.example.com/v1/a:generateAccessToken", false),
            ("https://iam.example.com/v1/a:signBlob?x=1", false),
            ("ftp://label.example.com/", false),
        ] {
            assert_eq!(upstreams.allows(&uri.parse().unwrap()), expected, "{uri}");
        }
        let error = Upstreams::new(&[reach("label.example.com", None)], &[])
            .err()
            .unwrap();
        assert!(error.to_string().contains("https://host[:port]"), "{error}");
    }
}
