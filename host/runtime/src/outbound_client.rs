//! Other people's servers: which of them a component may reach, and the credentials that are
//! added to its requests on the way out. The component never sees them.

use super::allowed_host::{Destination, Entry, Networks, NotPublic, PublicOnly, server_of};
use super::bodies::whole;
use super::credential::{Credential, HostCredential};
use super::credential_scope::{is_plain, remove_overrides};
use anyhow::ensure;
use bytes::{Bytes, BytesMut};
use framemill_support::net;
use futures::stream::{self, StreamExt as _};
use http::header::HeaderName;
use http::{Method, Request, Response, Uri, header};
use http_body::Frame;
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, WasiBody as Body};

/// Wait for the first byte of an answer, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Time that a body which is sent as it is made may take.
const LONGEST_UPLOAD: Duration = Duration::from_secs(3600);
/// Bodies up to this size are held in memory and sent with their length.
const SMALL: usize = 1 << 20;
/// Requests to other servers at the same time.
const AT_ONCE: usize = 16;
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

/// A server that a component may reach, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// An entry as in Spin's `allowed_outbound_hosts`: `https://host[:port]`, with wildcards
    /// where they are wanted.
    pub host: String,
    /// The one path that may be asked for; `None` for all. Google's tokens open more than one
    /// door, and one of them hands out tokens.
    pub path: Option<String>,
}

pub(super) struct AllowedDestination {
    entry: Entry,
    pub(super) path: Option<String>,
}

/// The servers that a component may reach.
pub struct OutboundClient {
    /// Goes wherever a name leads.
    named: Option<reqwest::Client>,
    /// Goes to public addresses only, and past proxies, which would resolve names themselves.
    public: Option<reqwest::Client>,
    hosts: Vec<AllowedDestination>,
    /// The narrower one of two first.
    credentials: Vec<Credential>,
    /// Small bodies are held in memory.
    at_once: Semaphore,
}

impl Default for OutboundClient {
    /// None may be reached.
    fn default() -> Self {
        Self {
            named: None,
            public: None,
            hosts: Vec::new(),
            credentials: Vec::new(),
            at_once: Semaphore::new(AT_ONCE),
        }
    }
}

/// Whether two URLs lead to the same server.
pub fn same_origin(one: &str, other: &str) -> bool {
    let (one, other) = (Destination::parse(one), Destination::parse(other));
    one.zip(other)
        .is_some_and(|(one, other)| one.origin() == other.origin())
}

impl OutboundClient {
    /// These servers, and the credentials of the one component that may reach them.
    ///
    /// # Errors
    /// Naming each host that is none, and each credential that can never be used.
    pub fn new(
        allow: &[AllowedHost],
        credentials: &[HostCredential],
    ) -> Result<Self, Vec<anyhow::Error>> {
        let host = |allowed: &AllowedHost| -> anyhow::Result<AllowedDestination> {
            Ok(AllowedDestination {
                entry: Entry::parse(&allowed.host)?,
                path: allowed.path.clone(),
            })
        };
        let mut outbound = Self::default();
        let mut wrong = Vec::new();
        for allowed in allow {
            match host(allowed) {
                Ok(host) => outbound.hosts.push(host),
                Err(error) => wrong.push(error),
            }
        }
        for settings in credentials {
            wrong.extend(outbound.add(settings).err());
        }
        wrong.extend(outbound.connect().err());
        match wrong.is_empty() {
            true => Ok(outbound),
            false => Err(wrong),
        }
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        if !self.hosts.is_empty() {
            // Silence is no sign of trouble while a component sends: `send` has its own times.
            let client = || net::client().read_timeout(LONGEST_UPLOAD);
            self.named = Some(client().build()?);
            let public = client().no_proxy().dns_resolver(Arc::new(PublicOnly));
            self.public = Some(public.build()?);
        }
        Ok(())
    }

    fn add(&mut self, settings: &HostCredential) -> anyhow::Result<()> {
        let credential = Credential::new(settings)?;
        let url = &settings.url;
        let destination = Destination::parse(url).filter(|destination| {
            let all = |_: &AllowedDestination| true;
            self.networks(destination, all).is_some()
        });
        ensure!(
            destination.is_some(),
            "credential for a server that may not be reached: name it in `allow` too, or remove the credential: {}",
            server_of(url)
        );
        let others = &self.credentials;
        ensure!(
            !others.iter().any(|it| it.scope.collides(&credential.scope)),
            "two credentials for the same requests: remove one, or let their methods or paths differ: {}",
            server_of(url)
        );
        self.credentials.push(credential);
        self.credentials.sort_by_key(|it| it.scope.width());
        Ok(())
    }

    /// Whether a component may send requests to where `uri` leads.
    pub(super) fn allows(&self, uri: &Uri) -> bool {
        self.destination(uri).is_some()
    }

