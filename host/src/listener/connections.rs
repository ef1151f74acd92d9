//! Connections: how many there may be, how slow they may be, and how they end.

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time; more wait until one ends.
    pub connections: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Header fields of a request.
    pub headers: usize,
    /// Bytes of a pushed message.
    pub push_bytes: usize,
    /// Time for a request's head, from the end of the request before or from the connection on.
    pub header_time: Duration,
    /// Time for a pushed message's body.
    pub body_time: Duration,
    /// Longest time in which a client takes nothing of an answer.
    pub write_time: Duration,
    /// Time that answers have to get out after the end.
    pub close_time: Duration,
}

impl Default for Limits {
    /// Pub/Sub's messages have 10 MB at most, and those about objects some kilobytes.
    fn default() -> Self {
        Self {
            connections: 256,
            header_bytes: 32 << 10,
            headers: 100,
            push_bytes: 10 << 20,
            header_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(60),
            close_time: Duration::from_secs(5),
        }
    }
}

/// A pause where the system has no connection to give, as when it has no more files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// An address that is ours.
pub struct Listener {
    listener: TcpListener,
    limits: Limits,
}

impl Listener {
    /// Takes an address.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub async fn bind(address: SocketAddr, limits: Limits) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("configuration `listen`: this address cannot be had: {address}")
        })?;
        Ok(Self { listener, limits })
    }

    /// The address, with the port that the system chose where port 0 was asked for.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `close`; then takes no connection any more, lets each end its request, and
    /// ends those that take too long.
    pub async fn serve(self, routes: Router, close: CancellationToken) {
        let limits = self.limits;
        let places = Arc::new(Semaphore::new(limits.connections));
        let connections = TaskTracker::new();
        let accepted = async {
            loop {
                // The place first: who has none waits in the system's queue.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    return;
                };
                let stream = match self.listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!("no connection can be taken: {error}");
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                        continue;
                    }
                };
                let served = serve_connection(stream, routes.clone(), limits, close.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = close.cancelled() => {}
            () = accepted => {}
        }
        drop(self.listener);
        connections.close();
        let ended = tokio::time::timeout(limits.close_time, connections.wait()).await;
        if ended.is_err() {
            tracing::warn!("{} connections were cut off", connections.len());
        }
    }
}

/// One connection to its end.
async fn serve_connection(
    stream: TcpStream,
    routes: Router,
    limits: Limits,
    close: CancellationToken,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_time));
    let io = TokioIo::new(Box::pin(stream));
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes);
    let connection = server.serve_connection(io, TowerToHyperService::new(routes));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = close.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let rest = tokio::time::timeout(limits.close_time, connection).await;
            rest.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // Whoever breaks off, or is too slow, is no fault of ours.
        tracing::debug!("connection broke off: {error}");
    }
}
