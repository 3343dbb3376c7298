//! Channels: open, close, flow, publisher confirms.

use amq_protocol::protocol::{AMQPClass, channel, confirm};

use super::connection::{Channel, Confirms, Content};
use super::frames::channel_close_ok;
use super::ids::Place;
use super::{Now, State};
use crate::fault::{Code, Fault};

impl State {
    pub(super) fn open_channel(&mut self, place: Place) -> Result<(), Fault> {
        let Some(connection) = self.connections.get_mut(&place.connection) else { return Ok(()) };
        let most = connection.client.channel_max;
        let open = connection.channels.len();
        let refused = if open >= usize::from(most) {
            format!("number of channels opened ({open}) has reached the negotiated channel_max ({most})")
        } else if place.channel > most {
            format!("channel {} is beyond the negotiated channel_max ({most})", place.channel)
        } else {
            String::new()
        };
        if !refused.is_empty() {
            return Err(Fault::new(Code::NotAllowed, refused).at((20, 10)));
        }
        connection.channels.insert(place.channel, Channel::new());
        connection.send(place.channel, AMQPClass::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})));
        Ok(())
    }

    pub(super) fn method_of_channel(
        &mut self,
        place: Place,
        method: &channel::AMQPMethod,
        now: Now,
    ) -> Result<(), Fault> {
        use channel::AMQPMethod;
        match method {
            AMQPMethod::Open(_) => Err(Fault::new(Code::ChannelError, "second 'channel.open' seen")),
            AMQPMethod::Close(_) => {
                self.drop_consumers(place, now);
                self.end_channel(place, now);
                if let Some(connection) = self.connections.get_mut(&place.connection) {
                    connection.send(place.channel, channel_close_ok());
                    connection.channels.remove(&place.channel);
                }
                Ok(())
            }
            AMQPMethod::Flow(channel::Flow { active: true }) => {
                self.reply(place, AMQPClass::Channel(AMQPMethod::FlowOk(channel::FlowOk { active: true })));
                Ok(())
            }
            AMQPMethod::Flow(_) => Err(Fault::new(Code::NotImplemented, "active=false")),
            // Answers to what this broker never asks.
            AMQPMethod::FlowOk(_) | AMQPMethod::CloseOk(_) | AMQPMethod::OpenOk(_) => Ok(()),
        }
    }

    pub(super) fn method_of_confirm(
        &mut self,
        place: Place,
        method: &confirm::AMQPMethod,
    ) -> Result<(), Fault> {
        let confirm::AMQPMethod::Select(select) = method else { return Ok(()) };
        if let Some(channel) = self.channel(place) {
            channel.confirms.get_or_insert_with(Confirms::default);
        }
        if !select.nowait {
            self.reply(place, AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {})));
        }
        Ok(())
    }

    pub(super) fn channel(&mut self, place: Place) -> Option<&mut Channel> {
        self.connections.get_mut(&place.connection)?.channels.get_mut(&place.channel)
    }

    pub(super) fn reply(&mut self, place: Place, method: AMQPClass) {
        if let Some(connection) = self.connections.get_mut(&place.connection) {
            connection.send(place.channel, method);
        }
    }

    /// Takes a channel's consumers from their queues.
    pub(super) fn drop_consumers(&mut self, place: Place, now: Now) {
        let Some(channel) = self.channel(place) else { return };
        for (_, (queue, consumer)) in std::mem::take(&mut channel.consumers) {
            self.remove_consumer(queue, consumer, now);
        }
    }

    /// Gives back what a channel had not acknowledged and forgets what it was being sent.
    pub(super) fn end_channel(&mut self, place: Place, now: Now) {
        let Some(connection) = self.connections.get_mut(&place.connection) else { return };
        let Some(channel) = connection.channels.get_mut(&place.channel) else { return };
        if let Some(Content::Arriving { bytes, border, .. }) = channel.incoming.take().map(|it| it.content) {
            connection.assembling = connection.assembling.saturating_sub(bytes.len() - border);
        }
        let unacked = channel.unacked.take_all();
        self.give_back(unacked, now);
    }
}
