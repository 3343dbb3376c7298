//! Snapshots of the state for the management API and the metrics.

use std::sync::Arc;

use serde_json::Value;

use super::State;
use super::arguments::value::table_json;
use super::queue::Queue;

/// Snapshot of a queue.
#[derive(Debug, Clone)]
pub(crate) struct QueueReport {
    pub(crate) name: Arc<str>,
    pub(crate) vhost: Arc<str>,
    pub(crate) queue_type: &'static str,
    pub(crate) durable: bool,
    pub(crate) auto_delete: bool,
    pub(crate) exclusive: bool,
    pub(crate) arguments: Value,
    pub(crate) policy: Option<String>,
    pub(crate) ready: usize,
    pub(crate) unacked: usize,
    pub(crate) ready_bytes: usize,
    pub(crate) unacked_bytes: usize,
    pub(crate) consumers: usize,
}

/// Totals of the whole broker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) ready: usize,
    pub(crate) unacked: usize,
    pub(crate) consumers: usize,
    pub(crate) queues: usize,
    pub(crate) connections: usize,
    pub(crate) channels: usize,
}

impl State {
    /// Returns the queues of one virtual host or of all, sorted by name.
    pub(crate) fn queue_reports(&self, vhost: Option<&str>) -> Vec<QueueReport> {
        let mut reports: Vec<QueueReport> = self
            .queues
            .values()
            .filter(|queue| vhost.is_none_or(|vhost| vhost == &*queue.vhost))
            .map(queue_report)
            .collect();
        reports.sort_unstable_by(|one, other| (&one.vhost, &one.name).cmp(&(&other.vhost, &other.name)));
        reports
    }

    pub(crate) fn queue_report(&self, vhost: &str, name: &str) -> Option<QueueReport> {
        self.queues.get(&self.find(vhost, name)?).map(queue_report)
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals {
            queues: self.queues.len(),
            connections: self.connections.len(),
            channels: self.connections.values().map(|connection| connection.channels.len()).sum(),
            ..Totals::default()
        };
        for queue in self.queues.values() {
            totals.ready += queue.ready();
            totals.unacked += queue.unacked;
            totals.consumers += queue.consumers.len();
        }
        totals
    }
}

fn queue_report(queue: &Queue) -> QueueReport {
    QueueReport {
        name: queue.name.clone(),
        vhost: queue.vhost.clone(),
        queue_type: queue.declared.arguments.queue_type(),
        durable: queue.declared.durable,
        auto_delete: queue.declared.auto_delete,
        exclusive: queue.declared.exclusive,
        arguments: table_json(queue.declared.arguments.table()),
        policy: queue.settings.policy.clone(),
        ready: queue.ready(),
        unacked: queue.unacked,
        ready_bytes: queue.ready_bytes(),
        unacked_bytes: queue.unacked_bytes,
        consumers: queue.consumers.len(),
    }
}
