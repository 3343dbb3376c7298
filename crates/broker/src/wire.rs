//! The wire format of AMQP: decoding and encoding of frames.

pub(crate) mod bytes;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod properties;
pub(crate) mod table;
