use super::*;
use framemill_contract::Push;
use futures::executor::block_on;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::OnceLock;

const NOW: u64 = 1_700_000_000;
const STORE: &str = "https://storage.example.com";
const METADATA: &str = "http://metadata.example.internal";

fn private() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap())
}

fn key_file() -> Value {
    let pem = private().to_pkcs8_pem(LineEnding::LF).unwrap();
    json!({
        "type": "service_account", "client_email": "a@p.iam.gserviceaccount.com",
        "private_key_id": "k1", "private_key": pem.as_str(),
    })
}

/// Hosts that note what they are asked.
struct Harness {
    metadata: RefCell<Result<HttpResponse, WebError>>,
    status: Cell<u16>,
    asked: RefCell<Vec<(String, Option<String>)>>,
    clock: Cell<u64>,
}

impl Harness {
    fn new() -> Self {
        let harness = Self {
            metadata: RefCell::new(Err(WebError::Unanswered("no route to host".to_owned()))),
            status: Cell::new(200),
            asked: RefCell::default(),
            clock: Cell::new(NOW),
        };
        harness.metadata_says(
            200,
            r#"{"access_token":"m1","expires_in":300,"token_type":"Bearer"}"#,
        );
        harness
    }

    fn metadata_says(&self, status: u16, body: &str) {
        *self.metadata.borrow_mut() = Ok(HttpResponse {
            status,
            body: body.as_bytes().to_vec(),
            ..HttpResponse::default()
        });
    }

    /// What was asked since the last time: URL and authorization.
    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.take()
    }
}

impl Web for Harness {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| value.clone())
        };
        self.asked
            .borrow_mut()
            .push((request.url.clone(), header("authorization")));
        if request.url.starts_with(METADATA) {
            assert_eq!(header("metadata-flavor").as_deref(), Some("Google"));
            return self.metadata.borrow().clone();
        }
        Ok(HttpResponse {
            status: self.status.get(),
            body: b"said".to_vec(),
            ..HttpResponse::default()
        })
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    async fn sleep(&self, _: u64) {}
}

fn open(credentials: Credentials) -> Platform {
    Platform::Standalone {
        push: Push::Insecure,
        credentials,
    }
}

fn get(web: &impl Web, url: &str) -> Result<HttpResponse, WebError> {
    block_on(web.send(HttpRequest::get(url.to_owned())))
}

fn given() -> Credentials {
    Credentials::Token("t1".to_owned().into())
}

fn key() -> Credentials {
    Credentials::Key(key_file().to_string().into())
}

fn metadata_server() -> Credentials {
    Credentials::Metadata(METADATA.to_owned())
}

#[test]
fn only_the_destinations_get_the_token() {
    let harness = Harness::new();
    let web = Authorized::new(
        &harness,
        &open(given()),
        [STORE, "https://iam.example.com/base", ""],
    );
    let web = web.unwrap();
    for (url, sent) in [
        ("https://storage.example.com/storage/v1/b/x", true),
        ("https://storage.example.com/upload/storage/v1/b/x?y", true),
        ("https://iam.example.com/base/storage/v1/b/x", true),
        ("https://storage.example.com?x", false),
        // A target on the store's server.
        ("https://storage.example.com/hook", false),
        ("https://storage.example.com/storage/v1", false),
        ("https://iam.example.com/storage/v1/b/x", false),
        ("https://iam.example.com/basement/storage/v1/b/x", false),
        ("https://iam.example.com/", false),
        ("https://storage.example.com.evil.org/storage", false),
        ("https://storage.example.com@evil.org/storage", false),
        ("https://storage.example.com:444/storage", false),
        ("http://storage.example.com/storage", false),
        ("https://evil.org/https://storage.example.com/", false),
        ("https://hooks.example.org/in", false),
        ("http://extract-frames.spin.internal/segments", false),
        ("https://www.googleapis.com/oauth2/v3/certs", false),
    ] {
        get(&web, url).unwrap();
        let token = sent.then(|| "Bearer t1".to_owned());
        assert_eq!(harness.asked(), [(url.to_owned(), token)]);
    }
    let own = HttpRequest::get(format!("{STORE}/storage/v1/b/x"))
        .header("authorization", "Bearer own".to_owned());
    block_on(web.send(own)).unwrap();
    assert_eq!(harness.asked()[0].1.as_deref(), Some("Bearer own"));
}

