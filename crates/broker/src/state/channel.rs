//! Channels: open, close, flow, publisher confirms.

use amq_protocol::protocol::{AMQPClass, channel, confirm};

use super::connection::{Channel, Confirms, IncomingContent};
use super::frames::channel_close_ok;
use super::ids::ChannelRef;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};

impl State {
    pub(super) fn open_channel(&mut self, channel_ref: ChannelRef) -> Result<(), AmqpError> {
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return Ok(()) };
        let most = connection.client.channel_max;
        let open = connection.channels.len();
        let refused = if open >= usize::from(most) {
            format!("number of channels opened ({open}) has reached the negotiated channel_max ({most})")
        } else if channel_ref.channel > most {
            format!("channel {} is beyond the negotiated channel_max ({most})", channel_ref.channel)
        } else {
            String::new()
        };
        if !refused.is_empty() {
            return Err(AmqpError::new(ReplyCode::NotAllowed, refused).at((20, 10)));
        }
        connection.channels.insert(channel_ref.channel, Channel::new());
        connection
            .send(channel_ref.channel, AMQPClass::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})));
        Ok(())
    }

    pub(super) fn method_of_channel(
        &mut self,
        channel_ref: ChannelRef,
        method: &channel::AMQPMethod,
        now: Now,
    ) -> Result<(), AmqpError> {
        use channel::AMQPMethod;
        match method {
            AMQPMethod::Open(_) => Err(AmqpError::new(ReplyCode::ChannelError, "second 'channel.open' seen")),
            AMQPMethod::Close(_) => {
                self.drop_consumers(channel_ref, now);
                self.end_channel(channel_ref, now);
                if let Some(connection) = self.connections.get_mut(&channel_ref.connection) {
                    connection.send(channel_ref.channel, channel_close_ok());
                    connection.channels.remove(&channel_ref.channel);
                }
                Ok(())
            }
            AMQPMethod::Flow(channel::Flow { active: true }) => {
                self.reply(
                    channel_ref,
                    AMQPClass::Channel(AMQPMethod::FlowOk(channel::FlowOk { active: true })),
                );
                Ok(())
            }
            AMQPMethod::Flow(_) => Err(AmqpError::new(ReplyCode::NotImplemented, "active=false")),
            // Answers to methods that this broker does not send.
            AMQPMethod::FlowOk(_) | AMQPMethod::CloseOk(_) | AMQPMethod::OpenOk(_) => Ok(()),
        }
    }

    pub(super) fn method_of_confirm(
        &mut self,
        channel_ref: ChannelRef,
        method: &confirm::AMQPMethod,
    ) -> Result<(), AmqpError> {
        let confirm::AMQPMethod::Select(select) = method else { return Ok(()) };
        if let Some(channel) = self.channel(channel_ref) {
            channel.confirms.get_or_insert_with(Confirms::default);
        }
        if !select.nowait {
            self.reply(channel_ref, AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {})));
        }
        Ok(())
    }

    pub(super) fn channel(&mut self, channel_ref: ChannelRef) -> Option<&mut Channel> {
        self.connections.get_mut(&channel_ref.connection)?.channels.get_mut(&channel_ref.channel)
    }

    pub(super) fn reply(&mut self, channel_ref: ChannelRef, method: AMQPClass) {
        if let Some(connection) = self.connections.get_mut(&channel_ref.connection) {
            connection.send(channel_ref.channel, method);
        }
    }

    /// Removes a channel's consumers from their queues.
    pub(super) fn drop_consumers(&mut self, channel_ref: ChannelRef, now: Now) {
        let Some(channel) = self.channel(channel_ref) else { return };
        for (_, (queue, consumer)) in std::mem::take(&mut channel.consumers) {
            self.remove_consumer(queue, consumer, now);
        }
    }

    /// Requeues a channel's unacknowledged messages and discards an incomplete publish.
    pub(super) fn end_channel(&mut self, channel_ref: ChannelRef, now: Now) {
        let Some(connection) = self.connections.get_mut(&channel_ref.connection) else { return };
        let Some(channel) = connection.channels.get_mut(&channel_ref.channel) else { return };
        if let Some(IncomingContent::Arriving { bytes, properties_len, .. }) =
            channel.incoming.take().map(|it| it.content)
        {
            connection.incomplete_bytes =
                connection.incomplete_bytes.saturating_sub(bytes.len() - properties_len);
        }
        let unacked = channel.unacked.take_all();
        self.requeue(unacked, now);
    }
}
