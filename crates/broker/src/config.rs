//! The configuration of a broker: users, virtual hosts and limits on everything that a client controls.

use std::collections::BTreeMap;
use std::time::Duration;

/// Configuration of a broker. The default is that of RabbitMQ: user and password `guest`, virtual host `/`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Passwords by user name. Every user has all permissions in every virtual host.
    pub users: BTreeMap<String, String>,
    /// Virtual hosts. A client that opens another one gets 530 NOT_ALLOWED.
    pub virtual_hosts: Vec<String>,
    /// Name of the node in the management API.
    pub node: String,
    /// Default of `x-delivery-limit`: redeliveries of a message of a quorum queue before it is dead-lettered or dropped.
    /// The default of RabbitMQ 4 is 20; RabbitMQ 3 has none.
    pub delivery_limit: Option<u32>,
    /// Limits on clients.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            users: BTreeMap::from([("guest".to_owned(), "guest".to_owned())]),
            virtual_hosts: vec!["/".to_owned()],
            node: "rabbit@localhost".to_owned(),
            delivery_limit: Some(20),
            limits: Limits::default(),
        }
    }
}

/// Limits on clients. A client over a limit gets AMQP's error.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of connections that have opened a virtual host; further ones get 530 NOT_ALLOWED.
    pub connections: usize,
    /// Maximum number of connections in the handshake; further ones are closed without an answer.
    pub handshakes: usize,
    /// Time limit from accept to `connection.open`.
    pub handshake_time: Duration,
    /// Maximum frame size in bytes, offered in `connection.tune`.
    pub frame_max: u32,
    /// Maximum number of channels per connection, offered in `connection.tune`.
    pub channel_max: u16,
    /// Heartbeat interval in seconds, offered in `connection.tune`; the client may choose another value or none (0).
    pub heartbeat: u16,
    /// Maximum number of consumers per channel; further ones get 530 NOT_ALLOWED.
    pub consumers_per_channel: usize,
    /// Maximum number of unacknowledged deliveries per channel. Consumers get no more, and `basic.get` gets 406
    /// PRECONDITION_FAILED.
    pub unacknowledged_per_channel: usize,
    /// Maximum number of queues per virtual host; further declarations get 406 PRECONDITION_FAILED.
    pub queues: usize,
    /// Maximum number of exchanges per virtual host; further declarations get 406 PRECONDITION_FAILED.
    pub exchanges: usize,
    /// Maximum number of bindings per exchange; further ones get 406 PRECONDITION_FAILED.
    pub bindings: usize,
    /// Maximum number of messages per queue, independent of its arguments; the queue rejects further ones (`basic.nack`).
    pub queue_length: usize,
    /// Maximum size of a message's body in bytes; larger ones get 406 PRECONDITION_FAILED.
    pub message_size: u64,
    /// Memory of all messages in bytes. Above it, connections that publish are blocked (`connection.blocked`).
    pub memory: usize,
    /// Bytes that a client may leave unread. Above it, its consumers get no more messages and its requests wait.
    pub outgoing: usize,
    /// Time limit for a client that does not read; it is disconnected afterwards.
    pub stalled_time: Duration,
    /// Maximum number of connections per HTTP listener.
    pub http_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshakes: 1024,
            handshake_time: Duration::from_secs(10),
            frame_max: 131_072,
            channel_max: 2047,
            heartbeat: 60,
            consumers_per_channel: 10_000,
            unacknowledged_per_channel: 2_000_000,
            queues: 100_000,
            exchanges: 10_000,
            bindings: 10_000,
            queue_length: 50_000_000,
            message_size: 16 * 1024 * 1024,
            memory: 2 * 1024 * 1024 * 1024,
            outgoing: 1024 * 1024,
            stalled_time: Duration::from_secs(120),
            http_connections: 256,
        }
    }
}
