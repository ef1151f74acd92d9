//! Whose pushed messages are taken: the check that components make where they stand alone, over
//! the host's HTTP client.

use anyhow::Context as _;
use framemill_component_sdk::cache::Cache;
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use framemill_component_sdk::push::{self, Admitted, Refused};
use framemill_contract::Push;
use framemill_support::net;
use http_body_util::{BodyExt as _, Limited};
use reqwest::header;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait for the public keys.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Checks the tokens of pushed messages.
pub struct PushAuthenticator {
    push: Push,
    web: HostWeb,
    keys: MemoryCache,
}

impl PushAuthenticator {
    /// As configured.
    ///
    /// # Errors
    /// Where there can be no HTTP client.
    pub fn new(push: Push) -> anyhow::Result<Self> {
        let client = net::client().timeout(LONGEST_WAIT).build();
        Ok(Self {
            push,
            web: HostWeb(client.context("no HTTP client for the keys of push tokens")?),
            keys: MemoryCache::default(),
        })
    }

    /// Whether the sender of a request may have it worked on.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn check(&self, authorization: Option<&str>) -> Result<(), Refused> {
        let admitted = push::check(&self.push, authorization, &self.web, &self.keys).await?;
        if admitted == Admitted::Unverified {
            tracing::warn!(
                "message taken from an unknown sender, as insecure_push = true says: set push_audience and push_email"
            );
        }
        Ok(())
    }
}

/// Requests of the component SDK over our client.
struct HostWeb(reqwest::Client);

impl Web for HostWeb {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let unanswered = |error| WebError::Unanswered(net::problem(error));
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut outgoing = self.0.request(method, &request.url);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        let answer = outgoing.body(request.body.concat()).send().await;
        let answer = answer.map_err(unanswered)?;
        let text = |name| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (retry_after, cache_control) = (text(header::RETRY_AFTER), text(header::CACHE_CONTROL));
        let status = answer.status().as_u16();
        let body = reqwest::Body::from(answer);
        let most = usize::try_from(request.largest_answer).unwrap_or(usize::MAX);
        let body = Limited::new(body, most).collect().await;
        let body = body.map_err(|error| WebError::Unanswered(error.to_string()))?;
        Ok(HttpResponse {
            status,
            retry_after,
            cache_control,
            body: body.to_bytes().to_vec(),
        })
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }

    async fn sleep(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Values for as long as the process lives: the keys, by their address.
#[derive(Default)]
struct MemoryCache(Mutex<HashMap<String, Vec<u8>>>);

impl MemoryCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for MemoryCache {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8]) {
        self.lock().insert(key.to_owned(), value.to_vec());
    }
}
