//! The one way in which the host makes HTTP clients.

use std::error::Error;
use std::time::Duration;

/// What servers see of us.
pub const USER_AGENT: &str = concat!("framemill/", env!("CARGO_PKG_VERSION"));

const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence of a server while we wait for its answer or for more of it.
pub const SILENCE: Duration = Duration::from_secs(60);

/// Makes ring the process's TLS provider: crates that are built without a provider of their
/// own (reqwest, Google's, lapin) ask for it.
pub fn install_tls() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client with time-outs. It follows no redirects: credentials go along with requests.
pub fn client() -> reqwest::ClientBuilder {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::none())
}

/// An error and its causes in one line, without the URL, which may carry what is secret.
pub fn problem(error: reqwest::Error) -> String {
    chain(&error.without_url())
}

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many errors print their cause themselves.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The deepest cause of an error: for libraries that wrap one in many words.
pub fn root(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
