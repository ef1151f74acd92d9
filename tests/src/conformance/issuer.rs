//! Google's signer of push messages: tokens with a key made for this run, and its public keys.

use crate::listener::Listener;
use axum::Router;
use axum::routing::get;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// For whom good tokens are.
pub const AUDIENCE: &str = "https://mill.test/push";
/// Who asks for good tokens.
pub const EMAIL: &str = "pusher@test-project.iam.gserviceaccount.com";
/// Where the keys are below the origin, as Google's.
const PATH: &str = "/oauth2/v3/certs";
const KEY_ID: &str = "of-this-run";
const BITS: usize = 2048;

/// Signs tokens and serves the keys.
pub struct Issuer {
    listener: Listener,
    key: RsaPrivateKey,
    other: RsaPrivateKey,
}

impl Issuer {
    /// With new keys.
    pub fn start() -> Self {
        let key = RsaPrivateKey::new(&mut Random, BITS).unwrap();
        let keys = json!({ "keys": [{
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": KEY_ID,
            "n": BASE64.encode(key.n().to_bytes_be()),
            "e": BASE64.encode(key.e().to_bytes_be()),
        }] });
        let answer = move || async move {
            let headers = [
                ("content-type", "application/json; charset=UTF-8"),
                ("cache-control", "public, max-age=20000, must-revalidate"),
            ];
            (headers, keys.to_string())
        };
        Self {
            listener: Listener::start(Router::new().route(PATH, get(answer))),
            other: RsaPrivateKey::new(&mut Random, BITS).unwrap(),
            key,
        }
    }

    /// Where the keys are, without the path.
    pub fn origin(&self) -> String {
        self.listener.origin()
    }

    /// A token of this kind.
    pub fn token(&self, kind: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs();
        let mut claims = json!({
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": EMAIL,
            "email_verified": true,
            "iat": now - 10,
            "exp": now + 3600,
        });
        let mut key = &self.key;
        let mut set = |name: &str, value: Value| claims[name] = value;
        match kind {
            "valid" => {}
            "wrong_audience" => set("aud", "https://other.test/push".into()),
            "wrong_issuer" => set("iss", "https://accounts.evil.test".into()),
            "wrong_email" => set("email", "other@test-project.iam.gserviceaccount.com".into()),
            "unverified_email" => set("email_verified", false.into()),
            "expired" => {
                set("iat", (now - 7200).into());
                set("exp", (now - 3600).into());
            }
            "forged" => key = &self.other,
            other => panic!("no kind of token: {other}"),
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        let der = key.to_pkcs1_der().unwrap();
        encode(&header, &claims, &EncodingKey::from_rsa_der(der.as_bytes())).unwrap()
    }
}

/// The operating system's random numbers, as the crate for keys wants them.
struct Random;

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_ne_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        let mut source = File::open("/dev/urandom").unwrap();
        source.read_exact(bytes).unwrap();
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random {}
