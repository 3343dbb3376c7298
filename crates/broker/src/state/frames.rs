//! One frame of a client: which channel it is for, whether it may come now, and to whom it goes.

use amq_protocol::protocol::{AMQPClass, channel, connection};
use bytes::Bytes;

use super::connection::{ChannelPhase, Connection, Content, Phase};
use super::ids::{ConnectionId, Place};
use super::{Now, State};
use crate::fault::{Code, Fault, Scope};
use crate::wire::frame::{Frame, Method, PUBLISH};
use crate::wire::properties;

impl State {
    /// Works on one frame. What is wrong with it is told to the client and ends its channel or connection.
    pub(crate) fn frame(&mut self, id: ConnectionId, frame: Frame, now: Now) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.phase {
            Phase::Open => {}
            Phase::Closing => return after_close(connection, &frame),
            Phase::Closed | Phase::Cut => return,
        }
        let channel = match &frame {
            Frame::Heartbeat => return,
            Frame::Method { channel, .. } | Frame::Header { channel, .. } | Frame::Body { channel, .. } => {
                *channel
            }
        };
        let place = Place { connection: id, channel };
        let result = match frame {
            Frame::Method { channel: 0, method } => self.connection_method(id, method, now),
            Frame::Method { method, .. } => self.channel_method(place, method, now),
            _ if channel == 0 => {
                Err(Fault::new(Code::UnexpectedFrame, "content on channel 0 instead of a method"))
            }
            Frame::Header { class, size, properties, .. } => {
                self.header(place, class, size, &properties, now)
            }
            Frame::Body { payload, .. } => self.body(place, &payload, now),
            Frame::Heartbeat => Ok(()),
        };
        if let Err(fault) = result {
            self.fail(place, &fault, now);
        }
    }

    /// Ends the channel or the connection with a fault.
    pub(crate) fn fail(&mut self, place: Place, fault: &Fault, now: Now) {
        if fault.scope == Scope::Connection || place.channel == 0 {
            return self.close(place.connection, fault, now);
        }
        self.drop_consumers(place, now);
        self.end_channel(place, now);
        if let Some(connection) = self.connections.get_mut(&place.connection) {
            connection.send(place.channel, channel_close(fault));
            if let Some(channel) = connection.channels.get_mut(&place.channel) {
                channel.phase = ChannelPhase::Closing;
            }
        }
    }

    fn connection_method(&mut self, id: ConnectionId, method: Method, now: Now) -> Result<(), Fault> {
        use connection::AMQPMethod;
        let Method::Other(method) = method else {
            return Err(Fault::new(Code::CommandInvalid, "channel method on channel 0"));
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
                // Passwords do not expire here.
                if let Some(connection) = self.connections.get_mut(&id) {
                    let answer = AMQPMethod::UpdateSecretOk(connection::UpdateSecretOk {});
                    connection.send(0, AMQPClass::Connection(answer));
                }
                Ok(())
            }
            other => {
                let method = (other.get_amqp_class_id(), other.get_amqp_method_id());
                Err(Fault::new(
                    Code::CommandInvalid,
                    format!("method {}.{} not expected on channel 0", method.0, method.1),
                )
                .at(method))
            }
        }
    }

    fn channel_method(&mut self, place: Place, method: Method, now: Now) -> Result<(), Fault> {
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&place.channel) else {
            return self.closed_channel_method(place, method);
        };
        if channel.phase == ChannelPhase::Closing {
            match method {
                Method::Other(method) => match *method {
                    AMQPClass::Channel(channel::AMQPMethod::CloseOk(_)) => {
                        connection.channels.remove(&place.channel);
                    }
                    // Both closed at the same time.
                    AMQPClass::Channel(channel::AMQPMethod::Close(_)) => {
                        connection.send(place.channel, channel_close_ok());
                    }
                    _ => {}
                },
                Method::Publish(_) | Method::Ack { .. } => {}
            }
            return Ok(());
        }
        if channel.incoming.is_some() {
            return Err(Fault::new(
                Code::UnexpectedFrame,
                "expected content header or body, got a method frame instead",
            )
            .at(PUBLISH));
        }
        match method {
            Method::Publish(publish) => self.publish(place, publish),
            Method::Ack { tag, multiple } => self.acknowledge(place, tag, multiple, now),
            Method::Other(method) => self.other_method(place, *method, now),
        }
    }

    fn closed_channel_method(&mut self, place: Place, method: Method) -> Result<(), Fault> {
        match method {
            Method::Other(method) => match *method {
                AMQPClass::Channel(channel::AMQPMethod::Open(_)) => self.open_channel(place),
                // The answer to a close that crossed ours.
                AMQPClass::Channel(channel::AMQPMethod::CloseOk(_)) => Ok(()),
                AMQPClass::Channel(channel::AMQPMethod::Close(_)) => {
                    if let Some(connection) = self.connections.get_mut(&place.connection) {
                        connection.send(place.channel, channel_close_ok());
                    }
                    Ok(())
                }
                other => Err(Fault::new(Code::ChannelError, "expected 'channel.open'")
                    .at((other.get_amqp_class_id(), other.get_amqp_method_id()))),
            },
            Method::Publish(_) => Err(Fault::new(Code::ChannelError, "expected 'channel.open'").at(PUBLISH)),
            Method::Ack { .. } => Err(Fault::new(Code::ChannelError, "expected 'channel.open'").at((60, 80))),
        }
    }

    fn other_method(&mut self, place: Place, method: AMQPClass, now: Now) -> Result<(), Fault> {
        let id = (method.get_amqp_class_id(), method.get_amqp_method_id());
        match method {
            AMQPClass::Channel(method) => self.method_of_channel(place, &method, now),
            AMQPClass::Queue(method) => self.method_of_queue(place, method, now),
            AMQPClass::Basic(method) => self.method_of_basic(place, method, now),
            AMQPClass::Exchange(method) => self.method_of_exchange(place, method),
            AMQPClass::Confirm(method) => self.method_of_confirm(place, &method),
            AMQPClass::Tx(_) => Err(Fault::new(Code::NotImplemented, "transactions")),
            AMQPClass::Access(_) => Err(Fault::new(Code::NotImplemented, "access.request")),
            AMQPClass::Connection(_) => {
                Err(Fault::new(Code::CommandInvalid, "connection method on a channel"))
            }
        }
        .map_err(|fault| fault.at(id))
    }

    fn header(
        &mut self,
        place: Place,
        class: u16,
        size: u64,
        encoded: &Bytes,
        now: Now,
    ) -> Result<(), Fault> {
        let most = self.config.limits.message_size;
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&place.channel) else {
            return Err(Fault::new(Code::ChannelError, "expected 'channel.open'"));
        };
        if channel.phase == ChannelPhase::Closing {
            return Ok(());
        }
        let Some(incoming) = &mut channel.incoming else {
            return Err(Fault::new(
                Code::UnexpectedFrame,
                "expected method frame, got non method frame instead",
            ));
        };
        if !matches!(incoming.content, Content::Expected) {
            return Err(Fault::new(
                Code::UnexpectedFrame,
                "expected content body, got non content body frame instead",
            )
            .at(PUBLISH));
        }
        if class != 60 {
            return Err(Fault::new(
                Code::UnexpectedFrame,
                format!("expected content header for class 60, got one for class {class} instead"),
            )
            .at(PUBLISH));
        }
        if size > most {
            channel.incoming = None;
            return Err(Fault::new(
                Code::PreconditionFailed,
                format!("message size {size} is larger than configured max size {most}"),
            )
            .at(PUBLISH));
        }
        properties::look(encoded).map_err(|_| {
            Fault::new(Code::SyntaxError, "cannot decode the content's properties").at(PUBLISH)
        })?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        // Memory for what is announced is taken only as it arrives, beyond a first portion.
        const PORTION: usize = 128 * 1024;
        let mut bytes = Vec::with_capacity(encoded.len() + size.min(PORTION));
        bytes.extend_from_slice(encoded);
        incoming.content = Content::Arriving { bytes, border: encoded.len(), size };
        if size == 0 { self.arrived(place, now) } else { Ok(()) }
    }

    fn body(&mut self, place: Place, payload: &Bytes, now: Now) -> Result<(), Fault> {
        // One message of the largest size and its like may arrive side by side on a connection's channels.
        let most = usize::try_from(self.config.limits.message_size).unwrap_or(usize::MAX).saturating_mul(2);
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        let Some(channel) = connection.channels.get_mut(&place.channel) else {
            return Err(Fault::new(Code::ChannelError, "expected 'channel.open'"));
        };
        if channel.phase == ChannelPhase::Closing {
            return Ok(());
        }
        match channel.incoming.as_mut().map(|incoming| &mut incoming.content) {
            None => {
                Err(Fault::new(Code::UnexpectedFrame, "expected method frame, got non method frame instead"))
            }
            Some(Content::Expected) => Err(Fault::new(
                Code::UnexpectedFrame,
                "expected content header, got non content header frame instead",
            )
            .at(PUBLISH)),
            Some(Content::Arriving { bytes, border, size }) => {
                let arrived = bytes.len() - *border + payload.len();
                if arrived > *size {
                    return Err(Fault::new(
                        Code::FrameError,
                        format!("content of {arrived} bytes where {size} were announced"),
                    )
                    .at(PUBLISH));
                }
                bytes.extend_from_slice(payload);
                if arrived == *size {
                    connection.assembling = connection.assembling.saturating_sub(arrived - payload.len());
                    return self.arrived(place, now);
                }
                connection.assembling += payload.len();
                if connection.assembling > most {
                    return Err(Fault::new(
                        Code::ResourceError,
                        format!("more than {most} bytes of unfinished messages on one connection"),
                    )
                    .at(PUBLISH));
                }
                Ok(())
            }
        }
    }
}

/// After our `connection.close` only the client's answer counts, or its own close.
fn after_close(connection: &mut Connection, frame: &Frame) {
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

pub(crate) fn connection_close(fault: &Fault) -> AMQPClass {
    AMQPClass::Connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: fault.code.number(),
        reply_text: fault.text.as_str().into(),
        class_id: fault.method.0,
        method_id: fault.method.1,
    }))
}

fn close_ok() -> AMQPClass {
    AMQPClass::Connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))
}

fn channel_close(fault: &Fault) -> AMQPClass {
    AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close {
        reply_code: fault.code.number(),
        reply_text: fault.text.as_str().into(),
        class_id: fault.method.0,
        method_id: fault.method.1,
    }))
}

pub(super) fn channel_close_ok() -> AMQPClass {
    AMQPClass::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}
