//! AMQP's bytes: frames in, frames out.

pub(crate) mod bytes;
pub(crate) mod frame;
pub(crate) mod outbox;
pub(crate) mod properties;
pub(crate) mod table;