    /// Where a request goes that may be sent, and which addresses it may reach there.
    fn destination(&self, uri: &Uri) -> Option<(Destination, Networks)> {
        let destination = Destination::of(uri)?;
        let networks = self.networks(&destination, |upstream| {
            let path = upstream.path.as_ref();
            path.is_none_or(|path| uri.path() == path && uri.query().is_none())
        })?;
        Some((destination, networks))
    }

    /// The most that one of the entries lets a request allowed.
    pub(super) fn networks(
        &self,
        destination: &Destination,
        among: impl Fn(&AllowedDestination) -> bool,
    ) -> Option<Networks> {
        let hosts = self.hosts.iter().filter(|upstream| among(upstream));
        hosts
            .filter_map(|upstream| upstream.entry.admits(destination))
            .max()
    }

    pub(super) fn client(&self, networks: Networks) -> Option<&reqwest::Client> {
        match networks {
            Networks::Public => self.public.as_ref(),
            Networks::All => self.named.as_ref(),
        }
    }

    pub(super) fn credential(
        &self,
        method: &Method,
        uri: &Uri,
        destination: &Destination,
    ) -> Option<&Credential> {
        let mut all = self.credentials.iter();
        let found = all.find(|it| it.scope.covers(method, uri, destination));
        let origin = destination.origin();
        if found.is_none()
            && !is_plain(uri.path())
            && self
                .credentials
                .iter()
                .any(|it| it.scope.origin() == origin)
        {
            tracing::warn!(
                host = origin,
                "sent without a credential: its path is not in plain form"
            );
        }
        found
    }

    /// Sends a component's request, with what it may not know. Large bodies flow in both
    /// directions, as fast as the slower side.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        wait: Option<Duration>,
    ) -> Result<Response<Body>, Error> {
        let found = self.destination(request.uri());
        let (destination, networks) = found.ok_or(Error::HttpRequestDenied)?;
        let client = self.client(networks).ok_or(Error::HttpRequestDenied)?;
        let permit = self.at_once.acquire().await;
        let _permit = permit.map_err(|_| Error::ConnectionTerminated)?;
        let (mut parts, body) = request.into_parts();
        let announced = parts.headers.remove(header::CONTENT_LENGTH);
        for name in NOT_FORWARDED {
            parts.headers.remove(name);
        }
        let credential = self.credential(&parts.method, &parts.uri, &destination);
        let body = match credential {
            // What is signed must be known whole.
            Some(credential) if credential.signs() => Outgoing::Whole(whole(body, None).await?),
            _ => Outgoing::of(body).await?,
        };
        let (signed, body, longest) = match body {
            Outgoing::Whole(bytes) => (bytes.clone(), bytes.into(), LONGEST_WAIT),
            Outgoing::Flowing(stream) => {
                if let Some(length) = announced {
                    parts.headers.insert(header::CONTENT_LENGTH, length);
                }
                (Bytes::new(), stream, LONGEST_UPLOAD)
            }
        };
        let host = destination.origin();
        if let Some(credential) = credential {
            remove_overrides(&mut parts.headers);
            let added = credential.add_to(&mut parts.headers, &signed).await;
            added.map_err(|error| {
                tracing::error!(host, "credential is not to be had: {error:#}");
                Error::ConfigurationError
            })?;
        }
        let request = client.request(parts.method, destination.url);
        let sent = request.headers(parts.headers).body(body).send();
        let longest = wait.unwrap_or(longest).min(longest);
        let Ok(answer) = tokio::time::timeout(longest, sent).await else {
            tracing::warn!(host, "no answer in time");
            return Err(Error::ConnectionTimeout);
        };
        let mut answer = respond(answer.map_err(|error| no_answer(&host, error))?)?;
        if credential.is_some() {
            // A session that was opened with a credential would be one for every path.
            answer.headers_mut().remove(header::SET_COOKIE);
        }
        Ok(answer)
    }
}

/// The body of a request on its way out.
enum Outgoing {
    Whole(Bytes),
    Flowing(reqwest::Body),
}

impl Outgoing {
    /// Holds a small body. Of a larger one, what comes is sent before more is taken.
    async fn of(body: Body) -> Result<Self, Error> {
        let mut rest = BodyDataStream::new(body);
        let mut start = BytesMut::new();
        while let Some(chunk) = rest.next().await {
            start.extend_from_slice(&chunk?);
            if start.len() > SMALL {
                let start = stream::iter([Ok(start.freeze())]);
                let all = start.chain(rest);
                return Ok(Self::Flowing(reqwest::Body::wrap_stream(all)));
            }
        }
        Ok(Self::Whole(start.freeze()))
    }
}

