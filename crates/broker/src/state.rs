//! The broker's state: virtual hosts, queues and connections, and the effects of the protocol's methods on them.
//!
//! The module does no I/O, and time is an argument. The task of a connection locks the state, passes its received frames,
//! takes the bytes to write and unlocks. Frames for another connection (a delivery, a cancel) are appended to its outbox,
//! and its task is woken.

pub(crate) mod alarm;
pub(crate) mod arguments;
pub(crate) mod basic;
pub(crate) mod channel;
pub(crate) mod connection;
pub(crate) mod dead_letter;
pub(crate) mod dispatch;
pub(crate) mod exchange;
pub(crate) mod frames;
pub(crate) mod ids;
pub(crate) mod management;
pub(crate) mod policy;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod queues;
pub(crate) mod report;
pub(crate) mod routing;
pub(crate) mod settings;
pub(crate) mod settle;
#[cfg(test)]
mod tests;
pub(crate) mod unacked;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

use self::alarm::Alarm;
use self::connection::{Client, Connection, Flow, Phase};
use self::dead_letter::DeadLetter;
use self::exchange::Exchanges;
use self::ids::{ConnectionId, ConsumerId, Map, QueueId};
use self::policy::Policy;
use self::queue::Queue;
use crate::config::Config;
use crate::error::{AmqpError, ReplyCode};
use crate::message::MemoryMeter;

/// The time of an event, on the broker's monotonic clock and as a calendar time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds on a monotonic clock, for timeouts.
    pub(crate) ms: u64,
    /// Seconds since 1970, for headers.
    pub(crate) unix: u64,
}

/// The state of a broker.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) meter: Arc<MemoryMeter>,
    /// Queues by name, per virtual host.
    vhosts: BTreeMap<Arc<str>, HashMap<Arc<str>, QueueId>>,
    /// Exchanges per virtual host.
    pub(crate) exchanges: BTreeMap<Arc<str>, Exchanges>,
    pub(crate) queues: Map<QueueId, Queue>,
    pub(crate) connections: Map<ConnectionId, Connection>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) alarm: Alarm,
    /// Rejects every login while true, for tests.
    pub(crate) refuse_logins: bool,
    /// Messages that have left a queue and wait for dead-lettering.
    dead_letters: VecDeque<DeadLetter>,
    /// Earliest known expiry of a message in milliseconds; [`State::expire`] is due then.
    next_expiry: Option<u64>,
    /// Notified when [`State::next_expiry`] becomes earlier.
    pub(crate) timer: Arc<Notify>,
    last_id: u64,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        let names = || config.virtual_hosts.iter().map(|name| Arc::from(name.as_str()));
        let vhosts = names().map(|name| (name, HashMap::new())).collect();
        let exchanges = names().map(|name| (name, exchange::predeclared())).collect();
        Self {
            config,
            meter: Arc::default(),
            vhosts,
            exchanges,
            queues: Map::default(),
            connections: Map::default(),
            policies: Vec::new(),
            alarm: Alarm::default(),
            refuse_logins: false,
            dead_letters: VecDeque::new(),
            next_expiry: None,
            timer: Arc::default(),
            last_id: 0,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns true if the user's password is correct.
    pub(crate) fn admits(&self, user: &str, password: &[u8]) -> bool {
        !self.refuse_logins && self.config.users.get(user).is_some_and(|known| known.as_bytes() == password)
    }

    /// Returns the virtual host, if it exists.
    pub(crate) fn vhost(&self, name: &str) -> Option<Arc<str>> {
        self.vhosts.get_key_value(name).map(|(name, _)| name.clone())
    }

    /// Adds a connection that has completed its handshake.
    ///
    /// # Errors
    /// 530 if the limit on connections is reached.
    pub(crate) fn connect(&mut self, client: Client, wake: Arc<Notify>) -> Result<ConnectionId, AmqpError> {
        let most = self.config.limits.connections;
        if self.connections.len() >= most {
            return Err(AmqpError::new(
                ReplyCode::NotAllowed,
                format!("connection refused: node connection limit ({most}) is reached"),
            )
            .at((10, 40)));
        }
        let id = ConnectionId(self.next_id());
        self.connections.insert(id, Connection::new(id, client, wake));
        Ok(id)
    }

    /// Removes a connection whose socket is closed and requeues its unacknowledged messages.
    pub(crate) fn disconnect(&mut self, id: ConnectionId, now: Now) {
        self.release(id, now);
        self.connections.remove(&id);
        // Messages in its outbox are released now.
        self.check_alarm();
    }

    /// Ends a connection's channels and consumers and deletes its exclusive queues.
    pub(crate) fn release(&mut self, id: ConnectionId, now: Now) {
        let channels: Vec<u16> = self
            .connections
            .get(&id)
            .map(|connection| connection.channels.keys().copied().collect())
            .unwrap_or_default();
        // Remove all consumers before the first requeue, so that no message goes to another channel of this connection.
        for &channel in &channels {
            self.drop_consumers(ids::ChannelRef { connection: id, channel }, now);
        }
        for channel in channels {
            self.end_channel(ids::ChannelRef { connection: id, channel }, now);
        }
        let owned: Vec<QueueId> =
            self.queues.values().filter(|queue| queue.owner == Some(id)).map(|queue| queue.id).collect();
        for queue in owned {
            self.delete_queue(queue);
        }
    }

    /// Sends `connection.close` with an error.
    pub(crate) fn close(&mut self, id: ConnectionId, error: &AmqpError, now: Now) {
        self.release(id, now);
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.phase == Phase::Open
        {
            connection.phase = Phase::Closing;
            // Read the client's answer even if the connection was blocked.
            connection.flow = Flow::Running;
            connection.send(0, frames::connection_close(error));
        }
    }

    /// Returns the id of a queue.
    pub(crate) fn find(&self, vhost: &str, name: &str) -> Option<QueueId> {
        self.vhosts.get(vhost)?.get(name).copied()
    }

    fn queue_names(&mut self, vhost: &str) -> Option<&mut HashMap<Arc<str>, QueueId>> {
        self.vhosts.get_mut(vhost)
    }

    fn next_consumer_id(&mut self) -> ConsumerId {
        ConsumerId(self.next_id())
    }
}
