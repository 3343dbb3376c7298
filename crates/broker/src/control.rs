//! Bad days on demand: what tests do to a broker from outside of the protocol.

use std::sync::Arc;

use crate::fault::{Code, Fault};
use crate::shared::{Mode, Shared};
use crate::state::connection::Phase;
use crate::state::ids::{ConnectionId, Place, QueueId};
use crate::state::policy::{Definition, Policy};

/// What happens to messages at [`Control::restart`]. There is no disk: a real restart loses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// Queues and messages are there again, as with durable queues and persistent messages on a disk.
    Keep,
    /// Queues and messages are gone.
    Drop,
}

/// Why a policy was not set.
#[derive(Debug, thiserror::Error)]
#[error("cannot set policy {name}: its pattern is not a regular expression: {source}")]
pub struct BadPattern {
    name: String,
    source: regex::Error,
}

/// Commands a running broker. Clones command the same one.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Blocks publishing, as an alarm does: connections that publish get `connection.blocked` with this reason and
    /// are not read from until [`Control::unblock`].
    pub fn block(&self, reason: &str) {
        self.shared.lock().block(Some(reason.to_owned()));
    }

    /// Ends [`Control::block`].
    pub fn unblock(&self) {
        self.shared.lock().block(None);
    }

    /// Closes all connections with 320 CONNECTION_FORCED and turns new ones away until [`Control::start`]. Queues and
    /// messages stay; exclusive queues go with their connections.
    pub fn stop(&self) {
        self.shared.set_mode(Mode::Stopped);
        self.disconnect_all("broker forced connection closure with reason 'shutdown'");
    }

    /// Serves again after [`Control::stop`].
    pub fn start(&self) {
        self.shared.set_mode(Mode::Serving);
        self.wake_all();
    }

    /// Cuts every connection without a word, as when the process dies, and serves on at once.
    pub fn restart(&self, messages: Messages) {
        self.cut_all();
        if messages == Messages::Drop {
            let mut state = self.shared.lock();
            let queues: Vec<QueueId> = state.queues.keys().copied().collect();
            for queue in queues {
                state.delete_queue(queue);
            }
        }
    }

    /// Neither reads nor writes on any AMQP connection until [`Control::thaw`], as a process under SIGSTOP. The HTTP
    /// listeners go on.
    pub fn freeze(&self) {
        self.shared.set_mode(Mode::Frozen);
    }

    /// Ends [`Control::freeze`].
    pub fn thaw(&self) {
        self.shared.set_mode(Mode::Serving);
        self.wake_all();
    }

    /// Closes every connection with 320 CONNECTION_FORCED and a reason.
    pub fn disconnect_all(&self, reason: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let connections: Vec<ConnectionId> = state.connections.keys().copied().collect();
        for connection in connections {
            state.close(connection, &Fault::new(Code::ConnectionForced, reason), now);
        }
    }

    /// Cuts every connection without a word.
    pub fn cut_all(&self) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let connections: Vec<ConnectionId> = state.connections.keys().copied().collect();
        for id in connections {
            state.release(id, now);
            if let Some(connection) = state.connections.get_mut(&id) {
                connection.phase = Phase::Cut;
                connection.wake.notify_one();
            }
        }
    }

    /// Closes every open channel with 406 PRECONDITION_FAILED and a reason; the connections stay.
    pub fn close_channels(&self, reason: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let places: Vec<Place> = state
            .connections
            .values()
            .flat_map(|connection| {
                let connection_id = connection.id;
                connection.channels.keys().map(move |&channel| Place { connection: connection_id, channel })
            })
            .collect();
        for place in places {
            state.fail(place, &Fault::new(Code::PreconditionFailed, reason), now);
        }
    }

    /// Deletes a queue with its messages; its consumers get `basic.cancel`. False when there is no such queue.
    pub fn delete_queue(&self, vhost: &str, name: &str) -> bool {
        let mut state = self.shared.lock();
        let found = state.find(vhost, name);
        if let Some(id) = found {
            state.delete_queue(id);
        }
        found.is_some()
    }

    /// Refuses every login from now on, as if all passwords had changed, or takes them again.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.shared.lock().refuse_logins = refuse;
    }

    /// Sets the policy of this name for the queues whose name matches the regular expression `pattern`, in all
    /// virtual hosts. Of several that match the one with the highest priority holds.
    ///
    /// # Errors
    /// When `pattern` is not a regular expression.
    pub fn set_policy(
        &self,
        name: &str,
        pattern: &str,
        priority: i32,
        definition: Definition,
    ) -> Result<(), BadPattern> {
        let pattern =
            regex::Regex::new(pattern).map_err(|source| BadPattern { name: name.to_owned(), source })?;
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.policies.retain(|policy| policy.name != name);
        state.policies.push(Policy { name: name.to_owned(), pattern, priority, definition });
        state.apply_policies(now);
        Ok(())
    }

    /// Removes a policy.
    pub fn clear_policy(&self, name: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.policies.retain(|policy| policy.name != name);
        state.apply_policies(now);
    }

    /// Ready and unacknowledged messages of a queue, or nothing when there is no such queue.
    #[must_use]
    pub fn depth(&self, vhost: &str, name: &str) -> Option<(usize, usize)> {
        self.shared.lock().queue_report(vhost, name).map(|queue| (queue.ready, queue.unacked))
    }

    /// Connections that have come through their handshake.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// Bytes that all messages take, those on their way to clients included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.shared.lock().meter.used()
    }

    fn wake_all(&self) {
        for connection in self.shared.lock().connections.values() {
            connection.wake.notify_one();
        }
    }
}
