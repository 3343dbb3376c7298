//! The broker's state: virtual hosts, queues, connections, and what the protocol's methods do to them.
//!
//! There is no I/O in here, and time is an argument. Connections' tasks lock the state, hand in the frames that they
//! have read, take the bytes that are to be written, and unlock; nothing waits inside. What one connection's frames
//! cause for another (a delivery, a cancel) is appended to the other's outbox, and its task is woken.

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
pub(crate) mod message;
pub(crate) mod policy;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod queues;
pub(crate) mod report;
pub(crate) mod settle;
#[cfg(test)]
mod tests;
pub(crate) mod unacked;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

use self::alarm::Alarm;
use self::connection::{Client, Connection, Flow, Phase};
use self::dead_letter::Dead;
use self::ids::{ConnectionId, ConsumerId, Map, QueueId};
use self::message::Meter;
use self::policy::Policy;
use self::queue::Queue;
use crate::config::Config;
use crate::fault::{Code, Fault};

/// The time of an event: the broker's own clock for waits, the calendar's for headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds on a clock that never goes back.
    pub(crate) ms: u64,
    /// Seconds since 1970.
    pub(crate) unix: u64,
}

/// Everything that a broker knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) meter: Arc<Meter>,
    /// Queues by name, per virtual host.
    vhosts: BTreeMap<Arc<str>, HashMap<Arc<str>, QueueId>>,
    pub(crate) queues: Map<QueueId, Queue>,
    pub(crate) connections: Map<ConnectionId, Connection>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) alarm: Alarm,
    /// Refuses every login while true, for tests.
    pub(crate) refuse_logins: bool,
    /// Messages that have left a queue and are to be dead-lettered.
    dead: VecDeque<Dead>,
    /// When the next message expires, as far as known; [`State::expire`] is to be called then.
    soonest: Option<u64>,
    /// Told when [`State::soonest`] has become sooner.
    pub(crate) timer: Arc<Notify>,
    last_id: u64,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        let vhosts =
            config.virtual_hosts.iter().map(|name| (Arc::from(name.as_str()), HashMap::new())).collect();
        Self {
            config,
            meter: Arc::default(),
            vhosts,
            queues: Map::default(),
            connections: Map::default(),
            policies: Vec::new(),
            alarm: Alarm::default(),
            refuse_logins: false,
            dead: VecDeque::new(),
            soonest: None,
            timer: Arc::default(),
            last_id: 0,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether a user may log in with a password.
    pub(crate) fn admits(&self, user: &str, password: &[u8]) -> bool {
        !self.refuse_logins && self.config.users.get(user).is_some_and(|known| known.as_bytes() == password)
    }

    /// The virtual host of this name, when it exists.
    pub(crate) fn vhost(&self, name: &str) -> Option<Arc<str>> {
        self.vhosts.get_key_value(name).map(|(name, _)| name.clone())
    }

    /// Takes in a connection that has come through its handshake.
    ///
    /// # Errors
    /// 530 when there are too many.
    pub(crate) fn connect(&mut self, client: Client, wake: Arc<Notify>) -> Result<ConnectionId, Fault> {
        let most = self.config.limits.connections;
        if self.connections.len() >= most {
            return Err(Fault::new(
                Code::NotAllowed,
                format!("connection refused: node connection limit ({most}) is reached"),
            )
            .at((10, 40)));
        }
        let id = ConnectionId(self.next_id());
        self.connections.insert(id, Connection::new(id, client, wake));
        Ok(id)
    }

    /// Forgets a connection whose socket is gone; what it had not acknowledged goes back.
    pub(crate) fn disconnect(&mut self, id: ConnectionId, now: Now) {
        self.release(id, now);
        self.connections.remove(&id);
        // What was on its way to the client has gone with it.
        self.check_alarm();
    }

    /// Ends everything that a connection has: channels, consumers, exclusive queues.
    pub(crate) fn release(&mut self, id: ConnectionId, now: Now) {
        let channels: Vec<u16> = self
            .connections
            .get(&id)
            .map(|connection| connection.channels.keys().copied().collect())
            .unwrap_or_default();
        // All consumers go before the first message comes back: it shall not go to the next channel of the dying.
        for &channel in &channels {
            self.drop_consumers(ids::Place { connection: id, channel }, now);
        }
        for channel in channels {
            self.end_channel(ids::Place { connection: id, channel }, now);
        }
        let owned: Vec<QueueId> =
            self.queues.values().filter(|queue| queue.owner == Some(id)).map(|queue| queue.id).collect();
        for queue in owned {
            self.delete_queue(queue);
        }
    }

    /// Tells a client that its connection ends, and why.
    pub(crate) fn close(&mut self, id: ConnectionId, fault: &Fault, now: Now) {
        self.release(id, now);
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.phase == Phase::Open
        {
            connection.phase = Phase::Closing;
            // Its answer is to be read.
            connection.flow = Flow::Running;
            connection.send(0, frames::connection_close(fault));
        }
    }

    /// The queue of this name.
    pub(crate) fn find(&self, vhost: &str, name: &str) -> Option<QueueId> {
        self.vhosts.get(vhost)?.get(name).copied()
    }

    fn names(&mut self, vhost: &str) -> Option<&mut HashMap<Arc<str>, QueueId>> {
        self.vhosts.get_mut(vhost)
    }

    fn next_consumer(&mut self) -> ConsumerId {
        ConsumerId(self.next_id())
    }
}
