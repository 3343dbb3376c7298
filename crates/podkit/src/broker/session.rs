//! One connection, from its login to its loss.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use contract::queue;
use futures::{Stream, StreamExt};
use lapin::{
    Channel, Connection, ErrorKind, Event,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

use super::{
    connect::{Cut, connect},
    status::{State, Status},
};
use crate::settings::{Address, QueueArgs};

/// Time for the broker to answer one request on a channel.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The program has nothing left to do with the broker.
    Finished,
    /// The session is of no use any more, as this sentence says; another should be opened.
    Lost(String),
}

/// Why no session could be opened. No text holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket, TLS or the broker said no.
    #[error("cannot connect to {address}: {}", explain(source))]
    Refused {
        /// Where to, without the password.
        address: String,
        /// What came back.
        source: lapin::Error,
    },
    /// Nobody said anything.
    #[error("cannot connect to {address}: no answer within {after:?}")]
    TimedOut {
        /// Where to, without the password.
        address: String,
        /// How long was waited.
        after: Duration,
    },
}

/// A connection that has logged in.
pub struct Session {
    connection: Connection,
    cut: Cut,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    status: Status,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Connects and logs in, within ten seconds, as `name` in the broker's management.
    ///
    /// # Errors
    /// [`OpenError`] says what came back.
    pub async fn open(address: &Address, name: &str, status: &Status) -> Result<Self, OpenError> {
        let (connection, cut) = connect(address, name).await?;
        let events = Box::pin(connection.events_listener());
        Ok(Self { connection, cut, events, status: status.clone() })
    }

    /// Opens a channel.
    ///
    /// # Errors
    /// A sentence, fit for [`Ended::Lost`].
    pub async fn channel(&self) -> Result<Channel, String> {
        rpc("open a channel", self.connection.create_channel()).await
    }

    /// Declares the jobs' queue and its dead-letter queue as the contract has them. Both exist afterwards.
    ///
    /// # Errors
    /// A sentence, fit for [`Ended::Lost`]; so too when a queue exists with other arguments.
    pub async fn declare(&self, args: &QueueArgs) -> Result<(), String> {
        let dead = queue::dead_letter_queue(&args.queue);
        for (name, arguments) in [
            (dead.as_str(), queue::dead_letter_arguments()),
            (args.queue.as_str(), queue::arguments(&args.queue, args.queue_type)),
        ] {
            // A refused declaration closes its channel, so each has its own.
            let channel = self.channel().await?;
            let what = format!("declare the queue {name}");
            rpc(&what, channel.queue_declare(name.into(), QueueDeclareOptions::durable(), table(arguments)))
                .await?;
            // The queue is there; how the channel takes its leave changes nothing.
            let _ = rpc("close a channel", channel.close(200, "done".into())).await;
        }
        Ok(())
    }

    /// Whether the connection stands, as far as is known.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.connection.status().connected()
    }

    /// Tells the status that the session can do its work.
    pub fn ready(&self) {
        self.status.set(State::Connected);
    }

    /// Returns, with the reason as a sentence, when the connection or one of its channels is lost. Until then it keeps
    /// the status in step with `connection.blocked` and `connection.unblocked`. Safe to drop and call again.
    pub async fn lost(&mut self) -> String {
        if !self.connection.status().connected() {
            return "the connection to the broker was lost".to_owned();
        }
        while let Some(event) = self.events.next().await {
            match event {
                Event::ConnectionBlocked(reason) => {
                    tracing::warn!(%reason, "the broker blocks publishers");
                    self.status.set(State::Blocked { reason });
                }
                Event::ConnectionUnblocked => {
                    tracing::info!("the broker takes messages again");
                    self.status.set(State::Connected);
                }
                Event::Error(error) => return format!("lost the broker: {}", explain(&error)),
                _ => {}
            }
        }
        "the connection to the broker was lost".to_owned()
    }

    /// Closes the connection, politely within `timeout`, else by cutting its socket.
    pub async fn close(self, timeout: Duration) {
        if self.connection.status().connected() {
            let goodbye = self.connection.close(200, "the program is done with it".into());
            if tokio::time::timeout(timeout, goodbye).await.is_err() {
                tracing::debug!("the broker did not say goodbye");
            }
        }
        self.cut.now();
    }
}

/// Awaits the broker's answer to one request, at most ten seconds.
///
/// # Errors
/// A sentence that says what was tried and what came back.
pub async fn rpc<T>(what: &str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(RPC_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("cannot {what}: {}", explain(&error))),
        Err(_) => Err(format!("cannot {what}: no answer from the broker within {RPC_TIMEOUT:?}")),
    }
}

/// Queue arguments as AMQP has them.
fn table(arguments: Vec<(&'static str, String)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    table
}

/// The error as a person can use it: the broker's own words, and what to check.
#[must_use]
pub fn explain(error: &lapin::Error) -> String {
    let ErrorKind::ProtocolError(said) = error.kind() else {
        return match error.kind() {
            ErrorKind::IOError(error) => error.to_string(),
            ErrorKind::MissingHeartbeatError => "no heartbeat came for too long".to_owned(),
            _ => error.to_string(),
        };
    };
    let text = said.get_message().as_str();
    let hint = match said.get_id() {
        403 => " (check AMQP_USER and AMQP_PASSWORD, and the user's permissions)",
        406 if text.contains("inequivalent arg") => {
            " (a queue of this name exists with other arguments: delete it, or set QUEUE or QUEUE_TYPE)"
        }
        406 if text.contains("delivery acknowledgement") => {
            " (a job takes longer than the broker's consumer_timeout allows)"
        }
        530 => " (check AMQP_VHOST)",
        _ => "",
    };
    format!("the broker said {} {text}{hint}", said.get_id())
}
