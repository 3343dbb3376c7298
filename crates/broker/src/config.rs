//! What a broker is told when it starts: users, virtual hosts and the bounds on everything that a client controls.

use std::collections::BTreeMap;
use std::time::Duration;

/// A broker's configuration. [`Config::default`] is RabbitMQ's: user and password `guest`, virtual host `/`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Passwords by user name. Every user may do everything in every virtual host.
    pub users: BTreeMap<String, String>,
    /// The virtual hosts that exist; a client that opens another one gets 530 NOT_ALLOWED.
    pub virtual_hosts: Vec<String>,
    /// The node's name in the management API's answers.
    pub node: String,
    /// Redeliveries of a message of a quorum queue before it is dead-lettered or dropped, unless the queue says
    /// `x-delivery-limit`. RabbitMQ 4 has 20; 3 had none.
    pub delivery_limit: Option<u32>,
    /// The bounds.
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

/// Bounds on what clients may use. Past one of them a client gets AMQP's own error.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections that have opened a virtual host; the next gets 530 NOT_ALLOWED.
    pub connections: usize,
    /// Connections that are still in their handshake; the next is closed without a word.
    pub handshakes: usize,
    /// Time from accept to `connection.open`.
    pub handshake_time: Duration,
    /// The largest frame in bytes, offered in `connection.tune`.
    pub frame_max: u32,
    /// Channels of a connection, offered in `connection.tune`.
    pub channel_max: u16,
    /// Seconds between heartbeats, offered in `connection.tune`; the client may choose another value or none (0).
    pub heartbeat: u16,
    /// Consumers of a channel; the next gets 530 NOT_ALLOWED.
    pub consumers_per_channel: usize,
    /// Deliveries of a channel that wait for their acknowledgement: more are not delivered, and `basic.get` gets 406
    /// PRECONDITION_FAILED.
    pub unacknowledged_per_channel: usize,
    /// Queues of a virtual host; the next declaration gets 406 PRECONDITION_FAILED.
    pub queues: usize,
    /// Messages of a queue: past it the queue refuses what is published (`basic.nack`), whatever its own arguments.
    pub queue_length: usize,
    /// Bytes of a message's body; a larger one gets 406 PRECONDITION_FAILED.
    pub message_size: u64,
    /// Bytes of all messages: above, connections that publish are blocked (`connection.blocked`) until it falls below.
    pub memory: usize,
    /// Bytes that wait to be read by a client. Above, its consumers get nothing more and its requests wait.
    pub outgoing: usize,
    /// How long a client may leave bytes waiting without reading any before it is disconnected.
    pub stalled_time: Duration,
    /// HTTP connections on each of the two HTTP listeners.
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
            queue_length: 50_000_000,
            message_size: 16 * 1024 * 1024,
            memory: 2 * 1024 * 1024 * 1024,
            outgoing: 1024 * 1024,
            stalled_time: Duration::from_secs(120),
            http_connections: 256,
        }
    }
}