/// The error of a request that has no answer, which is logged in more words.
fn no_answer(host: &str, error: reqwest::Error) -> Error {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(not_public) = source.downcast_ref::<NotPublic>() {
            tracing::warn!(host, "refused: {not_public}");
            return Error::DestinationIpProhibited;
        }
        // A body that a limit has cut off.
        if let Some(Error::HttpRequestBodySize(most)) = source.downcast_ref() {
            return Error::HttpRequestBodySize(*most);
        }
        cause = source.source();
    }
    let timed_out = error.is_timeout();
    tracing::warn!(host, "no answer: {}", net::problem(error));
    if timed_out {
        Error::ConnectionTimeout
    } else {
        Error::ConnectionRefused
    }
}

/// A server's answer; its body is read as the component reads it.
fn respond(answer: reqwest::Response) -> Result<Response<Body>, Error> {
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        *headers = answer.headers().clone();
        for name in NOT_FORWARDED {
            headers.remove(name);
        }
        // Lets a limit be judged before the body is read.
        if let Some(length) = answer.headers().get(header::CONTENT_LENGTH) {
            headers.insert(header::CONTENT_LENGTH, length.clone());
        }
    }
    let chunks = stream::try_unfold(answer, |mut answer| async move {
        let chunk = tokio::time::timeout(net::SILENCE, answer.chunk()).await;
        let chunk = chunk.map_err(|_| Error::ConnectionReadTimeout)?;
        let chunk = chunk.map_err(|_| Error::ConnectionTerminated)?;
        Ok(chunk.map(|chunk| (Frame::data(chunk), answer)))
    });
    response
        .body(StreamBody::new(chunks).boxed_unsync())
        .map_err(|_| Error::HttpProtocolError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_reached() {
        let allowed = |host: &str, path: Option<&str>| AllowedHost {
            host: host.to_owned(),
            path: path.map(str::to_owned),
        };
        let allow = [
            allowed(&server_of("https://label.example.com/studio"), None),
            allowed("http://127.0.0.1:80", None),
            allowed("https://iam.example.com", Some("/v1/a:signBlob")),
        ];
        let outbound = OutboundClient::new(&allow, &[]).unwrap();
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
            assert_eq!(outbound.allows(&uri.parse().unwrap()), expected, "{uri}");
        }
        let wrong = ["label.example.com", "https://ok.example.com", "ftp://x"];
        let errors = OutboundClient::new(&wrong.map(|host| allowed(host, None)), &[]).err();
        let said: Vec<String> = errors.unwrap().iter().map(|it| format!("{it:#}")).collect();
        let [first, second] = said.as_slice() else {
            panic!("two are none: {said:?}")
        };
        for (said, host) in [(first, "label.example.com"), (second, "ftp://x")] {
            assert!(
                said.contains(host) && said.contains("https://host[:port]"),
                "{said}"
            );
        }
    }

    /// Who may reach all of Google has Google's token for one request only, and whoever it is
    /// not for has none.
    #[test]
    fn googles_token_goes_with_the_one_request_that_it_is_for() {
        let allow = ["https://*.googleapis.com", "https://hook.example.com"];
        let allow = allow.map(|host| AllowedHost {
            host: host.to_owned(),
            path: None,
        });
        let iam = "https://iamcredentials.googleapis.com";
        let account = "/v1/projects/-/serviceAccounts/a@b";
        let google = HostCredential {
            url: format!("{iam}{account}:signBlob"),
            exact: true,
            methods: vec![framemill_function_spec::CredentialMethod::Post],
            kind: framemill_function_spec::CredentialKind::Google,
            header: None,
            secret: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let _inside = runtime.enter();
        let outbound = OutboundClient::new(&allow, &[google]).unwrap();
        let has = |method: Method, url: &str| {
            let uri: Uri = url.parse().unwrap();
            assert!(outbound.allows(&uri), "{url}");
            let destination = Destination::of(&uri).unwrap();
            outbound.credential(&method, &uri, &destination).is_some()
        };
        assert!(has(Method::POST, &format!("{iam}{account}:signBlob")));
        for (method, url) in [
            (Method::GET, format!("{iam}{account}:signBlob")),
            (Method::POST, format!("{iam}{account}:signBlob?x=1")),
            (Method::POST, format!("{iam}{account}:generateAccessToken")),
            (Method::POST, format!("{iam}{account}:generateIdToken")),
            (
                Method::POST,
                format!("{iam}/v1/projects/-/serviceAccounts/c@d:signBlob"),
            ),
            (
                Method::GET,
                "https://storage.googleapis.com/storage/v1/b".to_owned(),
            ),
            (
                Method::POST,
                "https://pubsub.googleapis.com/v1/x:publish".to_owned(),
            ),
            (Method::POST, "https://hook.example.com/hook".to_owned()),
        ] {
            assert!(!has(method.clone(), &url), "{method} {url}");
        }
    }
}
