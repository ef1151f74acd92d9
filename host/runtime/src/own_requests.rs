//! What the host itself asks of a server that one of its components may reach.

use super::allowed_host::Destination;
use super::outbound_client::OutboundClient;
use anyhow::{Context as _, ensure};
use bytes::{Bytes, BytesMut};
use framemill_support::net;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::time::Duration;

/// Most bytes of an answer.
const LARGEST_ANSWER: usize = 16 << 20;
/// Wait for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

impl OutboundClient {
    /// Status of a GET of `url`, with its credential.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn probe(&self, url: &str) -> anyhow::Result<u16> {
        let destination =
            Destination::parse(url).with_context(|| format!("`{url}` is not a URL"))?;
        let allowed = self.networks(&destination, |upstream| upstream.path.is_none());
        let Some(client) = allowed.and_then(|networks| self.client(networks)) else {
            self.networks(&destination, |_| true)
                .context("host is not configured")?;
            // Nothing else may be asked for; a GET of it is no question.
            return Ok(200);
        };
        let answer = self.ask(client, Method::GET, url, None).await?;
        Ok(answer.status().as_u16())
    }

    /// Status and body of a request with a JSON body, with its credential: for what the host itself asks of
    /// a server that one of its functions may reach.
    ///
    /// # Errors
    /// Where the server may not be reached, does not answer, or answers too much.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<(u16, Bytes)> {
        let destination =
            Destination::parse(url).with_context(|| format!("`{url}` is not a URL"))?;
        let networks = self.networks(&destination, |upstream| upstream.path.is_none());
        let client = networks.and_then(|networks| self.client(networks));
        let client = client.context("host is not configured")?;
        let mut answer = self.ask(client, method, url, body).await?;
        let mut whole = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            ensure!(
                whole.len().saturating_add(chunk.len()) <= LARGEST_ANSWER,
                "answer of over {LARGEST_ANSWER} bytes"
            );
            whole.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), whole.freeze()))
    }

    async fn ask(
        &self,
        client: &reqwest::Client,
        method: Method,
        url: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<reqwest::Response> {
        let destination =
            Destination::parse(url).with_context(|| format!("`{url}` is not a URL"))?;
        let (mut headers, uri) = (HeaderMap::new(), url.parse::<Uri>()?);
        let body = body.unwrap_or_default();
        if !body.is_empty() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        if let Some(credential) = self.credential(&method, &uri, &destination) {
            credential.add_to(&mut headers, &body).await?;
        }
        let request = client.request(method, url).headers(headers).body(body);
        let answer = request.timeout(LONGEST_WAIT).send().await;
        answer.map_err(|error| anyhow::anyhow!("{}", net::problem(error)))
    }
}
