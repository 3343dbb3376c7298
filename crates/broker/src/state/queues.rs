//! Queues: declare, bind, purge, delete.

use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, basic, queue};

use super::arguments::Arguments;
use super::exchange::refuse_binding;
use super::ids::{ConsumerId, Place, QueueId};
use super::policy::Rules;
use super::queue::{Declared, Queue};
use super::{Now, State};
use crate::fault::{Code, Fault};

impl State {
    pub(super) fn method_of_queue(
        &mut self,
        place: Place,
        method: queue::AMQPMethod,
        now: Now,
    ) -> Result<(), Fault> {
        use queue::AMQPMethod;
        match method {
            AMQPMethod::Declare(declare) => self.declare(place, declare),
            AMQPMethod::Purge(purge) => {
                let id = self.queue_for(place, purge.queue.as_str())?;
                let count = self.queues.get_mut(&id).map_or(0, Queue::purge);
                self.check_alarm();
                if !purge.nowait {
                    let answer = AMQPMethod::PurgeOk(queue::PurgeOk { message_count: clamp(count) });
                    self.reply(place, AMQPClass::Queue(answer));
                }
                Ok(())
            }
            AMQPMethod::Delete(delete) => self.delete(place, &delete, now),
            AMQPMethod::Bind(bind) => {
                self.queue_for(place, bind.queue.as_str())?;
                Err(refuse_binding(bind.exchange.as_str(), &self.vhost_of(place)))
            }
            AMQPMethod::Unbind(unbind) => {
                let exchange = unbind.exchange.as_str();
                if exchange.is_empty() {
                    return Err(refuse_binding(exchange, &self.vhost_of(place)));
                }
                // No binding exists, and removing what does not exist succeeds.
                self.reply(place, AMQPClass::Queue(AMQPMethod::UnbindOk(queue::UnbindOk {})));
                Ok(())
            }
            AMQPMethod::DeclareOk(_)
            | AMQPMethod::BindOk(_)
            | AMQPMethod::PurgeOk(_)
            | AMQPMethod::DeleteOk(_)
            | AMQPMethod::UnbindOk(_) => Ok(()),
        }
    }

    fn declare(&mut self, place: Place, declare: queue::Declare) -> Result<(), Fault> {
        let vhost = self.vhost_of(place);
        let nowait = declare.nowait;
        let id = if declare.passive {
            self.queue_for(place, declare.queue.as_str())?
        } else {
            self.declare_active(place, &vhost, declare)?
        };
        let Some(queue) = self.queues.get(&id) else { return Ok(()) };
        let name = queue.name.clone();
        let answer = queue::DeclareOk {
            queue: name.as_ref().into(),
            message_count: clamp(queue.ready()),
            consumer_count: clamp(queue.consumers.len()),
        };
        if let Some(channel) = self.channel(place) {
            channel.last_queue = Some(name.to_string());
        }
        if !nowait {
            self.reply(place, AMQPClass::Queue(queue::AMQPMethod::DeclareOk(answer)));
        }
        Ok(())
    }

    fn declare_active(
        &mut self,
        place: Place,
        vhost: &Arc<str>,
        declare: queue::Declare,
    ) -> Result<QueueId, Fault> {
        let queue::Declare { queue: name, durable, exclusive, auto_delete, arguments, .. } = declare;
        let name = if name.as_str().is_empty() {
            // Numbers are never given twice, and only the broker makes names with this prefix.
            format!("amq.gen-{:016x}", self.next_id())
        } else {
            String::from(name)
        };
        let arguments = Arguments::read(arguments, durable, &name, vhost)?;
        let declared = Declared { durable, exclusive, auto_delete, arguments };
        if let Some(id) = self.find(vhost, &name) {
            if let Some(queue) = self.queues.get(&id) {
                check_lock(queue, place, Some(exclusive))?;
                check_equivalence(queue, &declared)?;
            }
            return Ok(id);
        }
        if name.starts_with("amq.") && !name.starts_with("amq.gen-") {
            return Err(Fault::new(
                Code::AccessRefused,
                format!("queue name '{name}' contains reserved prefix 'amq.*'"),
            ));
        }
        let most = self.config.limits.queues;
        if self.names(vhost).is_some_and(|names| names.len() >= most) {
            return Err(Fault::new(
                Code::PreconditionFailed,
                format!("cannot declare queue '{name}': queue limit in vhost '{vhost}' ({most}) is reached"),
            ));
        }
        let id = QueueId(self.next_id());
        let name: Arc<str> = name.into();
        let mut queue = Queue::new(id, name.clone(), vhost.clone(), declared);
        queue.owner = exclusive.then_some(place.connection);
        queue.rules = self.rules(&queue);
        if let Some(names) = self.names(vhost) {
            names.insert(name, id);
        }
        self.queues.insert(id, queue);
        Ok(id)
    }

