//! Connections and channels in the broker's state.

use std::collections::HashMap;
use std::sync::Arc;

use amq_protocol::protocol::AMQPClass;
use tokio::sync::Notify;

use super::ids::{ConnectionId, ConsumerId, Map, QueueId};
use super::queue::Entry;
use super::unacked::Unacked;
use crate::wire::frame::Publish;
use crate::wire::outbox::Outbox;

/// Properties of a client from the handshake.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Both ends of its connection: `127.0.0.1:40000 -> 127.0.0.1:5672`.
    pub(crate) address: String,
    pub(crate) user: String,
    /// The property `connection_name`, by which a client names its connection.
    pub(crate) name: Option<String>,
    pub(crate) vhost: Arc<str>,
    pub(crate) frame_max: u32,
    pub(crate) channel_max: u16,
    pub(crate) capabilities: Capabilities,
}

/// The client as RabbitMQ's log names it.
impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, vhost: '{}', user: '{}'", self.address, self.vhost, self.user)
    }
}

/// Capabilities that a client announces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// The client accepts `basic.cancel` when a consumer's queue is deleted.
    pub(crate) consumer_cancel_notify: bool,
    /// The client accepts `connection.blocked`.
    pub(crate) blocked: bool,
    /// The client accepts `connection.close` as the answer to a refused login.
    pub(crate) authentication_failure_close: bool,
}

/// Phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// The broker has sent `connection.close` and ignores everything except the answer.
    Closing,
    /// The close handshake is complete; the socket closes when the outbox is empty.
    Closed,
    /// The socket closes at once, like after a crash.
    Aborted,
}

/// Flow control of a connection during an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    #[default]
    Running,
    /// The connection has published during the alarm: the broker does not read from it.
    Blocked,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) client: Client,
    pub(crate) phase: Phase,
    pub(crate) flow: Flow,
    pub(crate) channels: Map<u16, Channel>,
    pub(crate) outbox: Outbox,
    /// Wakes the connection's task after a change of its outbox.
    pub(crate) wake: Arc<Notify>,
    /// A consumer was skipped because the outbox was full.
    pub(crate) stalled: bool,
    /// Channels with pending confirms.
    pub(crate) confirming_channels: Vec<u16>,
    /// Bytes of incomplete message bodies.
    pub(crate) incomplete_bytes: usize,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, client: Client, wake: Arc<Notify>) -> Self {
        Self {
            id,
            client,
            phase: Phase::Open,
            flow: Flow::Running,
            channels: Map::default(),
            outbox: Outbox::default(),
            wake,
            stalled: false,
            confirming_channels: Vec::new(),
            incomplete_bytes: 0,
        }
    }

    /// Writes a method on a channel, after the channel's pending confirms.
    pub(crate) fn send(&mut self, channel: u16, method: AMQPClass) {
        self.flush_confirms(channel);
        self.outbox.method(channel, method);
        self.wake.notify_one();
    }

    pub(crate) fn flush_confirms(&mut self, channel: u16) {
        if let Some(Confirms { pending: pending @ Some(_), .. }) =
            self.channels.get_mut(&channel).and_then(|channel| channel.confirms.as_mut())
            && let Some(PendingConfirm { acknowledged, last, count }) = pending.take()
        {
            self.outbox.confirm(channel, acknowledged, last, count > 1);
        }
    }

    pub(crate) fn flush_all_confirms(&mut self) {
        while let Some(channel) = self.confirming_channels.pop() {
            self.flush_confirms(channel);
        }
    }

    /// Adds the confirm for the next message published on `channel`: ack or nack.
    pub(crate) fn confirm(&mut self, channel: u16, acknowledged: bool) {
        let Some(confirms) = self.channels.get_mut(&channel).and_then(|channel| channel.confirms.as_mut())
        else {
            return;
        };
        confirms.last += 1;
        match &mut confirms.pending {
            Some(pending) if pending.acknowledged == acknowledged => {
                pending.last = confirms.last;
                pending.count += 1;
            }
            pending => {
                if let Some(PendingConfirm { acknowledged, last, count }) = pending.take() {
                    self.outbox.confirm(channel, acknowledged, last, count > 1);
                } else {
                    self.confirming_channels.push(channel);
                }
                *pending = Some(PendingConfirm { acknowledged, last: confirms.last, count: 1 });
            }
        }
    }
}

/// Phase of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelPhase {
    Open,
    /// The broker has sent `channel.close` and ignores everything except the answer.
    Closing,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) phase: ChannelPhase,
    /// A publish whose content is incomplete.
    pub(crate) incoming: Option<Incoming>,
    /// Publisher confirms, if selected.
    pub(crate) confirms: Option<Confirms>,
    pub(crate) last_tag: u64,
    pub(crate) unacked: Unacked<Delivery>,
    pub(crate) consumers: HashMap<Arc<str>, (QueueId, ConsumerId)>,
    /// Prefetch of future consumers (`basic.qos` without global).
    pub(crate) prefetch: u16,
    /// Shared prefetch of all consumers of the channel (`basic.qos` with global); 0 is unlimited.
    pub(crate) global_prefetch: u16,
    /// Name of the last declared queue, which an empty queue name refers to.
    pub(crate) last_queue: Option<String>,
}

impl Channel {
    pub(crate) fn new() -> Self {
        Self {
            phase: ChannelPhase::Open,
            incoming: None,
            confirms: None,
            last_tag: 0,
            unacked: Unacked::default(),
            consumers: HashMap::new(),
            prefetch: 0,
            global_prefetch: 0,
            last_queue: None,
        }
    }

    pub(crate) fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }
}

/// An unacknowledged delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) queue: QueueId,
    /// `None` for `basic.get`.
    pub(crate) consumer: Option<ConsumerId>,
    pub(crate) entry: Entry,
}

/// A published message with incomplete content.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) publish: Publish,
    pub(crate) content: IncomingContent,
}

#[derive(Debug)]
pub(crate) enum IncomingContent {
    /// The content header has not arrived.
    Expected,
    /// `bytes` contains the properties (`properties_len` bytes) and the received part of the body.
    Arriving { bytes: Vec<u8>, properties_len: usize, size: usize },
}

#[derive(Debug, Default)]
pub(crate) struct Confirms {
    /// Sequence number of the last published message.
    last: u64,
    pending: Option<PendingConfirm>,
}

/// Confirms of consecutive messages, sent as one.
#[derive(Debug)]
struct PendingConfirm {
    acknowledged: bool,
    last: u64,
    count: u64,
}
