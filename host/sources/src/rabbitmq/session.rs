//! One connection, and the queues that belong to a source.

use super::config::RabbitConfig;
use super::name::short;
use crate::error::SourceError;
use framemill_support::finding::Finding;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ErrorKind, ExchangeKind,
};
use std::time::Duration;

/// Longest time of one call.
const RPC_DEADLINE: Duration = Duration::from_secs(30);
/// The server deletes a delay queue that was not used for its delay and this time.
const DELAY_QUEUE_EXPIRES: Duration = Duration::from_secs(3600);

/// Parses a URL; its error does not repeat it, because it holds a password.
pub(super) fn parse(url: &str) -> Result<AMQPUri, SourceError> {
    url.parse().map_err(|_| {
        SourceError::Configuration(
            "RabbitMQ's URL cannot be read: write amqp://user:password@host:5672/vhost, with %2f for the vhost /".to_owned(),
        )
    })
}

/// A connection, and the queues that the source needs on the server.
pub(super) struct Session {
    connection: Connection,
    queue: String,
    /// Server and queue, without password.
    pub(super) name: String,
}

impl Session {
    /// Connects, and creates the queues that do not exist.
    pub(super) async fn open(config: &RabbitConfig) -> Result<Self, SourceError> {
        let session = Self::connect(config).await?;
        if !session.there(&config.queue).await? {
            let channel = session.channel().await?;
            session
                .declare(&channel, &config.queue, FieldTable::default())
                .await?;
            tracing::info!("made the queue: {}", session.name);
        }
        session.keep_dead_letters(&config.dead_letters()).await?;
        Ok(session)
    }

    async fn connect(config: &RabbitConfig) -> Result<Self, SourceError> {
        framemill_support::net::install_tls();
        let uri = parse(&config.url)?;
        let name = format!(
            "{}:{}/{}/{}",
            uri.authority.host, uri.authority.port, uri.vhost, config.queue
        );
        let properties = ConnectionProperties::default().with_connection_name("framemill".into());
        let connect = Connection::connect_uri(uri, properties);
        let connection = within(&name, connect).await?;
        Ok(Self {
            connection,
            queue: config.queue.clone(),
            name,
        })
    }

    pub(super) fn usable(&self) -> bool {
        self.connection.status().connected()
    }

    pub(super) fn error(&self, error: &lapin::Error) -> SourceError {
        meaning(&self.name, error)
    }

    pub(super) async fn channel(&self) -> Result<Channel, SourceError> {
        within(&self.name, self.connection.create_channel()).await
    }

    pub(super) async fn close_channel(&self, channel: &Channel) {
        let close = channel.close(200, "done".into());
        let _ = tokio::time::timeout(RPC_DEADLINE, close).await;
    }

    /// Ends the connection after what was sent; the server requeues what is in flight.
    pub(super) async fn close(&self) {
        let close = self.connection.close(200, "done".into());
        let _ = tokio::time::timeout(RPC_DEADLINE, close).await;
    }