    fn delete(&mut self, place: Place, delete: &queue::Delete, now: Now) -> Result<(), Fault> {
        let vhost = self.vhost_of(place);
        let name = self.name_for(place, delete.queue.as_str())?;
        let mut count = 0;
        // Deleting what does not exist succeeds.
        if let Some(id) = self.find(&vhost, &name)
            && let Some(queue) = self.queues.get(&id)
        {
            check_lock(queue, place, None)?;
            if delete.if_unused && !queue.consumers.is_empty() {
                return Err(Fault::new(
                    Code::PreconditionFailed,
                    format!("queue '{name}' in vhost '{vhost}' in use"),
                ));
            }
            if delete.if_empty && queue.ready() > 0 {
                return Err(Fault::new(
                    Code::PreconditionFailed,
                    format!("queue '{name}' in vhost '{vhost}' not empty"),
                ));
            }
            count = queue.ready();
            self.delete_queue(id);
            self.bury(now);
        }
        if !delete.nowait {
            let answer = queue::DeleteOk { message_count: clamp(count) };
            self.reply(place, AMQPClass::Queue(queue::AMQPMethod::DeleteOk(answer)));
        }
        Ok(())
    }

    /// Removes a queue with its messages and tells its consumers.
    pub(crate) fn delete_queue(&mut self, id: QueueId) {
        let Some(queue) = self.queues.remove(&id) else { return };
        if let Some(names) = self.names(&queue.vhost) {
            names.remove(&queue.name);
        }
        for consumer in queue.consumers.values() {
            let Some(connection) = self.connections.get_mut(&consumer.place.connection) else { continue };
            let wants = connection.client.capabilities.consumer_cancel_notify;
            if let Some(channel) = connection.channels.get_mut(&consumer.place.channel) {
                channel.consumers.remove(&consumer.tag);
            }
            if wants {
                let cancel = basic::Cancel { consumer_tag: consumer.tag.as_ref().into(), nowait: true };
                connection.send(consumer.place.channel, AMQPClass::Basic(basic::AMQPMethod::Cancel(cancel)));
            }
        }
        drop(queue);
        self.check_alarm();
    }

    /// Takes a consumer from its queue; an auto-delete queue goes with its last.
    pub(super) fn remove_consumer(&mut self, id: QueueId, consumer: ConsumerId, now: Now) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.remove_consumer(consumer);
        if queue.declared.auto_delete && queue.had_consumer && queue.consumers.is_empty() {
            self.delete_queue(id);
        } else {
            self.dispatch(id, now);
        }
    }

    /// The queue that a method names, or the one last declared on the channel for an empty name.
    ///
    /// # Errors
    /// 404 when there is none, 405 when it belongs to another connection.
    pub(super) fn queue_for(&mut self, place: Place, name: &str) -> Result<QueueId, Fault> {
        let vhost = self.vhost_of(place);
        let name = self.name_for(place, name)?;
        let missing = || Fault::new(Code::NotFound, format!("no queue '{name}' in vhost '{vhost}'"));
        let id = self.find(&vhost, &name).ok_or_else(missing)?;
        check_lock(self.queues.get(&id).ok_or_else(missing)?, place, None)?;
        Ok(id)
    }

    fn name_for(&mut self, place: Place, name: &str) -> Result<String, Fault> {
        if !name.is_empty() {
            return Ok(name.to_owned());
        }
        self.channel(place)
            .and_then(|channel| channel.last_queue.clone())
            .ok_or_else(|| Fault::new(Code::NotFound, "no previously declared queue"))
    }

    /// What holds for a queue under today's policies.
    pub(super) fn rules(&self, queue: &Queue) -> Rules {
        let arguments = &queue.declared.arguments;
        Rules::of(arguments, &queue.name, &self.policies, self.config.delivery_limit)
    }

    /// Applies changed policies to all queues.
    pub(crate) fn apply_policies(&mut self, now: Now) {
        let ids: Vec<QueueId> = self.queues.keys().copied().collect();
        for id in ids {
            let Some(queue) = self.queues.get(&id) else { continue };
            let rules = self.rules(queue);
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.rules = rules;
            }
            self.displace(id);
        }
        self.bury(now);
    }
}

fn check_lock(queue: &Queue, place: Place, exclusive: Option<bool>) -> Result<(), Fault> {
    let foreign = queue.owner.is_some_and(|owner| owner != place.connection);
    let differs = exclusive.is_some_and(|exclusive| exclusive && !queue.declared.exclusive);
    if !foreign && !differs {
        return Ok(());
    }
    Err(Fault::new(
        Code::ResourceLocked,
        format!(
            "cannot obtain exclusive access to locked queue '{}' in vhost '{}'. It could be originally declared on \
             another connection or the exclusive property value does not match that of the original declaration.",
            queue.name, queue.vhost
        ),
    ))
}

fn check_equivalence(queue: &Queue, received: &Declared) -> Result<(), Fault> {
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
    let Some((what, words)) = difference else { return Ok(()) };
    Err(Fault::new(
        Code::PreconditionFailed,
        format!("inequivalent arg '{what}' for queue '{}' in vhost '{}': {words}", queue.name, queue.vhost),
    ))
}

fn received_current(received: bool, current: bool) -> String {
    format!("received '{received}' but current is '{current}'")
}

/// Counts on the wire have 32 bits.
pub(super) fn clamp(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
