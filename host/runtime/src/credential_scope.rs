//! For which requests a credential is: method, server, and a path that every server reads alike.

use super::allowed_host::{Destination, server_of};
use anyhow::{Context as _, ensure};
use framemill_function_spec::CredentialMethod;
use http::{HeaderMap, Method, Uri};

/// With these some servers take a request for another: its method, its path, its host.
const OVERRIDES: &[&str] = &[
    "forwarded",
    "x-envoy-original-path",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];

/// Removes what could make a request another one than that which was judged.
pub(super) fn remove_overrides(headers: &mut HeaderMap) {
    for name in OVERRIDES {
        headers.remove(*name);
    }
}

/// The requests that get a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// `https://host[:port]`.
    origin: String,
    path: Path,
    methods: Vec<CredentialMethod>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    /// This one, without a query.
    Exactly(String),
    /// Without slash at its end: itself, and what is below it.
    AtOrBelow(String),
}

impl Scope {
    /// From `https://host[:port][/path]`. With `exact` it is that one path, else what is below it
    /// too.
    ///
    /// # Errors
    /// Saying what is wrong with it.
    pub(super) fn new(
        url: &str,
        exact: bool,
        methods: &[CredentialMethod],
    ) -> anyhow::Result<Self> {
        let shown = server_of(url);
        let destination = Destination::parse(url).filter(|there| !there.origin().contains('*'));
        let destination = destination.with_context(|| {
            format!(
                "`{shown}` is not one server: a credential needs https://host[:port][/path], without wildcards"
            )
        })?;
        ensure!(
            destination.url.query().is_none() && destination.url.fragment().is_none(),
            "a credential is for a path, whatever the query: write https://host[:port][/path]: {shown}"
        );
        let path = destination.url.path();
        let path = match exact {
            true => Path::Exactly(path.to_owned()),
            false => {
                // What was written, as the parser has resolved `..` in its own.
                let written = url.parse::<Uri>().ok();
                let kept = written.is_some_and(|written| written.path() == path);
                ensure!(
                    kept && is_plain(path),
                    "path of a credential is not in plain form (letters, digits and -._~!$&'()*+,=:@, no empty segment, `.` or `..`, nothing percent-encoded): give the server such a path, for a webhook another URL, or leave its credential out: {shown}"
                );
                Path::AtOrBelow(path.trim_end_matches('/').to_owned())
            }
        };
        Ok(Self {
            origin: destination.origin(),
            path,
            methods: methods.to_vec(),
        })
    }

    /// Its server: `https://host[:port]`.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a request for `uri`, which goes to `destination`, is one of them.
    pub(super) fn covers(&self, method: &Method, uri: &Uri, destination: &Destination) -> bool {
        let methods = &self.methods;
        methods.iter().any(|own| own.as_str() == method.as_str())
            && self.origin == destination.origin()
            && self.covers_path(uri, destination)
    }

