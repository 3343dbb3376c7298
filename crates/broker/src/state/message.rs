//! A message in memory, and the meter that knows what all messages weigh.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a message costs beside its bytes: its own header, its place in a queue and the allocator's rounding.
const OVERHEAD: usize = 160;

/// Bytes of all messages that a broker holds, those on their way to clients included.
#[derive(Debug, Default)]
pub(crate) struct Meter(AtomicUsize);

impl Meter {
    pub(crate) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Properties and body. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Message(Arc<Content>);

#[derive(Debug)]
struct Content {
    meter: Arc<Meter>,
    /// The properties end here and the body begins.
    border: u32,
    bytes: Box<[u8]>,
}

impl Message {
    /// A message of `bytes`, whose first `border` are the encoded properties.
    pub(crate) fn new(meter: &Arc<Meter>, bytes: Vec<u8>, border: usize) -> Self {
        let bytes = bytes.into_boxed_slice();
        meter.0.fetch_add(bytes.len() + OVERHEAD, Ordering::Relaxed);
        // Properties fit in a frame, and a frame's size has 32 bits.
        let border = u32::try_from(border.min(bytes.len())).unwrap_or(u32::MAX);
        Self(Arc::new(Content { meter: meter.clone(), border, bytes }))
    }

    /// The same body with other properties.
    pub(crate) fn with_properties(&self, properties: &[u8]) -> Self {
        let bytes = [properties, self.body()].concat();
        Self::new(&self.0.meter, bytes, properties.len())
    }

    /// The property list as it goes over the wire, from its flags on.
    pub(crate) fn properties(&self) -> &[u8] {
        &self.0.bytes[..self.0.border as usize]
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.0.bytes[self.0.border as usize..]
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.meter.0.fetch_sub(self.bytes.len() + OVERHEAD, Ordering::Relaxed);
    }
}
