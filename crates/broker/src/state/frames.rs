//! Frame processing: finds the channel of a frame, checks the order of frames, and calls the method's handler.

use amq_protocol::protocol::{AMQPClass, channel, connection};
use bytes::Bytes;

use super::connection::{ChannelPhase, Connection, IncomingContent, Phase};
use super::ids::{ChannelRef, ConnectionId};
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode, Scope};
use crate::wire::frame::{Frame, Method, PUBLISH};
use crate::wire::properties;

impl State {
    /// Processes one frame. An error is sent to the client and closes its channel or connection.
    pub(crate) fn frame(&mut self, id: ConnectionId, frame: Frame, now: Now) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.phase {
            Phase::Open => {}
            Phase::Closing => return handle_after_close(connection, &frame),
            Phase::Closed | Phase::Aborted => return,
        }
        let channel = match &frame {
            Frame::Heartbeat => return,
            Frame::Method { channel, .. } | Frame::Header { channel, .. } | Frame::Body { channel, .. } => {
                *channel
            }
        };
        let channel_ref = ChannelRef { connection: id, channel };
        let result = match frame {
            Frame::Method { channel: 0, method } => self.connection_method(id, method, now),
            Frame::Method { method, .. } => self.channel_method(channel_ref, method, now),
            _ if channel == 0 => {
                Err(AmqpError::new(ReplyCode::UnexpectedFrame, "content on channel 0 instead of a method"))
            }
            Frame::Header { class, size, properties, .. } => {
                self.header(channel_ref, class, size, &properties, now)
            }
            Frame::Body { payload, .. } => self.body(channel_ref, &payload, now),
            Frame::Heartbeat => Ok(()),
        };
        if let Err(error) = result {
            self.fail(channel_ref, &error, now);
        }
    }

    /// Closes the channel or the connection with an error.
    pub(crate) fn fail(&mut self, channel_ref: ChannelRef, error: &AmqpError, now: Now) {
        let client = self.connections.get(&channel_ref.connection).map(|connection| &connection.client);
        if error.scope == Scope::Connection || channel_ref.channel == 0 {
            if let Some(client) = client {
                tracing::error!("Error on AMQP connection ({client}): {}", error.text);
            }
            return self.close(channel_ref.connection, error, now);
        }
        if let Some(client) = client {
            let channel = channel_ref.channel;
            tracing::error!("Channel error on connection ({client}), channel {channel}: {}", error.text);
        }
        self.drop_consumers(channel_ref, now);
        self.end_channel(channel_ref, now);
        if let Some(connection) = self.connections.get_mut(&channel_ref.connection) {
            connection.send(channel_ref.channel, channel_close(error));
            if let Some(channel) = connection.channels.get_mut(&channel_ref.channel) {
                channel.phase = ChannelPhase::Closing;
            }
        }
    }

    fn connection_method(&mut self, id: ConnectionId, method: Method, now: Now) -> Result<(), AmqpError> {
        use connection::AMQPMethod;
        let Method::Other(method) = method else {
            return Err(AmqpError::new(ReplyCode::CommandInvalid, "channel method on channel 0"));
        };
        match *method {
            AMQPClass::Connection(AMQPMethod::Close(_)) => {
                self.release(id, now);
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.flush_all_confirms();
                    connection.send(0, close_ok());
                    connection.phase = Phase::Closed;
                }
                Ok(())
            }
            AMQPClass::Connection(AMQPMethod::UpdateSecret(_)) => {
                // Passwords do not expire in this broker.
                if let Some(connection) = self.connections.get_mut(&id) {
                    let answer = AMQPMethod::UpdateSecretOk(connection::UpdateSecretOk {});
                    connection.send(0, AMQPClass::Connection(answer));
                }
                Ok(())
            }
            other => {
                let method = (other.get_amqp_class_id(), other.get_amqp_method_id());
                Err(AmqpError::new(
                    ReplyCode::CommandInvalid,
                    format!("method {}.{} not expected on channel 0", method.0, method.1),
                )
                .at(method))
            }
        }
    }

    fn channel_method(&mut self, channel_ref: ChannelRef, method: Method, now: Now) -> Result<(), AmqpError> {
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else {
            return self.closed_channel_method(channel_ref, method);
        };
        if channel.phase == ChannelPhase::Closing {
            match method {
                Method::Other(method) => match *method {
                    AMQPClass::Channel(channel::AMQPMethod::CloseOk(_)) => {
                        connection.channels.remove(&channel_ref.channel);
                    }
                    // Both sides closed the channel at the same time.
                    AMQPClass::Channel(channel::AMQPMethod::Close(_)) => {
                        connection.send(channel_ref.channel, channel_close_ok());
                    }
                    _ => {}
                },
                Method::Publish(_) | Method::Ack { .. } => {}
            }
            return Ok(());
        }
        if channel.incoming.is_some() {
            return Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                "expected content header or body, got a method frame instead",
            )
            .at(PUBLISH));
        }
        match method {
            Method::Publish(publish) => self.publish(channel_ref, publish),
            Method::Ack { tag, multiple } => self.acknowledge(channel_ref, tag, multiple, now),
            Method::Other(method) => self.other_method(channel_ref, *method, now),
        }
    }

    fn closed_channel_method(&mut self, channel_ref: ChannelRef, method: Method) -> Result<(), AmqpError> {
        match method {
            Method::Other(method) => match *method {
                AMQPClass::Channel(channel::AMQPMethod::Open(_)) => self.open_channel(channel_ref),
                // The answer to a close that crossed the client's close.
                AMQPClass::Channel(channel::AMQPMethod::CloseOk(_)) => Ok(()),
                AMQPClass::Channel(channel::AMQPMethod::Close(_)) => {
                    if let Some(connection) = self.connections.get_mut(&channel_ref.connection) {
                        connection.send(channel_ref.channel, channel_close_ok());
                    }
                    Ok(())
                }
                other => Err(AmqpError::new(ReplyCode::ChannelError, "expected 'channel.open'")
                    .at((other.get_amqp_class_id(), other.get_amqp_method_id()))),
            },
            Method::Publish(_) => {
                Err(AmqpError::new(ReplyCode::ChannelError, "expected 'channel.open'").at(PUBLISH))
            }
            Method::Ack { .. } => {
                Err(AmqpError::new(ReplyCode::ChannelError, "expected 'channel.open'").at((60, 80)))
            }
        }
    }

    fn other_method(
        &mut self,
        channel_ref: ChannelRef,
        method: AMQPClass,
        now: Now,
    ) -> Result<(), AmqpError> {
        let id = (method.get_amqp_class_id(), method.get_amqp_method_id());
        match method {
            AMQPClass::Channel(method) => self.method_of_channel(channel_ref, &method, now),
            AMQPClass::Queue(method) => self.method_of_queue(channel_ref, method, now),
            AMQPClass::Basic(method) => self.method_of_basic(channel_ref, method, now),
            AMQPClass::Exchange(method) => self.method_of_exchange(channel_ref, method),
            AMQPClass::Confirm(method) => self.method_of_confirm(channel_ref, &method),
            AMQPClass::Tx(_) => Err(AmqpError::new(ReplyCode::NotImplemented, "transactions")),
            AMQPClass::Access(_) => Err(AmqpError::new(ReplyCode::NotImplemented, "access.request")),
            AMQPClass::Connection(_) => {
                Err(AmqpError::new(ReplyCode::CommandInvalid, "connection method on a channel"))
            }
        }
        .map_err(|error| error.at(id))
    }

    fn header(
        &mut self,
        channel_ref: ChannelRef,
        class: u16,
        size: u64,
        encoded: &Bytes,
        now: Now,
    ) -> Result<(), AmqpError> {
        let most = self.config.limits.message_size;
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else {
            return Err(AmqpError::new(ReplyCode::ChannelError, "expected 'channel.open'"));
        };
        if channel.phase == ChannelPhase::Closing {
            return Ok(());
        }
        let Some(incoming) = &mut channel.incoming else {
            return Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                "expected method frame, got non method frame instead",
            ));
        };
        if !matches!(incoming.content, IncomingContent::Expected) {
            return Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                "expected content body, got non content body frame instead",
            )
            .at(PUBLISH));
        }
        if class != 60 {
            return Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                format!("expected content header for class 60, got one for class {class} instead"),
            )
            .at(PUBLISH));
        }
        if size > most {
            channel.incoming = None;
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("message size {size} is larger than configured max size {most}"),
            )
            .at(PUBLISH));
        }
        properties::inspect(encoded).map_err(|_| {
            AmqpError::new(ReplyCode::SyntaxError, "cannot decode the content's properties").at(PUBLISH)
        })?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        // Memory beyond this size is allocated only when the bytes arrive.
        const MAX_PREALLOCATION: usize = 128 * 1024;
        let mut bytes = Vec::with_capacity(encoded.len() + size.min(MAX_PREALLOCATION));
        bytes.extend_from_slice(encoded);
        incoming.content = IncomingContent::Arriving { bytes, properties_len: encoded.len(), size };
        if size == 0 { self.route(channel_ref, now) } else { Ok(()) }
    }

    fn body(&mut self, channel_ref: ChannelRef, payload: &Bytes, now: Now) -> Result<(), AmqpError> {
        // The channels of a connection may receive messages in parallel, up to twice the maximum size.
        let most = usize::try_from(self.config.limits.message_size).unwrap_or(usize::MAX).saturating_mul(2);
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else {
            return Err(AmqpError::new(ReplyCode::ChannelError, "expected 'channel.open'"));
        };
        if channel.phase == ChannelPhase::Closing {
            return Ok(());
        }
        match channel.incoming.as_mut().map(|incoming| &mut incoming.content) {
            None => Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                "expected method frame, got non method frame instead",
            )),
            Some(IncomingContent::Expected) => Err(AmqpError::new(
                ReplyCode::UnexpectedFrame,
                "expected content header, got non content header frame instead",
            )
            .at(PUBLISH)),
            Some(IncomingContent::Arriving { bytes, properties_len, size }) => {
                let arrived = bytes.len() - *properties_len + payload.len();
                if arrived > *size {
                    return Err(AmqpError::new(
                        ReplyCode::FrameError,
                        format!("content has {arrived} bytes, but the header announced {size}"),
                    )
                    .at(PUBLISH));
                }
                bytes.extend_from_slice(payload);
                if arrived == *size {
                    connection.incomplete_bytes =
                        connection.incomplete_bytes.saturating_sub(arrived - payload.len());
                    return self.route(channel_ref, now);
                }
                connection.incomplete_bytes += payload.len();
                if connection.incomplete_bytes > most {
                    return Err(AmqpError::new(
                        ReplyCode::ResourceError,
                        format!("more than {most} bytes of incomplete messages on one connection"),
                    )
                    .at(PUBLISH));
                }
                Ok(())
            }
        }
    }
}

/// Handles frames after the broker's `connection.close`: only the answer or the client's own close matter.
fn handle_after_close(connection: &mut Connection, frame: &Frame) {
    if let Frame::Method { channel: 0, method: Method::Other(method) } = frame {
        match **method {
            AMQPClass::Connection(connection::AMQPMethod::CloseOk(_)) => connection.phase = Phase::Closed,
            AMQPClass::Connection(connection::AMQPMethod::Close(_)) => {
                connection.send(0, close_ok());
                connection.phase = Phase::Closed;
            }
            _ => {}
        }
    }
}

pub(crate) fn connection_close(error: &AmqpError) -> AMQPClass {
    AMQPClass::Connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: error.code.number(),
        reply_text: error.text.as_str().into(),
        class_id: error.method.0,
        method_id: error.method.1,
    }))
}

fn close_ok() -> AMQPClass {
    AMQPClass::Connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))
}

fn channel_close(error: &AmqpError) -> AMQPClass {
    AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close {
        reply_code: error.code.number(),
        reply_text: error.text.as_str().into(),
        class_id: error.method.0,
        method_id: error.method.1,
    }))
}

pub(super) fn channel_close_ok() -> AMQPClass {
    AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}
