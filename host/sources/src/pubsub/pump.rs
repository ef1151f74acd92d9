//! Reads the stream of messages. It reads always: what the server has sent is ours, and only
//! what was read has its lease extended. How much it sends is bound by flow control.

use super::client::{self, Fault};
use super::{PubSubConfig, Shared};
use crate::SourceError;
use crate::backoff::Backoff;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::ShutdownToken;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A silent stream is looked after this often: the client mends it without a word.
const LOOK: Duration = Duration::from_secs(20);
/// A lease ends when the job does, not before.
const LONGEST_LEASE: Duration = Duration::from_secs(100 * 86_400);

/// What the stream brought.
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

    /// Reads no more, and releases what waits here.
    pub(super) fn stop(&mut self) {
        self.stop = None;
        self.arrivals.close();
        while self.arrivals.try_recv().is_ok() {}
    }

    /// Waits until the server has been told of all that was settled.
    pub(super) async fn close(mut self, drain: Duration) {
        self.stop();
        let streams = self.streams;
        let tokens = std::mem::take(&mut *streams.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(tokens.iter().map(ShutdownToken::shutdown));
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!(
                "not all messages were released within {} s: the rest comes back when its lease ends",
                drain.as_secs()
            );
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    sender: mpsc::UnboundedSender<Arrival>,
    /// Those that may have messages of theirs in flight.
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
        // Those before have released everything long ago.
        let surplus = streams.len().saturating_sub(16);
        streams.drain(..surplus);
        stream
    }

    /// Waits for a message; says what is wrong while there is none.
    async fn next(&self, stream: &mut MessageStream, backoff: &mut Backoff) -> Next {
        // Not dropped before it is done: that could lose what has just come.
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
                        // The client's own wait may be long by now.
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

/// What ends a stream, in words that say what to do.
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
