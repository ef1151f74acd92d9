use super::*;
use crate::http::{HttpRequest, HttpResponse, WebError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use framemill_contract::Push;
use futures::executor::block_on;
use jsonwebtoken::{EncodingKey, Header, encode};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::OnceLock;

const NOW: u64 = 1_700_000_000;
const AUDIENCE: &str = "https://framemill.example.com/";
const EMAIL: &str = "push@p.iam.gserviceaccount.com";
const URL: &str = "https://keys.example.com/certs";

/// Two keys that Google has, and one of a forger.
fn keys() -> &'static [RsaPrivateKey; 3] {
    static KEYS: OnceLock<[RsaPrivateKey; 3]> = OnceLock::new();
    // Short, since they are made without optimisation.
    KEYS.get_or_init(|| {
        std::array::from_fn(|_| RsaPrivateKey::new(&mut rand_core(), 1024).unwrap())
    })
}

fn rand_core() -> rsa::rand_core::OsRng {
    rsa::rand_core::OsRng
}

fn jwk(kid: &str, key: &RsaPrivateKey) -> Value {
    let key = RsaPublicKey::from(key);
    let text = |number: &rsa::BigUint| BASE64.encode(number.to_bytes_be());
    json!({
        "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
        "n": text(key.n()), "e": text(key.e()),
    })
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "1", "sub": "1",
        "iat": NOW - 10, "exp": NOW + 3590, "email": EMAIL, "email_verified": true,
    })
}

fn signed(kid: Option<&str>, key: &RsaPrivateKey, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = kid.map(str::to_owned);
    let der = key.to_pkcs1_der().unwrap();
    let key = EncodingKey::from_rsa_der(der.as_bytes());
    format!("Bearer {}", encode(&header, claims, &key).unwrap())
}

/// With one claim changed; null removes it.
fn with(claim: &str, value: Value) -> String {
    let mut claims = claims();
    match value.is_null() {
        true => claims.as_object_mut().unwrap().remove(claim),
        false => claims
            .as_object_mut()
            .unwrap()
            .insert(claim.to_owned(), value),
    };
    signed(Some("a"), &keys()[0], &claims)
}

/// Google with its keys, a clock and a store.
struct Harness {
    answer: RefCell<Result<HttpResponse, WebError>>,
    asked: Cell<usize>,
    clock: Cell<u64>,
    kept: RefCell<HashMap<String, Vec<u8>>>,
    forgets: Cell<bool>,
}

impl Harness {
    fn new() -> Self {
        let harness = Self {
            answer: RefCell::new(Err(WebError::Unanswered(String::new()))),
            asked: Cell::new(0),
            clock: Cell::new(NOW),
            kept: RefCell::default(),
            forgets: Cell::new(false),
        };
        harness.publish(&[("a", 0)], Some("public, max-age=600, must-revalidate"));
        harness
    }

    fn publish(&self, named: &[(&str, usize)], cache_control: Option<&str>) {
        let keys: Vec<Value> = named.iter().map(|(kid, i)| jwk(kid, &keys()[*i])).collect();
        self.says(200, &json!({ "keys": keys }).to_string(), cache_control);
    }

    fn says(&self, status: u16, body: &str, cache_control: Option<&str>) {
        *self.answer.borrow_mut() = Ok(HttpResponse {
            status,
            cache_control: cache_control.map(str::to_owned),
            body: body.as_bytes().to_vec(),
            ..HttpResponse::default()
        });
    }

    fn check(&self, authorization: &str) -> Result<Admitted, Refused> {
        let push = Push::Google {
            audience: AUDIENCE.to_owned(),
            email: EMAIL.to_owned(),
            keys_url: URL.to_owned(),
        };
        block_on(check(&push, Some(authorization), self, self))
    }

