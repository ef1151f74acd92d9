//! What is added to a request on the way out. The component never sees it.

use super::allowed_host::server_of;
use super::credential_scope::Scope;
use anyhow::Context as _;
use base64::Engine as _;
use framemill_contract::{Secret, webhook_signature};
use framemill_function_spec::{CredentialKind, CredentialMethod};
use framemill_support::net;
use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::time::{SystemTime, UNIX_EPOCH};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A credential of one component, and the requests that get it.
#[derive(Clone, Debug)]
pub struct HostCredential {
    /// `https://host[:port][/path]`: requests to this server, at or below this path.
    pub url: String,
    /// Whether it is for this one path, without a query.
    pub exact: bool,
    /// Methods of these requests.
    pub methods: Vec<CredentialMethod>,
    /// How it is given.
    pub kind: CredentialKind,
    /// Name of the header, for kind `header`.
    pub header: Option<String>,
    /// The secret; none for kind `google`.
    pub secret: Option<Secret>,
}

/// What is added, and to which requests.
pub(super) struct Credential {
    pub(super) scope: Scope,
    kind: Kind,
}

enum Kind {
    Header(HeaderName, HeaderValue),
    Signature(Secret),
    Google(AccessTokenCredentials),
}

impl Credential {
    /// # Errors
    /// Naming what it is for, and what is wrong with it.
    pub(super) fn new(settings: &HostCredential) -> anyhow::Result<Self> {
        let scope = Scope::new(&settings.url, settings.exact, &settings.methods)?;
        let kind = Kind::new(settings)?;
        Ok(Self { scope, kind })
    }

    /// Whether it is one over the whole body.
    pub(super) fn signs(&self) -> bool {
        matches!(self.kind, Kind::Signature(_))
    }

    /// Adds itself to a request's headers.
    pub(super) async fn add_to(&self, headers: &mut HeaderMap, body: &[u8]) -> anyhow::Result<()> {
        match &self.kind {
            Kind::Header(name, value) => {
                headers.insert(name, value.clone());
            }
            Kind::Signature(secret) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.unwrap_or_default().as_secs();
                let signature = webhook_signature(secret.reveal(), now, body);
                headers.insert("x-framemill-timestamp", now.into());
                headers.insert("x-framemill-signature", signature.parse()?);
            }
            Kind::Google(credentials) => {
                let token = credentials.access_token().await?.token;
                let mut value: HeaderValue = format!("Bearer {token}").parse()?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        Ok(())
    }
}

impl Kind {
    fn new(settings: &HostCredential) -> anyhow::Result<Self> {
        let secret = settings.secret.clone();
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
                server_of(&settings.url)
            )
        })?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }
}