    /// Whether a queue exists.
    async fn there(&self, queue: &str) -> Result<bool, SourceError> {
        // A refusal ends the channel.
        let channel = self.channel().await?;
        let answer = self.look(&channel, queue).await;
        self.close_channel(&channel).await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some(404) => Ok(false),
            Err(error) => Err(self.error(&error)),
        }
    }

    async fn look(&self, channel: &Channel, queue: &str) -> lapin::Result<lapin::Queue> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(queue.into(), passive, FieldTable::default())
            .await
    }

    /// Messages that wait in a queue.
    pub(super) async fn count(&self, queue: &str) -> Result<u32, SourceError> {
        let channel = self.channel().await?;
        let found = within(&self.name, self.look(&channel, queue)).await?;
        self.close_channel(&channel).await;
        Ok(found.message_count())
    }

    async fn declare(
        &self,
        channel: &Channel,
        queue: &str,
        arguments: FieldTable,
    ) -> Result<(), SourceError> {
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let declare = channel.queue_declare(short(queue)?, durable, arguments);
        within(&format!("queue {queue} at {}", self.name), declare).await?;
        Ok(())
    }

    /// Creates exchange and queue of the dead letters.
    async fn keep_dead_letters(&self, name: &str) -> Result<(), SourceError> {
        let channel = self.channel().await?;
        if !self.there(name).await? {
            self.declare(&channel, name, FieldTable::default()).await?;
        }
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let what = format!("exchange {name} at {}", self.name);
        let exchange = channel.exchange_declare(
            short(name)?,
            ExchangeKind::Fanout,
            durable,
            FieldTable::default(),
        );
        within(&what, exchange).await?;
        let bind = channel.queue_bind(
            short(name)?,
            short(name)?,
            short("")?,
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        within(&what, bind).await?;
        self.close_channel(&channel).await;
        Ok(())
    }

    /// Starts a consumer; at most `in_flight` of its messages are unacked at any time.
    pub(super) async fn consume(&self, in_flight: usize) -> Result<Consumer, SourceError> {
        let channel = self.channel().await?;
        let count = u16::try_from(in_flight).unwrap_or(u16::MAX);
        within(
            &self.name,
            channel.basic_qos(count, BasicQosOptions::default()),
        )
        .await?;
        let consume = channel.basic_consume(
            short(&self.queue)?,
            short("")?,
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        within(&self.name, consume).await
    }

    /// The next message of a queue, if there is one.
    pub(super) async fn get(
        &self,
        channel: &Channel,
        queue: &str,
    ) -> Result<Option<Delivery>, SourceError> {
        let get = channel.basic_get(short(queue)?, BasicGetOptions::default());
        let got = within(&self.name, get).await?;
        Ok(got.map(|message| message.delivery))
    }

    /// Acks a message, and waits until the server has the ack.
    pub(super) async fn ack(&self, delivery: &Delivery) -> Result<(), SourceError> {
        let ack = delivery.acker.ack(BasicAckOptions::default());
        match within(&self.name, ack).await? {
            true => Ok(()),
            false => Err(SourceError::Unreachable {
                what: self.name.clone(),
                reason: "not acked, it is delivered again: the connection was lost meanwhile"
                    .to_owned(),
            }),
        }
    }

    /// Publishes and waits until the server has it in a queue.
    pub(super) async fn publish(
        &self,
        exchange: &str,
        key: &str,
        data: &[u8],
        properties: BasicProperties,
    ) -> Result<(), SourceError> {
        // A channel of its own: a refusal ends it.
        let channel = self.channel().await?;
        let what = format!("publishing to {exchange}{key} at {}", self.name);
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        within(&what, confirms).await?;
        let mandatory = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let (exchange, key) = (short(exchange)?, short(key)?);
        let publish = async {
            let sent = channel.basic_publish(exchange, key, mandatory, data, properties);
            sent.await?.await
        };
        let confirmation = within(&what, publish).await?;
        let taken = confirmation.is_ack();
        let returned = confirmation.take_message();
        self.close_channel(&channel).await;
        if taken && returned.is_none() {
            return Ok(());
        }
        let reason = returned.map_or_else(
            || "the server did not take it".to_owned(),
            |message| message.reply_text.to_string(),
        );
        Err(SourceError::Unreachable { what, reason })
    }

    /// The queue in which a message waits for `seconds`; then the server moves it back.
    pub(super) async fn delay_queue(&self, seconds: u64) -> Result<String, SourceError> {
        let name = format!("{}.delay.{seconds}s", self.queue);
        let millis = seconds.saturating_mul(1000);
        let unused = u64::try_from(DELAY_QUEUE_EXPIRES.as_millis()).unwrap_or(u64::MAX);
        let number = |value: u64| AMQPValue::from(i64::try_from(value).unwrap_or(i64::MAX));
        let text = |value: &str| AMQPValue::LongString(value.into());
        let mut arguments = FieldTable::default();
        arguments.insert("x-message-ttl".into(), number(millis));
        // Declaring it again, as is done before each message, restarts this time.
        arguments.insert("x-expires".into(), number(millis.saturating_add(unused)));
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(&self.queue));
        let channel = self.channel().await?;
        self.declare(&channel, &name, arguments).await?;
        self.close_channel(&channel).await;
        Ok(name)
    }
}

/// Waits for a call, for [`RPC_DEADLINE`] at most.
async fn within<T>(
    what: &str,
    step: impl Future<Output = lapin::Result<T>>,
) -> Result<T, SourceError> {
    match tokio::time::timeout(RPC_DEADLINE, step).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(meaning(what, &error)),
        Err(_) => Err(SourceError::Unreachable {
            what: what.to_owned(),
            reason: format!("no answer within {} s", RPC_DEADLINE.as_secs()),
        }),
    }
}

/// The server's reply code.
fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// What an error of the server means.
fn meaning(what: &str, error: &lapin::Error) -> SourceError {
    let reason = error.to_string();
    let remedy = match code(error) {
        // A job took longer than the server waits for its ack.
        Some(406) if reason.contains("timed out") => {
            tracing::error!(
                "a job took longer than the server waits: raise consumer_timeout in rabbitmq.conf: {what}"
            );
            return SourceError::Unreachable {
                what: what.to_owned(),
                reason,
            };
        }
        Some(403) => {
            "check user and password, and give the user configure, write and read permission on the vhost"
        }
        Some(404) => "make it, or check its name",
        Some(405) => "another connection has it for itself: end that one",
        Some(406) => "it is there with other settings: delete it, or name another",
        Some(530) => "the vhost is not there, or not for this user: check the URL's path",
        _ => {
            return SourceError::Unreachable {
                what: what.to_owned(),
                reason,
            };
        }
    };
    SourceError::Configuration(format!("{reason}: {remedy}: {what}"))
}

/// Checks the queue and that of the dead letters.
pub(super) async fn check(config: &RabbitConfig) -> Vec<Finding> {
    let subject = format!("queue {}", config.queue);
    let failed = |error: SourceError| {
        vec![Finding::error(
            &subject,
            error.to_string(),
            "start RabbitMQ, or correct AMQP_URL",
        )]
    };
    let session = match Session::connect(config).await {
        Ok(session) => session,
        Err(error) => return failed(error),
    };
    let mut findings = Vec::new();
    for name in [config.queue.clone(), config.dead_letters()] {
        let subject = format!("queue {name}");
        findings.push(match session.there(&name).await {
            Ok(true) => match session.count(&name).await {
                Ok(count) => Finding::good(&subject, format!("there, {count} messages wait")),
                Err(error) => Finding::error(&subject, error.to_string(), ""),
            },
            Ok(false) => Finding::warning(
                &subject,
                "not there yet: made at the first start",
                "bind it to the exchange to which the storage sends its events",
            ),
            Err(error) => Finding::error(&subject, error.to_string(), ""),
        });
    }
    session.close().await;
    findings
}
