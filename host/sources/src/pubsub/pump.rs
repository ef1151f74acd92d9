//! Reads the stream of messages. It reads all the time: the server counts what it has sent as
//! leased, and the client extends the leases only of what was read. Flow control limits how much
//! the server sends.

use super::client::{self, Fault};
use super::config::PubSubConfig;
use super::shared::Shared;
use crate::backoff::Backoff;
use crate::error::SourceError;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::ShutdownToken;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often the subscription of a silent stream is looked up: the client reconnects silently.
const LOOK: Duration = Duration::from_secs(20);
/// Longer than any job: a lease ends with its job, not before.
const LONGEST_LEASE: Duration = Duration::from_secs(100 * 86_400);

/// What came over the stream.
pub(super) enum Arrival {
    Message(Box<Message>, Handler),
    /// A person must fix it; the pump has ended.
    Broken(SourceError),
}

/// A running reader; ends when dropped.
pub(super) struct Pump {
    pub(super) arrivals: mpsc::UnboundedReceiver<Arrival>,
    streams: Arc<Mutex<Vec<ShutdownToken>>>,
    stop: Option<DropGuard>,
}

impl Pump {
    pub(super) fn start(shared: Arc<Shared>) -> Self {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let reader = Reader {
            shared,
            sender,
            streams: Arc::clone(&streams),
        };
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = reader.run() => {}
            }
        });
        Self {
            arrivals,
            streams,
            stop: Some(stop.drop_guard()),
        }
    }

    /// Reads no more, and nacks what waits here.
    pub(super) fn stop(&mut self) {
        self.stop = None;
        self.arrivals.close();
        while self.arrivals.try_recv().is_ok() {}
    }

    /// Waits until the server knows of all that was acked and nacked.
    pub(super) async fn close(mut self, drain: Duration) {
        self.stop();
        let streams = self.streams;
        let tokens = std::mem::take(&mut *streams.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(tokens.iter().map(ShutdownToken::shutdown));
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!(
                "not all messages were nacked within {} s: the others are delivered again when their leases end",
                drain.as_secs()
            );
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    sender: mpsc::UnboundedSender<Arrival>,
    /// Streams that may have messages in flight.
    streams: Arc<Mutex<Vec<ShutdownToken>>>,
}

impl Reader {
    /// Reads until a person must fix something.
    async fn run(self) {
        let name = &self.shared.config.subscription;
        let mut backoff = Backoff::of(&self.shared.connection);
        loop {
            let mut stream = self.open();
            let fault = loop {
                let next = self.next(&mut stream, &mut backoff).await;
                match next {
                    Next::Message(message, handler) => {
                        backoff.over(name);
                        let arrival = Arrival::Message(Box::new(message), handler);
                        if self.sender.send(arrival).is_err() {
                            return;
                        }
                    }
                    Next::Reopen => break Fault::Unreachable("the stream had stopped".to_owned()),
                    Next::Fault(fault) => break fault,
                }
            };
            match broken(name, fault) {
                SourceError::Unreachable { what, reason } => backoff.wait(&what, &reason).await,
                error => {
                    let _ = self.sender.send(Arrival::Broken(error));
                    return;
                }
            }
        }
    }

    fn open(&self) -> MessageStream {
        let PubSubConfig {
            subscription,
            lease,
            ..
        } = &self.shared.config;
        let config = &self.shared.config;
        let max_in_flight = config.max_in_flight().saturating_add(config.max_delayed());
        let max_in_flight = i64::try_from(max_in_flight).unwrap_or(i64::MAX);
        let stream = self.shared.clients.subscriber.subscribe(subscription);
        let stream = stream
            .set_max_outstanding_messages(max_in_flight)
            .set_max_lease(LONGEST_LEASE)
            .set_max_lease_extension(*lease)
            .build();
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push(stream.shutdown_token());
        // Older ones have settled everything long ago.
        let surplus = streams.len().saturating_sub(16);
        streams.drain(..surplus);
        stream
    }

    /// Waits for a message; logs what is wrong while none comes.
    async fn next(&self, stream: &mut MessageStream, backoff: &mut Backoff) -> Next {
        // It is not dropped before it is done: that could lose a message that has just come.
        let next = stream.next();
        tokio::pin!(next);
        loop {
            match tokio::time::timeout(LOOK, &mut next).await {
                Ok(Some(Ok((message, handler)))) => return Next::Message(message, handler),
                Ok(Some(Err(error))) => return Next::Fault(Fault::of(&error)),
                Ok(None) => return Next::Reopen,
                Err(_) => {
                    let name = &self.shared.config.subscription;
                    let get = self.shared.clients.subscriptions.get_subscription();
                    match client::call(get.set_subscription(name).send()).await {
                        Err(Fault::Unreachable(reason)) => backoff.note(name, &reason),
                        // The client's own backoff may be long by now.
                        Ok(_) if backoff.over(name) => return Next::Reopen,
                        Ok(_) => {}
                        // The stream says so itself.
                        Err(_) => {}
                    }
                }
            }
        }
    }
}

enum Next {
    Message(Message, Handler),
    Reopen,
    Fault(Fault),
}

/// The error that ended a stream, with its remedy.
fn broken(subscription: &str, fault: Fault) -> SourceError {
    match fault {
        Fault::Unreachable(reason) => SourceError::Unreachable {
            what: format!("pulling from {subscription}"),
            reason,
        },
        fault => {
            let remedy = client::grant_subscription(subscription, "roles/pubsub.subscriber");
            fault.into_error(format!("pulling from {subscription}"), &remedy)
        }
    }
}
