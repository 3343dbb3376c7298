//! A handle for tests: faults on demand, outside of the protocol.

use std::sync::Arc;

use crate::error::{AmqpError, ReplyCode};
use crate::shared::{Mode, Shared};
use crate::state::connection::Phase;
use crate::state::ids::{ChannelRef, ConnectionId, QueueId};
use crate::state::policy::{Policy, PolicyDefinition};

/// Treatment of messages by [`Control::restart`]. The broker has no disk, so a real restart loses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// Keep queues and messages, like durable queues and persistent messages on a disk.
    Keep,
    /// Delete queues and messages.
    Drop,
}

/// Error for an invalid pattern of a policy.
#[derive(Debug, thiserror::Error)]
#[error("cannot set policy {name}: its pattern is not a regular expression: {source}")]
pub struct BadPattern {
    name: String,
    source: regex::Error,
}

/// Controls a running broker. Clones control the same one.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Blocks publishing like an alarm: connections that publish get `connection.blocked` with this reason, and the broker
    /// does not read from them until [`Control::unblock`].
    pub fn block(&self, reason: &str) {
        self.shared.lock().block(Some(reason.to_owned()));
    }

    /// Ends [`Control::block`].
    pub fn unblock(&self) {
        self.shared.lock().block(None);
    }

    /// Closes all connections with 320 CONNECTION_FORCED and rejects new ones until [`Control::start`]. Queues and
    /// messages stay; exclusive queues are deleted with their connections.
    pub fn stop(&self) {
        self.shared.set_mode(Mode::Stopped);
        self.disconnect_all("broker forced connection closure with reason 'shutdown'");
    }

    /// Accepts connections again after [`Control::stop`].
    pub fn start(&self) {
        self.shared.set_mode(Mode::Serving);
        self.wake_all();
    }

    /// Drops every connection without a close, like a crash, and continues to serve.
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

    /// Stops reading and writing on all AMQP connections until [`Control::thaw`], like SIGSTOP. HTTP is not affected.
    pub fn freeze(&self) {
        self.shared.set_mode(Mode::Frozen);
    }

    /// Ends [`Control::freeze`].
    pub fn thaw(&self) {
        self.shared.set_mode(Mode::Serving);
        self.wake_all();
    }

    /// Closes every connection with 320 CONNECTION_FORCED and the given reason.
    pub fn disconnect_all(&self, reason: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let connections: Vec<ConnectionId> = state.connections.keys().copied().collect();
        for connection in connections {
            state.close(connection, &AmqpError::new(ReplyCode::ConnectionForced, reason), now);
        }
    }

    /// Drops every connection without a close.
    pub fn cut_all(&self) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let connections: Vec<ConnectionId> = state.connections.keys().copied().collect();
        for id in connections {
            state.release(id, now);
            if let Some(connection) = state.connections.get_mut(&id) {
                connection.phase = Phase::Aborted;
                connection.wake.notify_one();
            }
        }
    }

    /// Closes every open channel with 406 PRECONDITION_FAILED and the given reason; the connections stay.
    pub fn close_channels(&self, reason: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let channel_refs: Vec<ChannelRef> = state
            .connections
            .values()
            .flat_map(|connection| {
                let connection_id = connection.id;
                connection
                    .channels
                    .keys()
                    .map(move |&channel| ChannelRef { connection: connection_id, channel })
            })
            .collect();
        for channel_ref in channel_refs {
            state.fail(channel_ref, &AmqpError::new(ReplyCode::PreconditionFailed, reason), now);
        }
    }

    /// Deletes a queue with its messages; its consumers get `basic.cancel`. Returns false if the queue does not exist.
    pub fn delete_queue(&self, vhost: &str, name: &str) -> bool {
        let mut state = self.shared.lock();
        let found = state.find(vhost, name);
        if let Some(id) = found {
            state.delete_queue(id);
        }
        found.is_some()
    }

    /// Rejects (true) or accepts (false) all logins, as if the passwords had changed.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.shared.lock().refuse_logins = refuse;
    }

    /// Sets a policy for queues whose name matches the regular expression `pattern`, in all virtual hosts. If several
    /// policies match, the one with the highest priority applies.
    ///
    /// # Errors
    /// `pattern` is not a regular expression.
    pub fn set_policy(
        &self,
        name: &str,
        pattern: &str,
        priority: i32,
        definition: PolicyDefinition,
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

    /// Returns the numbers of ready and unacknowledged messages; `None` if the queue does not exist.
    #[must_use]
    pub fn depth(&self, vhost: &str, name: &str) -> Option<(usize, usize)> {
        self.shared.lock().queue_report(vhost, name).map(|queue| (queue.ready, queue.unacked))
    }

    /// Returns the number of connections that have completed the handshake.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// Returns the memory of all messages in bytes, including messages in outboxes.
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
