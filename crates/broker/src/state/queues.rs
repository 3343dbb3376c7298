//! The methods of class queue: declare, bind, purge, delete.

use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, basic, queue};
use amq_protocol::types::FieldTable;

use super::arguments::Arguments;
use super::ids::{ChannelRef, ConnectionId, ConsumerId, QueueId};
use super::queue::{DeclaredProperties, Queue};
use super::routing::Binding;
use super::settings::QueueSettings;
use super::{Now, State};
use crate::error::{AmqpError, ReplyCode};

/// Begin of the names of RabbitMQ's direct reply-to.
pub(super) const REPLY_TO: &str = "amq.rabbitmq.reply-to";

impl State {
    pub(super) fn method_of_queue(
        &mut self,
        channel_ref: ChannelRef,
        method: queue::AMQPMethod,
        now: Now,
    ) -> Result<(), AmqpError> {
        use queue::AMQPMethod;
        match method {
            AMQPMethod::Declare(declare) => self.declare(channel_ref, declare, now),
            AMQPMethod::Purge(purge) => {
                let id = self.queue_for(channel_ref, purge.queue.as_str())?;
                let count = self.queues.get_mut(&id).map_or(0, Queue::purge);
                self.check_alarm();
                if !purge.nowait {
                    let answer = AMQPMethod::PurgeOk(queue::PurgeOk { message_count: clamp(count) });
                    self.reply(channel_ref, AMQPClass::Queue(answer));
                }
                Ok(())
            }
            AMQPMethod::Delete(delete) => self.delete(channel_ref, &delete, now),
            AMQPMethod::Bind(queue::Bind { queue, exchange, routing_key, arguments, nowait }) => {
                let (queue, exchange) = (queue.as_str(), exchange.as_str());
                let binding = self.binding(channel_ref, queue, routing_key.as_str(), arguments)?;
                self.bind(&self.vhost_of(channel_ref), exchange, binding)?;
                if !nowait {
                    self.reply(channel_ref, AMQPClass::Queue(AMQPMethod::BindOk(queue::BindOk {})));
                }
                Ok(())
            }
            AMQPMethod::Unbind(queue::Unbind { queue, exchange, routing_key, arguments }) => {
                let (queue, exchange) = (queue.as_str(), exchange.as_str());
                let binding = self.binding(channel_ref, queue, routing_key.as_str(), arguments)?;
                self.unbind(&self.vhost_of(channel_ref), exchange, &binding)?;
                self.reply(channel_ref, AMQPClass::Queue(AMQPMethod::UnbindOk(queue::UnbindOk {})));
                Ok(())
            }
            AMQPMethod::DeclareOk(_)
            | AMQPMethod::BindOk(_)
            | AMQPMethod::PurgeOk(_)
            | AMQPMethod::DeleteOk(_)
            | AMQPMethod::UnbindOk(_) => Ok(()),
        }
    }

    /// The binding of a method. Without a queue and a routing key, the key is the name of the last declared queue.
    fn binding(
        &mut self,
        channel_ref: ChannelRef,
        queue: &str,
        key: &str,
        arguments: FieldTable,
    ) -> Result<Binding, AmqpError> {
        let id = self.queue_for(channel_ref, queue)?;
        let key = match self.queues.get(&id) {
            Some(found) if queue.is_empty() && key.is_empty() => (*found.name).into(),
            _ => key.into(),
        };
        Ok(Binding { queue: id, key, arguments })
    }

    fn declare(
        &mut self,
        channel_ref: ChannelRef,
        declare: queue::Declare,
        now: Now,
    ) -> Result<(), AmqpError> {
        let vhost = self.vhost_of(channel_ref);
        let nowait = declare.nowait;
        let id = if declare.passive {
            self.queue_for(channel_ref, declare.queue.as_str())?
        } else {
            self.declare_active(channel_ref.connection, &vhost, declare)?
        };
        self.touch(id, now);
        let Some(queue) = self.queues.get(&id) else { return Ok(()) };
        let name = queue.name.clone();
        let answer = queue::DeclareOk {
            queue: name.as_ref().into(),
            message_count: clamp(queue.ready()),
            consumer_count: clamp(queue.consumers.len()),
        };
        if let Some(channel) = self.channel(channel_ref) {
            channel.last_queue = Some(name.to_string());
        }
        if !nowait {
            self.reply(channel_ref, AMQPClass::Queue(queue::AMQPMethod::DeclareOk(answer)));
        }
        Ok(())
    }