    /// Why a token is refused, which must be with 401 and without the token.
    fn reason(&self, authorization: &str) -> &'static str {
        match self.check(authorization) {
            Err(refused @ Refused::Token(reason)) => {
                assert_eq!(refused.status(), 401);
                reason
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Web for Harness {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        assert_eq!(request.url, URL);
        assert!(request.headers.is_empty() && request.largest_answer <= 1 << 20);
        self.asked.set(self.asked.get() + 1);
        self.answer.borrow().clone()
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    async fn sleep(&self, _: u64) {}
}

impl Cache for Harness {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        assert!(key.len() < 255);
        self.kept.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8]) {
        if !self.forgets.get() {
            self.kept
                .borrow_mut()
                .insert(key.to_owned(), value.to_vec());
        }
    }
}

#[test]
fn a_token_of_the_subscription_is_taken() {
    let harness = Harness::new();
    assert_eq!(harness.check(&with("x", json!(1))), Ok(Admitted::Verified));
    let short = with("iss", json!("accounts.google.com"));
    assert_eq!(harness.check(&short), Ok(Admitted::Verified));
    let late = with("exp", json!(NOW - 20));
    assert_eq!(
        harness.check(&late),
        Ok(Admitted::Verified),
        "clocks differ"
    );
    let lower = short.replacen("Bearer", "bearer", 1);
    assert_eq!(harness.check(&lower), Ok(Admitted::Verified));
    assert_eq!(harness.asked.get(), 1);
}

#[test]
fn each_claim_counts() {
    let harness = Harness::new();
    for (claim, value, reason) in [
        ("iss", json!("https://accounts.example.com"), "issuer"),
        (
            "iss",
            json!("https://accounts.google.com.example.com"),
            "issuer",
        ),
        ("aud", json!("https://other.example.com/"), "audience"),
        ("aud", json!([AUDIENCE]), "claims"),
        ("exp", json!(NOW - 31), "expired"),
        ("exp", json!(0), "expired"),
        ("exp", json!("soon"), "claims"),
        ("exp", json!(-1), "claims"),
        ("iat", json!(NOW + 31), "not yet"),
        ("nbf", json!(NOW + 31), "not yet"),
        ("email", json!("other@p.iam.gserviceaccount.com"), "email"),
        ("email_verified", json!(false), "verified"),
        ("email_verified", json!("true"), "claims"),
        ("iss", Value::Null, "claims"),
        ("aud", Value::Null, "claims"),
        ("exp", Value::Null, "claims"),
        ("email", Value::Null, "claims"),
        ("email_verified", Value::Null, "claims"),
    ] {
        let said = harness.reason(&with(claim, value.clone()));
        assert!(said.contains(reason), "{claim} = {value}: {said}");
    }
    assert_eq!(harness.asked.get(), 0, "no key is needed to refuse these");
}

#[test]
fn forgeries_are_refused() {
    let harness = Harness::new();
    let good = signed(Some("a"), &keys()[0], &claims());
    let token = good.strip_prefix("Bearer ").unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    let headed = |header: Value, signature: &str| {
        let header = BASE64.encode(header.to_string());
        format!("Bearer {header}.{payload}.{signature}")
    };
    // The public key is known to all: it must not serve as the secret of an HMAC.
    let public = RsaPublicKey::from(&keys()[0]).n().to_bytes_be();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("a".to_owned());
    let hmac = encode(&header, &claims(), &EncodingKey::from_secret(&public)).unwrap();
    let others = signed(Some("a"), &keys()[0], &json!({"iss": "x"}));
    let others = others.rsplit_once('.').unwrap().1;
    for (forged, reason) in [
        (signed(Some("a"), &keys()[2], &claims()), "signature"),
        (format!("Bearer {message}.{others}"), "signature"),
        (format!("Bearer {message}."), "signature"),
        (format!("Bearer {hmac}"), "RS256"),
        (
            headed(json!({"alg": "none", "kid": "a"}), ""),
            "JSON Web Token",
        ),
        (
            headed(json!({"alg": "RS512", "kid": "a"}), signature),
            "RS256",
        ),
        (
            headed(json!({"alg": "PS256", "kid": "a"}), signature),
            "RS256",
        ),
        (signed(None, &keys()[0], &claims()), "name its key"),
        (signed(Some(""), &keys()[0], &claims()), "name its key"),
        (signed(Some("c"), &keys()[2], &claims()), "none of Google's"),
        (good.replacen("Bearer", "Basic", 1), "no bearer"),
        (token.to_owned(), "no bearer"),
        ("Bearer".to_owned(), "JSON Web Token"),
        (format!("Bearer {}", "a".repeat(9000)), "longer"),
        (String::new(), "no bearer"),
    ] {
        let said = harness.reason(&forged);
        assert!(said.contains(reason), "{forged}: {said}");
    }
    let push = Push::Google {
        audience: AUDIENCE.to_owned(),
        email: EMAIL.to_owned(),
        keys_url: URL.to_owned(),
    };
    let without = block_on(check(&push, None, &harness, &harness)).unwrap_err();
    assert_eq!(without.status(), 401);
}

#[test]
fn keys_are_kept_as_long_as_they_may_be() {
    let token = signed(Some("a"), &keys()[0], &claims());
    for (cache_control, age) in [
        (Some("public, max-age=600"), 600),
        (Some("Max-Age=\"600\""), 600),
        (Some("max-age=0"), 60),
        (Some("no-store"), 60),
        (None, 60),
        (Some("max-age=1000000"), 3600),
        (Some("max-age=99999999999999999999999"), 60),
    ] {
        let harness = Harness::new();
        harness.publish(&[("a", 0)], cache_control);
        let asked = |after: u64| {
            harness.clock.set(NOW + after);
            let mut claims = claims();
            claims["exp"] = json!(NOW + 10_000);
            let token = signed(Some("a"), &keys()[0], &claims);
            assert_eq!(harness.check(&token), Ok(Admitted::Verified));
            harness.asked.get()
        };
        assert_eq!(
            (asked(0), asked(age - 1), asked(age)),
            (1, 1, 2),
            "{cache_control:?}"
        );
    }
    let harness = Harness::new();
    harness.forgets.set(true);
    assert!(harness.check(&token).is_ok() && harness.check(&token).is_ok());
    assert_eq!(harness.asked.get(), 2, "without a store each message asks");
    let harness = Harness::new();
    assert!(harness.check(&token).is_ok());
    for kept in harness.kept.borrow_mut().values_mut() {
        kept.truncate(9);
    }
    assert!(harness.check(&token).is_ok());
    assert_eq!(harness.asked.get(), 2, "what cannot be read is not there");
    let mut early = claims();
    early["iat"] = json!(NOW - 1000);
    harness.clock.set(NOW - 500);
    assert!(
        harness
            .check(&signed(Some("a"), &keys()[0], &early))
            .is_ok()
    );
    assert_eq!(
        harness.asked.get(),
        3,
        "a clock that was set back makes no key last"
    );
}

#[test]
fn keys_rotate() {
    let harness = Harness::new();
    let (old, new) = (
        signed(Some("a"), &keys()[0], &claims()),
        signed(Some("b"), &keys()[1], &claims()),
    );
    assert!(harness.check(&old).is_ok());
    harness.publish(&[("a", 0), ("b", 1)], Some("max-age=600"));
    // Made-up names must not make us ask each time, so neither does a new one.
    assert!(harness.reason(&new).contains("none of Google's"));
    assert_eq!(harness.asked.get(), 1);
    harness.clock.set(NOW + 60);
    assert_eq!(harness.check(&new), Ok(Admitted::Verified));
    assert_eq!(harness.check(&old), Ok(Admitted::Verified));
    for kid in 0..20 {
        let forged = signed(Some(&format!("made-up-{kid}")), &keys()[2], &claims());
        assert!(harness.reason(&forged).contains("none of Google's"));
    }
    assert_eq!(harness.asked.get(), 2);
    // A key that is gone is no longer taken.
    harness.publish(&[("b", 1)], Some("max-age=600"));
    harness.clock.set(NOW + 700);
    assert!(harness.reason(&old).contains("none of Google's"));
}

#[test]
fn keys_that_cannot_be_had_are_no_ones_fault() {
    let token = signed(Some("a"), &keys()[0], &claims());
    let harness = Harness::new();
    *harness.answer.borrow_mut() = Err(WebError::Unanswered("connection refused".to_owned()));
    let refused = harness.check(&token).unwrap_err();
    assert_eq!(refused.status(), 503);
    assert!(refused.to_string().contains("connection refused"));
    for (status, body) in [
        (500, "{\"keys\":[]}"),
        (200, "<html>"),
        (404, ""),
        (302, ""),
    ] {
        harness.says(status, body, None);
        assert_eq!(
            harness.check(&token).unwrap_err().status(),
            503,
            "{status} {body}"
        );
    }
    let mut broken = jwk("a", &keys()[0]);
    broken["n"] = json!("§");
    harness.says(200, &json!({ "keys": [broken] }).to_string(), None);
    assert_eq!(harness.check(&token).unwrap_err().status(), 503);
    // Keys of other kinds are not Google's for this.
    for (field, value) in [("kty", "EC"), ("alg", "RS512"), ("use", "enc")] {
        let harness = Harness::new();
        let mut other = jwk("a", &keys()[0]);
        other[field] = json!(value);
        harness.says(200, &json!({ "keys": [other] }).to_string(), None);
        assert!(
            harness.reason(&token).contains("none of Google's"),
            "{field}"
        );
    }
}

#[test]
fn other_settings_need_no_token() {
    let harness = Harness::new();
    let of = |push| block_on(check(&push, None, &harness, &harness));
    assert_eq!(of(Push::Insecure), Ok(Admitted::Unverified));
    let refused = of(Push::Unconfigured).unwrap_err();
    assert_eq!(refused.status(), 401);
    assert!(refused.to_string().contains("push_audience"));
}

proptest::proptest! {
    #[test]
    fn garbage_is_refused(text in "(Bearer )?[ -~]{0,200}", cut in 0usize..2000, flip in 7usize..2000) {
        let harness = Harness::new();
        proptest::prop_assert_eq!(harness.check(&text).unwrap_err().status(), 401);
        let mut token = signed(Some("a"), &keys()[0], &claims());
        let good = token.clone();
        token.truncate(cut);
        // Behind `Bearer `, of which upper and lower case are the same.
        let mut bytes = token.into_bytes();
        if let Some(byte) = bytes.get_mut(flip) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        let token = String::from_utf8(bytes).unwrap();
        proptest::prop_assert!(token == good || harness.check(&token).unwrap_err().status() == 401);
    }
}
