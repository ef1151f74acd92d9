//! Whether the listener will work: for `framemill check`.

use super::{Limits, Listener};
use framemill_contract::Push;
use framemill_support::finding::Finding;
use framemill_support::net;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest wait for whoever has the address.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Whether the address can be had, and messages are taken; `pushes_only` where none come from
/// anywhere else.
pub async fn check(address: SocketAddr, push: &Push, pushes_only: bool) -> Vec<Finding> {
    vec![
        check_address(address).await,
        check_senders(push, pushes_only),
    ]
}

async fn check_address(address: SocketAddr) -> Finding {
    let subject = format!("listener {address}");
    match Listener::bind(address, Limits::default()).await {
        Ok(_) => Finding::good(subject, "the address can be had"),
        Err(_) if is_framemill(address).await => {
            Finding::good(subject, "in use by a framemill that runs")
        }
        Err(error) => {
            let remedy = "end what listens there, or choose another address of this machine";
            Finding::error(subject, format!("{error:#}"), remedy)
        }
    }
}

/// Whether a framemill answers there.
async fn is_framemill(address: SocketAddr) -> bool {
    let answer = async {
        let client = net::client()
            .timeout(LONGEST_WAIT)
            .no_proxy()
            .build()
            .ok()?;
        let health = client.get(format!("http://{address}/healthz")).send().await;
        health.ok()?.json::<Value>().await.ok()
    };
    answer
        .await
        .is_some_and(|health| health["service"] == "framemill")
}

fn check_senders(push: &Push, pushes_only: bool) -> Finding {
    let subject = "pushed messages";
    match push {
        Push::Google { email, .. } => Finding::good(subject, format!("are taken from {email}")),
        Push::Insecure => Finding::warning(
            subject,
            "are taken from anyone who reaches the listener",
            "set push_audience and push_email instead of insecure_push",
        ),
        Push::Unconfigured => {
            let remedy = "set push_audience and push_email to those of the push subscription";
            match pushes_only {
                true => {
                    Finding::error(subject, "are refused, and there is no other source", remedy)
                }
                false => Finding::good(subject, "are refused, as nothing says whose to take"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_support::finding::Severity;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_address_that_cannot_be_had_is_an_error() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = other.local_addr().unwrap();
        // It takes connections and says nothing: no framemill.
        let found = check_address(address).await;
        assert_eq!(found.severity, Severity::Error);
        assert!(found.to_string().contains("`listen`"), "{found}");
        drop(other);
        assert_eq!(check_address(address).await.severity, Severity::Good);
        // An address of a network for documentation is none of this machine.
        let foreign = SocketAddr::from(([192, 0, 2, 1], 8400));
        let bound = Listener::bind(foreign, Limits::default()).await;
        assert!(bound.is_err());
    }

    #[test]
    fn nobody_to_take_messages_from_is_an_error_where_nothing_else_brings_any() {
        let severity = |push, only| check_senders(&push, only).severity;
        assert_eq!(severity(Push::Unconfigured, true), Severity::Error);
        assert_eq!(severity(Push::Unconfigured, false), Severity::Good);
        assert_eq!(severity(Push::Insecure, false), Severity::Warning);
    }
}