    fn covers_path(&self, uri: &Uri, destination: &Destination) -> bool {
        let path = destination.url.path();
        // What is judged must be what is sent: the parser resolves `..` and its like.
        if uri.path() != path {
            return false;
        }
        match &self.path {
            Path::Exactly(own) => own == path && uri.query().is_none(),
            Path::AtOrBelow(own) => {
                let rest = path.strip_prefix(own.as_str());
                is_plain(path) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }

    /// The narrower one comes first.
    pub(super) fn width(&self) -> std::cmp::Reverse<(bool, usize)> {
        std::cmp::Reverse(match &self.path {
            Path::Exactly(path) => (true, path.len()),
            Path::AtOrBelow(path) => (false, path.len()),
        })
    }

    /// Whether some requests are of both, and neither is the narrower one.
    pub(super) fn collides(&self, other: &Self) -> bool {
        self.origin == other.origin
            && self.path == other.path
            && self.methods.iter().any(|own| other.methods.contains(own))
    }
}

/// Whether every server reads a path alike: no empty segment, none of dots alone, and nothing
/// percent-encoded. Between `/a/b/../c`, `/a%2fc`, `/a//c`, `/a;x/c` and `/a/c` servers and the
/// proxies before them disagree.
pub(super) fn is_plain(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    let Some(below) = path.strip_prefix('/') else {
        return false;
    };
    let below = below.strip_suffix('/').unwrap_or(below);
    let segment =
        |segment: &str| segment.bytes().all(allowed) && segment.bytes().any(|byte| byte != b'.');
    path == "/" || below.split('/').all(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(scope: &Scope, method: &str, url: &str) -> bool {
        let uri: Uri = url.parse().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Destination::of(&uri).is_some_and(|destination| scope.covers(&method, &uri, &destination))
    }

    #[test]
    fn a_credential_is_for_method_server_and_path() {
        let usual = CredentialMethod::usual();
        let scope = Scope::new("https://a.example/v1/models/", false, &usual).unwrap();
        for (method, url, expected) in [
            ("GET", "https://a.example/v1/models", true),
            (
                "POST",
                "https://a.example:443/v1/models/x:predict?y=1",
                true,
            ),
            ("HEAD", "https://A.example/v1/models/", true),
            ("GET", "https://a.example/v1/models/a%20b", false),
            ("DELETE", "https://a.example/v1/models/x", false),
            ("TRACE", "https://a.example/v1/models/x", false),
            ("get", "https://a.example/v1/models/x", false),
            ("GET", "http://a.example/v1/models", false),
            ("GET", "https://a.example:444/v1/models", false),
            ("GET", "https://a.example./v1/models", false),
            ("GET", "https://b.a.example/v1/models", false),
            ("GET", "https://u@a.example/v1/models", false),
            ("GET", "https://a.example/v1/modelsx", false),
            ("GET", "https://a.example/v1/models:steal", false),
            ("GET", "https://a.example/V1/models", false),
            ("GET", "https://a.example/v1", false),
            ("GET", "https://a.example/?/v1/models", false),
        ] {
            assert_eq!(covers(&scope, method, url), expected, "{method} {url}");
        }
        let everywhere = Scope::new("https://a.example", false, &usual).unwrap();
        assert!(covers(&everywhere, "GET", "https://a.example"));
        assert!(covers(&everywhere, "GET", "https://a.example/x"));
        let one = Scope::new("https://a.example/v1/t:publish", true, &usual).unwrap();
        assert!(covers(&one, "POST", "https://a.example/v1/t:publish"));
        for url in [
            "https://a.example/v1/t:publish?x",
            "https://a.example/v1/t:publish/",
            "https://a.example/v1/t:publish/x",
            "https://a.example/v1/x/../t:publish",
        ] {
            assert!(!covers(&one, "POST", url), "{url}");
        }
    }

    #[test]
    fn a_path_is_plain_or_gets_nothing() {
        let scope = Scope::new("https://a.example/v1", false, &CredentialMethod::usual());
        let scope = scope.unwrap();
        for path in [
            "/v1/../admin",
            "/v1/./x",
            "/v1/%2e%2e/admin",
            "/v1/%2E./admin",
            "/v1/..%2fadmin",
            "/v1/%252e%252e/admin",
            "/v1/.../x",
            "/v1/..;/admin",
            "/v1/x;y",
            "/v1//admin",
            "//v1/x",
            "/v1/x//",
            "/v1%2fx",
            "/v1%5c..%5cadmin",
            "/v1/%c0%ae%c0%ae/admin",
            "/v1/%00",
            "/%76%31/x",
            "/x/../v1/y",
        ] {
            let url = format!("https://a.example{path}");
            assert!(!covers(&scope, "GET", &url), "{path}");
        }
        // Not even a URI.
        assert!("https://a.example/v1/\\..\\admin".parse::<Uri>().is_err() || !is_plain("/v1/\\x"));
    }

    #[test]
    fn scopes_that_name_no_one_place_are_refused() {
        for (url, why) in [
            ("a.example", "not one server"),
            ("a.example/s3cret", "not one server"),
            ("https://u:s3cret@a.example/s3cret", "not one server"),
            ("https://*.example.com/s3cret", "wildcards"),
            ("https://a.example/s3cret?x", "whatever the query"),
            ("https://a.example/s3cret;x", "for a webhook another URL"),
            ("https://*.example.com", "wildcards"),
            ("https://user@a.example/", "not one server"),
            ("https://a.example/v1?x", "whatever the query"),
            ("https://a.example/v1/../x", "plain form"),
            ("https://a.example/v1//x", "plain form"),
            ("https://a.example/a%20b", "plain form"),
        ] {
            let error = Scope::new(url, false, &CredentialMethod::usual()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(why), "{url}: {error}");
            let server = ["a.example", "*.example.com"];
            assert!(server.iter().any(|it| error.contains(it)), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
