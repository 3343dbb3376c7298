//! A session: one connection to the broker, from the login to the loss.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use contract::queue;
use futures::{Stream, StreamExt};
use lapin::{
    Channel, Connection, Event,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

use super::{
    connect::{SocketHandle, connect},
    error::{OpenError, error_text},
    status::{State, Status},
};
use crate::settings::{Address, QueueArgs};

/// Time limit for the broker's answer to one request on a channel.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);

/// Reason why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// The program has finished its work with the broker.
    Finished,
    /// The session was lost, with the cause as a sentence. The program should open another one.
    Lost(String),
}

/// A connection that has completed its login.
pub struct Session {
    connection: Connection,
    socket: SocketHandle,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    status: Status,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Connects and logs in within ten seconds. `name` identifies the connection in the broker's management UI.
    ///
    /// # Errors
    /// [`OpenError`] if the connection or the login fails.
    pub async fn open(address: &Address, name: &str, status: &Status) -> Result<Self, OpenError> {
        let (connection, socket) = connect(address, name).await?;
        let events = Box::pin(connection.events_listener());
        Ok(Self { connection, socket, events, status: status.clone() })
    }

    /// Opens a channel.
    ///
    /// # Errors
    /// A sentence for [`SessionEnd::Lost`].
    pub async fn channel(&self) -> Result<Channel, String> {
        rpc("open a channel", self.connection.create_channel()).await
    }

    /// Declares the jobs' queue and its dead-letter queue with the arguments of [`contract::queue`].
    ///
    /// # Errors
    /// A sentence for [`SessionEnd::Lost`], for example if a queue exists with other arguments.
    pub async fn declare(&self, args: &QueueArgs) -> Result<(), String> {
        let dead = queue::dead_letter_queue(&args.queue);
        for (name, arguments) in [
            (dead.as_str(), queue::dead_letter_arguments()),
            (args.queue.as_str(), queue::arguments(&args.queue, args.queue_type)),
        ] {
            // A refused declaration closes its channel, so each declaration uses a new one.
            let channel = self.channel().await?;
            let what = format!("declare the queue {name}");
            rpc(&what, channel.queue_declare(name.into(), QueueDeclareOptions::durable(), table(arguments)))
                .await?;
            // The queue exists, so an error of the close does not matter.
            let _ = rpc("close a channel", channel.close(200, "done".into())).await;
        }
        Ok(())
    }

    /// Returns true if the connection is open, as far as lapin knows.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// Sets the status to [`State::Connected`]: the session can do its work.
    pub fn ready(&self) {
        self.status.set(State::Connected);
    }

    /// Waits until the connection or one of its channels is lost and returns the cause as a sentence.
    ///
    /// It also updates the status on `connection.blocked` and `connection.unblocked`. It is cancel-safe.
    pub async fn lost(&mut self) -> String {
        if !self.connection.status().connected() {
            return "lost the connection to the broker".to_owned();
        }
        while let Some(event) = self.events.next().await {
            match event {
                Event::ConnectionBlocked(reason) => {
                    tracing::warn!(%reason, "the broker blocks publishers");
                    self.status.set(State::Blocked { reason });
                }
                Event::ConnectionUnblocked => {
                    tracing::info!("the broker accepts messages again");
                    self.status.set(State::Connected);
                }
                Event::Error(error) => {
                    return format!("lost the connection to the broker: {}", error_text(&error));
                }
                _ => {}
            }
        }
        "lost the connection to the broker".to_owned()
    }

    /// Closes the connection by AMQP's handshake within `timeout`, then shuts down its socket.
    pub async fn close(self, timeout: Duration) {
        if self.connection.status().connected() {
            let close = self.connection.close(200, "done".into());
            if tokio::time::timeout(timeout, close).await.is_err() {
                tracing::debug!("the broker did not answer connection.close");
            }
        }
        self.socket.shut_down();
    }
}

/// Waits for the broker's answer to one request, at most ten seconds. `what` completes the sentence "cannot …".
///
/// # Errors
/// A sentence with the failed operation and the broker's error.
pub async fn rpc<T>(what: &str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(RPC_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("cannot {what}: {}", error_text(&error))),
        Err(_) => Err(format!("cannot {what}: no answer from the broker within {RPC_TIMEOUT:?}")),
    }
}

/// Converts queue arguments to an AMQP table.
fn table(arguments: Vec<(&'static str, String)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    table
}
