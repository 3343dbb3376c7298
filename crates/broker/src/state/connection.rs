//! A client's connection and its channels, as the broker's state knows them.

use std::collections::HashMap;
use std::sync::Arc;

use amq_protocol::protocol::AMQPClass;
use tokio::sync::Notify;

use super::ids::{ConnectionId, ConsumerId, Map, QueueId};
use super::queue::Entry;
use super::unacked::Unacked;
use crate::wire::frame::Publish;
use crate::wire::outbox::Outbox;

/// What the handshake found out about a client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) user: String,
    pub(crate) vhost: Arc<str>,
    pub(crate) frame_max: u32,
    pub(crate) channel_max: u16,
    pub(crate) capabilities: Capabilities,
}

/// What a client says that it understands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// Wants `basic.cancel` when its consumer's queue goes.
    pub(crate) consumer_cancel_notify: bool,
    /// Understands `connection.blocked`.
    pub(crate) blocked: bool,
    /// Understands `connection.close` as the answer to a refused login.
    pub(crate) authentication_failure_close: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// `connection.close` was sent; only its answer counts.
    Closing,
    /// All is said; the socket closes when the outbox is empty.
    Closed,
    /// The socket closes at once, as when the process dies.
    Cut,
}

/// Where a connection stands while publishing is blocked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    #[default]
    Running,
    /// Has published since publishing was blocked: nothing more is read from it.
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
    /// Wakes the connection's task when another's doing put something into its outbox.
    pub(crate) wake: Arc<Notify>,
    /// A consumer was passed over because the outbox was full.
    pub(crate) stalled: bool,
    /// Channels with confirms that are not written yet.
    pub(crate) unconfirmed: Vec<u16>,
    /// Bytes of contents that have arrived in part.
    pub(crate) assembling: usize,
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
            unconfirmed: Vec::new(),
            assembling: 0,
        }
    }

    /// Writes a method on a channel, behind the confirms that came first.
    pub(crate) fn send(&mut self, channel: u16, method: AMQPClass) {
        self.flush_confirms(channel);
        self.outbox.method(channel, method);
        self.wake.notify_one();
    }

    pub(crate) fn flush_confirms(&mut self, channel: u16) {
        if let Some(Confirms { pending: pending @ Some(_), .. }) =
            self.channels.get_mut(&channel).and_then(|channel| channel.confirms.as_mut())
            && let Some(Pending { acknowledged, last, count }) = pending.take()
        {
            self.outbox.confirm(channel, acknowledged, last, count > 1);
        }
    }

    pub(crate) fn flush_all_confirms(&mut self) {
        while let Some(channel) = self.unconfirmed.pop() {
            self.flush_confirms(channel);
        }
    }

    /// Notes that the broker took (or refused) the next message published on `channel`.
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
                if let Some(Pending { acknowledged, last, count }) = pending.take() {
                    self.outbox.confirm(channel, acknowledged, last, count > 1);
                } else {
                    self.unconfirmed.push(channel);
                }
                *pending = Some(Pending { acknowledged, last: confirms.last, count: 1 });
            }
        }
    }
}

/// How far a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelPhase {
    Open,
    /// `channel.close` was sent; only its answer counts.
    Closing,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) phase: ChannelPhase,
    /// A publish whose content is still arriving.
    pub(crate) incoming: Option<Incoming>,
    /// Publisher confirms, when selected.
    pub(crate) confirms: Option<Confirms>,
    pub(crate) last_tag: u64,
    pub(crate) unacked: Unacked<Delivery>,
    pub(crate) consumers: HashMap<Arc<str>, (QueueId, ConsumerId)>,
    /// Prefetch of consumers to come (`basic.qos`, not global).
    pub(crate) prefetch: u16,
    /// Prefetch of all consumers of the channel together (`basic.qos`, global); 0 is none.
    pub(crate) global_prefetch: u16,
    /// What an empty queue name stands for.
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

/// A message that was delivered and waits for its acknowledgement.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) queue: QueueId,
    /// Nobody for `basic.get`.
    pub(crate) consumer: Option<ConsumerId>,
    pub(crate) entry: Entry,
}

/// A published message that has arrived in part.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) publish: Publish,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// The content header is to come.
    Expected,
    /// `bytes` holds the properties, `border` bytes, and the body as far as it came.
    Arriving { bytes: Vec<u8>, border: usize, size: usize },
}

#[derive(Debug, Default)]
pub(crate) struct Confirms {
    /// Sequence number of the last message published.
    last: u64,
    pending: Option<Pending>,
}

/// Confirms of consecutive messages that leave as one.
#[derive(Debug)]
struct Pending {
    acknowledged: bool,
    last: u64,
    count: u64,
}