#[test]
fn a_call_gets_the_token_by_its_method_and_url_alone() {
    let harness = Harness::new();
    let sign = "https://iam.example.com/v1/a:signBlob";
    let call = Tokened::Call(sign.to_owned());
    let web = Authorized::new(&harness, &open(given()), [call]).unwrap();
    let post = |url: &str| HttpRequest::post(url.to_owned(), Vec::new());
    for (request, sent) in [
        (post(sign), true),
        (HttpRequest::get(sign.to_owned()), false),
        (post(&format!("{sign}?x")), false),
        (post(&format!("{sign}/x")), false),
        (
            post("https://iam.example.com/v1/a:generateAccessToken"),
            false,
        ),
    ] {
        let url = request.url.clone();
        block_on(web.send(request)).unwrap();
        let token = sent.then(|| "Bearer t1".to_owned());
        assert_eq!(harness.asked(), [(url, token)]);
    }
}

#[test]
fn nothing_is_sent_where_nothing_should_be() {
    for platform in [Platform::Framemill, open(Credentials::None)] {
        let harness = Harness::new();
        let web = Authorized::new(&harness, &platform, [STORE]).unwrap();
        get(&web, &format!("{STORE}/storage/v1/b/x")).unwrap();
        assert_eq!(harness.asked(), [(format!("{STORE}/storage/v1/b/x"), None)]);
        assert!(web.account().is_none());
    }
}

#[test]
fn keys_sign_tokens_without_asking_anyone() {
    let harness = Harness::new();
    let web = Authorized::new(&harness, &open(key()), [STORE]).unwrap();
    let token = || {
        get(&web, &format!("{STORE}/storage/v1/b/x")).unwrap();
        let asked = harness.asked();
        assert_eq!(asked.len(), 1);
        asked[0].1.clone().unwrap()
    };
    let first = token();
    let text = first.strip_prefix("Bearer ").unwrap();
    let public = RsaPublicKey::from(private()).to_pkcs1_der().unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_der(public.as_bytes());
    let decoded = jsonwebtoken::decode::<Value>(text, &key, &validation).unwrap();
    assert_eq!(decoded.header.kid.as_deref(), Some("k1"));
    let email = "a@p.iam.gserviceaccount.com";
    let claims = json!({
        "iss": email, "sub": email, "iat": NOW - 30, "exp": NOW + 3570,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    });
    assert_eq!(decoded.claims, claims);
    harness.clock.set(NOW + 3509);
    assert_eq!(token(), first);
    harness.clock.set(NOW + 3510);
    assert_ne!(token(), first);
    // One that is refused is made anew.
    let second = token();
    harness.status.set(401);
    harness.clock.set(NOW + 3600);
    assert_eq!(token(), second);
    assert_ne!(token(), second);
}

