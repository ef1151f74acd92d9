//! Looks at each request before a page does.

use super::{Access, Kind, is_token, session};
use crate::pages::shell;
use crate::url::{ROOT, page};
use axum::Form;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, LOCATION, ORIGIN,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use maud::html;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// Everything comes from here, and nothing in a page is a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What proxies say of whom they ask for: who comes through one is not on this machine.
const PROXIES: [&str; 5] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];
/// A wrong token is answered so late.
const WRONG_TOKEN: Duration = Duration::from_millis(500);
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets known visitors through, and sets what every answer has.
pub(crate) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let is_login = request.uri().path() == format!("{ROOT}/login");
    let is_asset = request.uri().path().starts_with("/console/assets/");
    let mut response = match access.knows(request.headers()) {
        _ if !is_of_this_site(request.method(), request.headers()) => {
            refused(StatusCode::FORBIDDEN, "the request comes from another site")
        }
        Err(reason) => refused(StatusCode::FORBIDDEN, reason),
        Ok(false) if !is_login && !is_asset => to_login(&request),
        Ok(_) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let kept = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(kept);
    response
}

impl Access {
    /// Whether who sends a request may see pages, as far as that can be told.
    fn knows(&self, headers: &HeaderMap) -> Result<bool, &'static str> {
        let text = |name: &HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
        match &self.0 {
            // A name that another site gives to this machine is not this machine's.
            Kind::Local if !is_local(text(&HOST).unwrap_or_default()) => {
                Err("open it as http://127.0.0.1 or http://localhost, with the port")
            }
            Kind::Local if PROXIES.iter().any(|it| headers.contains_key(*it)) => Err(
                "through a proxy the console wants FRAMEMILL_CONSOLE_TOKEN, or console_identity_header",
            ),
            Kind::Local => Ok(true),
            Kind::Known { token, identity } => {
                if identity
                    .as_ref()
                    .and_then(text)
                    .is_some_and(|it| !it.is_empty())
                {
                    return Ok(true);
                }
                let Some(token) = token else {
                    return Ok(false);
                };
                let bearer = text(&AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer "));
                let cookies = headers.get_all(COOKIE).iter();
                let mut cookies = cookies.filter_map(|it| it.to_str().ok());
                Ok(bearer.is_some_and(|given| is_token(given, token))
                    || cookies.any(|it| session::is_open(it, token, SystemTime::now())))
            }
        }
    }
}

/// Whether a `Host` is this machine by name.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

/// Whether what changes something comes from a page of this site.
fn is_of_this_site(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    if let Some(site) = text(FETCH_SITE) {
        return site == "same-origin";
    }
    let host = text(HOST).unwrap_or_default();
    let origin = text(ORIGIN).and_then(|it| it.split_once("://"));
    origin.is_some_and(|(_, authority)| !host.is_empty() && authority == host)
}

fn refused(status: StatusCode, reason: &str) -> Response {
    (status, format!("{reason}\n")).into_response()
}

/// People get the form, programs a status.
fn to_login(request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET) {
        return refused(StatusCode::UNAUTHORIZED, "log in first");
    }
    let wanted = request.uri().path_and_query().map_or("", |it| it.as_str());
    let address = page("login", &[("to", wanted)]);
    let mut response = refused(StatusCode::SEE_OTHER, "log in first");
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

/// What the form sends, and where to go then.
#[derive(Default, Deserialize)]
pub(crate) struct Login {
    #[serde(default)]
    token: String,
    #[serde(default)]
    to: String,
}

/// `GET /console/login`.
pub(crate) async fn login_page(query: axum::extract::Query<Login>) -> Response {
    form(&query.to, None)
}

/// `POST /console/login`.
pub(crate) async fn login(State(access): State<Access>, Form(login): Form<Login>) -> Response {
    let Kind::Known {
        token: Some(token), ..
    } = &access.0
    else {
        return refused(StatusCode::NOT_FOUND, "there is nothing to log in to");
    };
    if !is_token(&login.token, token) {
        tokio::time::sleep(WRONG_TOKEN).await;
        let mut response = form(&login.to, Some("That is not the token."));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return response;
    }
    let mut response = refused(StatusCode::SEE_OTHER, "logged in");
    // Pages of this console alone: an address from elsewhere must not lead away.
    let is_page = login.to.starts_with("/console/") && !login.to.contains(['\\', '\r', '\n']);
    let to = match is_page {
        true => login.to.clone(),
        false => format!("{ROOT}/"),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (LOCATION, to),
        (SET_COOKIE, session::begin(token, SystemTime::now())),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn form(to: &str, wrong: Option<&str>) -> Response {
    let body = html! {
        h1 { "Log in" }
        @if let Some(wrong) = wrong { p.alert role="alert" { (wrong) } }
        form.card method="post" action={ (ROOT) "/login" } {
            input type="hidden" name="to" value=(to);
            p {
                label for="token" { "Token" }
                input #token type="password" name="token" autocomplete="current-password" required;
            }
            p.hint { "Whoever runs framemill has set it as FRAMEMILL_CONSOLE_TOKEN." }
            button type="submit" { "Log in" }
        }
    };
    shell::plain("Log in", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["127.0.0.1:8400", "localhost", "[::1]:80", "127.0.0.1"] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example:8400",
            "",
            "127.0.0.1.evil.example",
            "localhost:x",
            "::1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn what_changes_something_comes_from_here() {
        let of = |pairs: &[(&'static str, &str)]| is_of_this_site(&Method::POST, &headers(pairs));
        assert!(of(&[("host", "h:1"), ("origin", "http://h:1")]));
        assert!(of(&[("sec-fetch-site", "same-origin")]));
        assert!(!of(&[("host", "h:1"), ("origin", "http://evil:1")]));
        assert!(!of(&[("host", "h:1")]));
        assert!(!of(&[("host", "h:1"), ("origin", "null")]));
        let cross = [
            ("sec-fetch-site", "cross-site"),
            ("host", "h"),
            ("origin", "http://h"),
        ];
        assert!(!of(&cross));
    }

    #[test]
    fn who_comes_through_a_proxy_is_not_on_this_machine() {
        let local = |pairs: &[(&'static str, &str)]| Access(Kind::Local).knows(&headers(pairs));
        assert_eq!(local(&[("host", "127.0.0.1:8400")]), Ok(true));
        for name in PROXIES {
            assert!(local(&[("host", "127.0.0.1:8400"), (name, "203.0.113.9")]).is_err());
        }
    }

    #[test]
    fn a_visitor_is_known_by_token_session_or_proxy() {
        let token = "0123456789abcdef";
        let access = Access(Kind::Known {
            token: Some(token.to_owned()),
            identity: Some(HeaderName::from_static("x-user")),
        });
        let knows = |pairs: &[(&'static str, &str)]| access.knows(&headers(pairs)).unwrap();
        assert!(knows(&[("x-user", "ann")]));
        assert!(knows(&[("authorization", &format!("Bearer {token}"))]));
        let cookie = session::begin(token, SystemTime::now());
        assert!(knows(&[("cookie", cookie.split(';').next().unwrap())]));
        for wrong in [
            &[][..],
            &[("x-user", "")],
            &[("authorization", "Bearer 0123456789abcdeX")],
            &[("cookie", "framemill_session=1.00")],
        ] {
            assert!(!knows(wrong), "{wrong:?}");
        }
    }
}