    /// Declares a queue of a connection, or finds it.
    ///
    /// # Errors
    /// 403 for a reserved name, 405 if another connection owns it, 406 for other properties and invalid arguments.
    pub(crate) fn declare_active(
        &mut self,
        connection: ConnectionId,
        vhost: &Arc<str>,
        declare: queue::Declare,
    ) -> Result<QueueId, AmqpError> {
        let queue::Declare { queue: name, durable, exclusive, auto_delete, arguments, .. } = declare;
        let name = if name.as_str().is_empty() {
            // Ids are unique, and clients cannot declare names with this prefix.
            format!("amq.gen-{:016x}", self.next_id())
        } else {
            String::from(name)
        };
        let arguments = Arguments::read(arguments, durable, &name, vhost)?;
        let declared = DeclaredProperties { durable, exclusive, auto_delete, arguments };
        if let Some(id) = self.find(vhost, &name) {
            if let Some(queue) = self.queues.get(&id) {
                check_lock(queue, connection, Some(exclusive))?;
                check_equivalence(queue, &declared)?;
            }
            return Ok(id);
        }
        if name.starts_with("amq.") && !name.starts_with("amq.gen-") {
            return Err(AmqpError::new(
                ReplyCode::AccessRefused,
                format!("queue name '{name}' contains reserved prefix 'amq.*'"),
            ));
        }
        let most = self.config.limits.queues;
        if self.queue_names(vhost).is_some_and(|names| names.len() >= most) {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("cannot declare queue '{name}': queue limit in vhost '{vhost}' ({most}) is reached"),
            ));
        }
        let id = QueueId(self.next_id());
        let name: Arc<str> = name.into();
        let mut queue = Queue::new(id, name.clone(), vhost.clone(), declared);
        queue.owner = exclusive.then_some(connection);
        queue.settings = self.settings(&queue);
        if let Some(names) = self.queue_names(vhost) {
            names.insert(name, id);
        }
        self.queues.insert(id, queue);
        Ok(id)
    }

    fn delete(&mut self, channel_ref: ChannelRef, delete: &queue::Delete, now: Now) -> Result<(), AmqpError> {
        let vhost = self.vhost_of(channel_ref);
        let name = self.name_for(channel_ref, delete.queue.as_str())?;
        let mut count = 0;
        // Deleting an unknown queue succeeds.
        if let Some(id) = self.find(&vhost, &name)
            && let Some(queue) = self.queues.get(&id)
        {
            check_lock(queue, channel_ref.connection, None)?;
            count = self.delete_if(id, delete.if_unused, delete.if_empty)?;
            self.flush_dead_letters(now);
        }
        if !delete.nowait {
            let answer = queue::DeleteOk { message_count: clamp(count) };
            self.reply(channel_ref, AMQPClass::Queue(queue::AMQPMethod::DeleteOk(answer)));
        }
        Ok(())
    }

    /// Removes a queue if it meets the conditions. Returns the number of its ready messages.
    ///
    /// # Errors
    /// 406 if it has consumers or messages, and the condition excludes them.
    pub(crate) fn delete_if(
        &mut self,
        id: QueueId,
        if_unused: bool,
        if_empty: bool,
    ) -> Result<usize, AmqpError> {
        let Some(queue) = self.queues.get(&id) else { return Ok(0) };
        let refused = |what: &str| {
            AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("queue '{}' in vhost '{}' {what}", queue.name, queue.vhost),
            )
        };
        if if_unused && !queue.consumers.is_empty() {
            return Err(refused("in use"));
        }
        if if_empty && queue.ready() > 0 {
            return Err(refused("not empty"));
        }
        let count = queue.ready();
        self.delete_queue(id);
        Ok(count)
    }

    /// Removes a queue with its messages and sends `basic.cancel` to its consumers.
    pub(crate) fn delete_queue(&mut self, id: QueueId) {
        let Some(queue) = self.queues.remove(&id) else { return };
        if let Some(names) = self.queue_names(&queue.vhost) {
            names.remove(&queue.name);
        }
        for consumer in queue.consumers.values() {
            let Some(connection) = self.connections.get_mut(&consumer.channel_ref.connection) else {
                continue;
            };
            let wants = connection.client.capabilities.consumer_cancel_notify;
            if let Some(channel) = connection.channels.get_mut(&consumer.channel_ref.channel) {
                channel.consumers.remove(&consumer.tag);
            }
            if wants {
                let cancel = basic::Cancel { consumer_tag: consumer.tag.as_ref().into(), nowait: true };
                connection
                    .send(consumer.channel_ref.channel, AMQPClass::Basic(basic::AMQPMethod::Cancel(cancel)));
            }
        }
        self.unbind_all(&queue.vhost, id);
        drop(queue);
        self.check_alarm();
    }

    /// Removes a consumer from its queue. An auto-delete queue is deleted with its last consumer.
    pub(super) fn remove_consumer(&mut self, id: QueueId, consumer: ConsumerId, now: Now) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.remove_consumer(consumer);
        if queue.declared.auto_delete && queue.had_consumer && queue.consumers.is_empty() {
            self.delete_queue(id);
        } else {
            self.touch(id, now);
            self.dispatch(id, now);
        }
    }

    /// Returns the queue of a method; an empty name means the last queue declared on the channel.
    ///
    /// # Errors
    /// 404 if the queue does not exist, 405 if another connection owns it.
    pub(super) fn queue_for(&mut self, channel_ref: ChannelRef, name: &str) -> Result<QueueId, AmqpError> {
        let vhost = self.vhost_of(channel_ref);
        let name = self.name_for(channel_ref, name)?;
        let missing = || AmqpError::new(ReplyCode::NotFound, format!("no queue '{name}' in vhost '{vhost}'"));
        let id = self.find(&vhost, &name).ok_or_else(missing)?;
        check_lock(self.queues.get(&id).ok_or_else(missing)?, channel_ref.connection, None)?;
        Ok(id)
    }

    fn name_for(&mut self, channel_ref: ChannelRef, name: &str) -> Result<String, AmqpError> {
        if name.starts_with(REPLY_TO) {
            return Err(AmqpError::new(ReplyCode::NotImplemented, "direct reply-to"));
        }
        if !name.is_empty() {
            return Ok(name.to_owned());
        }
        self.channel(channel_ref)
            .and_then(|channel| channel.last_queue.clone())
            .ok_or_else(|| AmqpError::new(ReplyCode::NotFound, "no previously declared queue"))
    }

    /// Returns the effective settings of a queue.
    pub(super) fn settings(&self, queue: &Queue) -> QueueSettings {
        let arguments = &queue.declared.arguments;
        QueueSettings::new(arguments, &queue.name, &self.policies, self.config.delivery_limit)
    }

    /// Updates the settings of all queues after a change of policies.
    pub(crate) fn apply_policies(&mut self, now: Now) {
        let ids: Vec<QueueId> = self.queues.keys().copied().collect();
        for id in ids {
            let Some(queue) = self.queues.get(&id) else { continue };
            let settings = self.settings(queue);
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.settings = settings;
            }
            self.touch(id, now);
            self.drop_head(id);
        }
        self.flush_dead_letters(now);
    }
}

