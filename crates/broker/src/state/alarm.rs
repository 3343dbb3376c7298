//! Alarms: publishing is blocked while messages exceed the memory limit, or on request of a test.

use amq_protocol::protocol::{AMQPClass, connection};

use super::State;
use super::connection::Flow;
use super::ids::ConnectionId;
use crate::error::truncate;

/// The reasons for blocked publishing.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// Messages use more than [`crate::Limits::memory`].
    memory: bool,
    /// Reason from the control handle.
    manual: Option<String>,
}

impl Alarm {
    pub(crate) fn reason(&self) -> Option<&str> {
        self.manual.as_deref().or(self.memory.then_some("low on memory"))
    }
}

impl State {
    /// Raises or clears the memory alarm.
    pub(crate) fn check_alarm(&mut self) {
        let high = self.meter.used() > self.config.limits.memory;
        if high != self.alarm.memory {
            let before = self.alarm.reason().is_some();
            self.alarm.memory = high;
            self.alarm_changed(before);
        }
    }

    /// Blocks publishing with a reason, or unblocks it (`None`).
    pub(crate) fn block(&mut self, reason: Option<String>) {
        let before = self.alarm.reason().is_some();
        self.alarm.manual = reason.map(truncate);
        self.alarm_changed(before);
    }

    fn alarm_changed(&mut self, before: bool) {
        if !before || self.alarm.reason().is_some() {
            // A connection is blocked at its next publish.
            return;
        }
        for connection in self.connections.values_mut() {
            if connection.flow == Flow::Blocked {
                connection.flow = Flow::Running;
                if connection.client.capabilities.blocked {
                    let method = connection::AMQPMethod::Unblocked(connection::Unblocked {});
                    connection.send(0, AMQPClass::Connection(method));
                }
                connection.wake.notify_one();
            }
        }
    }

    /// Blocks a connection that has published during an alarm, and notifies it if it has the capability.
    pub(super) fn block_publisher(&mut self, id: ConnectionId) {
        self.check_alarm();
        let Some(reason) = self.alarm.reason() else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.flow == Flow::Running {
            connection.flow = Flow::Blocked;
            if connection.client.capabilities.blocked {
                let blocked = connection::Blocked { reason: reason.into() };
                connection.send(0, AMQPClass::Connection(connection::AMQPMethod::Blocked(blocked)));
            }
        }
    }
}
