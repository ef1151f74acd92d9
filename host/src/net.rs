//! What all network clients of the host share.

use std::sync::Once;
use std::time::Duration;

/// Chooses the TLS library once: no dependency brings one of its own.
pub fn prepare_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It fails only where one is there already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client that follows no redirects: credentials go to the configured host only.
///
/// # Errors
/// Where the system's certificates cannot be read.
pub fn client() -> reqwest::Result<reqwest::Client> {
    prepare_tls();
    reqwest::Client::builder()
        .user_agent(concat!("framemill/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .build()
}
