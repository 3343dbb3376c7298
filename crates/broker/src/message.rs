//! A message in memory, and the meter of the memory of all messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Estimated overhead per message in bytes: its header, its queue entry and the allocator's rounding.
const MESSAGE_OVERHEAD: usize = 160;

/// Memory of all messages of a broker in bytes, including messages in outboxes.
#[derive(Debug, Default)]
pub(crate) struct MemoryMeter(AtomicUsize);

impl MemoryMeter {
    pub(crate) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Exchange and routing key of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) exchange: Box<str>,
    pub(crate) key: Box<str>,
}

/// Properties and body of a message. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Message(Arc<MessageData>);

#[derive(Debug)]
struct MessageData {
    meter: Arc<MemoryMeter>,
    /// `None` for the default exchange, where the routing key is the queue's name.
    route: Option<Route>,
    /// Length of the properties; the body follows.
    properties_len: u32,
    bytes: Box<[u8]>,
}

impl Message {
    /// Creates a message of `bytes`; the first `properties_len` bytes are the encoded properties. `route` is `None` for the
    /// default exchange.
    pub(crate) fn new(
        meter: &Arc<MemoryMeter>,
        bytes: Vec<u8>,
        properties_len: usize,
        route: Option<Route>,
    ) -> Self {
        let bytes = bytes.into_boxed_slice();
        meter.0.fetch_add(bytes.len() + MESSAGE_OVERHEAD, Ordering::Relaxed);
        // Properties fit in a frame, and a frame's size has 32 bits.
        let properties_len = u32::try_from(properties_len.min(bytes.len())).unwrap_or(u32::MAX);
        Self(Arc::new(MessageData { meter: meter.clone(), route, properties_len, bytes }))
    }

    /// Returns a message with the same body, another route and other properties.
    pub(crate) fn with(&self, properties: &[u8], route: Option<Route>) -> Self {
        let bytes = [properties, self.body()].concat();
        Self::new(&self.0.meter, bytes, properties.len(), route)
    }

    /// Returns a message with the same body and route, and other properties.
    pub(crate) fn with_properties(&self, properties: &[u8]) -> Self {
        self.with(properties, self.0.route.clone())
    }

    /// Returns the exchange and the routing key of the message in the queue of that name.
    pub(crate) fn origin<'a>(&'a self, queue: &'a str) -> (&'a str, &'a str) {
        self.0.route.as_ref().map_or(("", queue), |route| (&route.exchange, &route.key))
    }

    /// Returns the encoded properties, beginning with their flags.
    pub(crate) fn properties(&self) -> &[u8] {
        &self.0.bytes[..self.0.properties_len as usize]
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.0.bytes[self.0.properties_len as usize..]
    }
}

impl Drop for MessageData {
    fn drop(&mut self) {
        self.meter.0.fetch_sub(self.bytes.len() + MESSAGE_OVERHEAD, Ordering::Relaxed);
    }
}