#[test]
fn bad_keys_are_configuration_errors_without_secrets() {
    let with = |field: &str, value: Value| {
        let mut file = key_file();
        file[field] = value;
        file.to_string()
    };
    let private = key_file()["private_key"].as_str().unwrap().to_owned();
    for json in [
        String::new(),
        "hush".to_owned(),
        "\"hush\"".to_owned(),
        with("private_key", json!({"hush": 1})),
        with("private_key", json!("hush")),
        with("private_key", json!(private.replace("PRIVATE", "PUBLIC"))),
        with("client_email", json!(["hush"])),
        format!("{{\"hush\":\"{}\"}}", "x".repeat(70_000)),
    ] {
        let error = ServiceAccount::parse(&json).err().unwrap();
        assert_eq!(error.key, "google_key");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    // PEM of the right form that holds no key shows only when it signs.
    let middle = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let parsed = ServiceAccount::parse(&with("private_key", json!(middle)));
    assert!(parsed.is_err() || parsed.unwrap().token(NOW).is_err());
    // Line ends that were escaped twice are common.
    let escaped = with("private_key", json!(private.replace('\n', "\\n")));
    assert!(ServiceAccount::parse(&escaped).is_ok());
    let bad = Credentials::Token("two words".to_owned().into());
    let error = Authorized::new(&Harness::new(), &open(bad), [STORE])
        .err()
        .unwrap();
    assert!(matches!(
        error,
        JobError::Config(ConfigError { key, .. }) if key == "google_token"
    ));
}

#[test]
fn the_metadata_server_is_asked_once_per_token() {
    let harness = Harness::new();
    let web = Authorized::new(&harness, &open(metadata_server()), [STORE]).unwrap();
    let url = format!("{STORE}/storage/v1/b/x");
    let token = |text: &str| (url.clone(), Some(format!("Bearer {text}")));
    let metadata = (
        format!("{METADATA}/computeMetadata/v1/instance/service-accounts/default/token"),
        None,
    );
    get(&web, &url).unwrap();
    assert_eq!(harness.asked(), [metadata.clone(), token("m1")]);
    harness.clock.set(NOW + 239);
    get(&web, &url).unwrap();
    assert_eq!(harness.asked(), [token("m1")]);
    harness.clock.set(NOW + 240);
    harness.metadata_says(200, r#"{"access_token":"m2","expires_in":1}"#);
    get(&web, &url).unwrap();
    assert_eq!(harness.asked(), [metadata, token("m2")]);
}

#[test]
fn requests_without_a_token_are_not_sent() {
    let harness = Harness::new();
    let web = Authorized::new(&harness, &open(metadata_server()), [STORE]).unwrap();
    let error = || match get(&web, &format!("{STORE}/storage/v1/b/x")) {
        Err(WebError::Unsent(error)) => {
            assert_eq!(
                harness.asked().len(),
                1,
                "only the metadata server was asked"
            );
            (error.code(), error.to_string())
        }
        other => panic!("{other:?}"),
    };
    for (status, body, code) in [
        (404, "no service account", "configuration"),
        (403, "", "configuration"),
        (500, "", "storage"),
        (429, "", "storage"),
        (200, "<html>", "storage"),
        (
            200,
            r#"{"access_token":"hush\nhush","expires_in":9}"#,
            "storage",
        ),
        (200, r#"{"access_token":"","expires_in":9}"#, "storage"),
        (200, r#"{"access_token":"hush"}"#, "storage"),
    ] {
        harness.metadata_says(status, body);
        let (is, words) = error();
        assert_eq!(is, code, "{status} {body}");
        assert!(!words.contains("hush"), "{words}");
    }
    *harness.metadata.borrow_mut() = Err(WebError::Unanswered("no route to host".to_owned()));
    let (code, words) = error();
    assert!(code == "storage" && words.contains("google_key"), "{words}");
}

#[test]
fn refusals_name_the_remedy() {
    for (credentials, key) in [
        (given(), "google_token"),
        (key(), "google_key"),
        (metadata_server(), "service account"),
        (Credentials::None, "credentials = auto"),
    ] {
        let harness = Harness::new();
        harness.status.set(401);
        let web = Authorized::new(&harness, &open(credentials), [STORE]).unwrap();
        let text = get(&web, &format!("{STORE}/storage/v1/b/x"))
            .unwrap()
            .text();
        assert!(text.contains(key) && text.ends_with(": said"), "{text}");
        let text = get(&web, "https://elsewhere.example.com/").unwrap().text();
        assert_eq!(text, "said");
    }
}
