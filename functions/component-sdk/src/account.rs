//! The key of a service account: tokens signed by ourselves, and signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use framemill_contract::ConfigError;
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto};
use serde::{Deserialize, Serialize};

/// Seconds for which Google takes a token.
const LIFETIME: u64 = 3600;
/// Seconds by which our clock may be ahead of Google's.
const LEEWAY: u64 = 30;
const LARGEST_KEY: usize = 64 << 10;
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A service account with its private key.
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
}

/// The file that Google gives out, as far as we read it.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: Option<String>,
    private_key: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    scope: &'static str,
    iat: u64,
    exp: u64,
}

/// Without the reason in the parser's words, which may quote the key.
fn refused(reason: &str) -> ConfigError {
    ConfigError::new("google_key", reason)
}

impl ServiceAccount {
    /// From the JSON that Google gives out for a key.
    ///
    /// # Errors
    /// [`ConfigError`] of `google_key`, without any of its text.
    pub fn parse(json: &str) -> Result<Self, ConfigError> {
        if json.len() > LARGEST_KEY {
            return Err(refused("is longer than the JSON key of a service account"));
        }
        let file: KeyFile = serde_json::from_str(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            refused(&format!(
                "is not the JSON key of a service account, with client_email and private_key (line {line}, column {column}): set the whole file"
            ))
        })?;
        // Files that went through an environment have their line ends escaped once more.
        let pem = file.private_key.replace("\\n", "\n");
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).ok();
        let key = key.filter(|_| pem.contains("PRIVATE KEY-----"));
        let key = key.ok_or_else(|| {
            refused("holds a private_key that is not an RSA key in PEM: set the whole file")
        })?;
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
        })
    }

    /// E-mail address of the account.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// An RSA signature over the SHA-256 of `text` (PKCS #1 v1.5).
    ///
    /// # Errors
    /// [`ConfigError`] where the key is none.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ConfigError> {
        let signed = crypto::sign(text, &self.key, Algorithm::RS256).ok();
        let signature = signed.and_then(|signed| URL_SAFE_NO_PAD.decode(signed).ok());
        signature.ok_or_else(|| refused("holds a private_key that cannot sign: make a new one"))
    }

    /// A token that Google's services take as it is, and the second at which it ends:
    /// <https://google.aip.dev/auth/4111>.
    ///
    /// # Errors
    /// [`ConfigError`] where the key is none.
    pub fn token(&self, now: u64) -> Result<(String, u64), ConfigError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = self.key_id.clone();
        let iat = now.saturating_sub(LEEWAY);
        let exp = iat.saturating_add(LIFETIME);
        let claims = Claims {
            iss: &self.email,
            sub: &self.email,
            scope: SCOPE,
            iat,
            exp,
        };
        let text = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| refused("holds a private_key that cannot sign: make a new one"))?;
        Ok((text, exp))
    }
}