/// Checks that a connection may use a queue.
///
/// # Errors
/// 405 if another connection owns it.
pub(crate) fn check_lock(
    queue: &Queue,
    connection: ConnectionId,
    exclusive: Option<bool>,
) -> Result<(), AmqpError> {
    let foreign = queue.owner.is_some_and(|owner| owner != connection);
    let differs = exclusive.is_some_and(|exclusive| exclusive && !queue.declared.exclusive);
    if !foreign && !differs {
        return Ok(());
    }
    Err(AmqpError::new(
        ReplyCode::ResourceLocked,
        format!(
            "cannot obtain exclusive access to locked queue '{}' in vhost '{}'. It could be originally declared on \
             another connection or the exclusive property value does not match that of the original declaration.",
            queue.name, queue.vhost
        ),
    ))
}

fn check_equivalence(queue: &Queue, received: &DeclaredProperties) -> Result<(), AmqpError> {
    let current = &queue.declared;
    let difference = if current.durable != received.durable {
        Some(("durable", received_current(received.durable, current.durable)))
    } else if current.auto_delete != received.auto_delete {
        Some(("auto_delete", received_current(received.auto_delete, current.auto_delete)))
    } else if current.exclusive != received.exclusive {
        Some(("exclusive", received_current(received.exclusive, current.exclusive)))
    } else {
        current.arguments.difference(&received.arguments)
    };
    let Some((what, text)) = difference else { return Ok(()) };
    Err(AmqpError::new(
        ReplyCode::PreconditionFailed,
        format!("inequivalent arg '{what}' for queue '{}' in vhost '{}': {text}", queue.name, queue.vhost),
    ))
}

fn received_current(received: bool, current: bool) -> String {
    format!("received '{received}' but current is '{current}'")
}

/// Converts a count to the 32 bits of the wire format.
pub(super) fn clamp(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
