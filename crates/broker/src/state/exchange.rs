//! The methods of class exchange, and the bindings of queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, exchange};
use amq_protocol::types::FieldTable;

use super::State;
use super::ids::{ChannelRef, QueueId};
use super::routing::{Binding, Exchange, ExchangeProperties, ExchangeType};
use crate::error::{AmqpError, ReplyCode};
use crate::message::Message;
use crate::wire::properties;

/// Exchanges of every virtual host of RabbitMQ.
const PREDECLARED: [(&str, ExchangeType); 6] = [
    ("amq.direct", ExchangeType::Direct),
    ("amq.fanout", ExchangeType::Fanout),
    ("amq.topic", ExchangeType::Topic),
    ("amq.headers", ExchangeType::Headers),
    ("amq.match", ExchangeType::Headers),
    (TRACE, ExchangeType::Topic),
];
/// RabbitMQ publishes to it by itself.
const TRACE: &str = "amq.rabbitmq.trace";

/// Exchanges of one virtual host by name. The default exchange is not in it: every queue is bound to it by its name.
pub(crate) type Exchanges = BTreeMap<Arc<str>, Exchange>;

/// Returns the exchanges of a new virtual host.
pub(super) fn predeclared() -> Exchanges {
    let exchanges = PREDECLARED.into_iter().map(|(name, kind)| {
        let declared =
            ExchangeProperties { kind, durable: true, auto_delete: false, internal: name == TRACE };
        (Arc::from(name), Exchange::new(declared))
    });
    exchanges.collect()
}

pub(crate) fn missing(name: &str, vhost: &str) -> AmqpError {
    AmqpError::new(ReplyCode::NotFound, format!("no exchange '{name}' in vhost '{vhost}'"))
}

/// Fails for the default exchange, whose bindings cannot change.
fn not_default(name: &str) -> Result<(), AmqpError> {
    if name.is_empty() {
        return Err(AmqpError::new(
            ReplyCode::AccessRefused,
            "operation not permitted on the default exchange",
        ));
    }
    Ok(())
}

impl State {
    pub(super) fn method_of_exchange(
        &mut self,
        channel_ref: ChannelRef,
        method: exchange::AMQPMethod,
    ) -> Result<(), AmqpError> {
        use exchange::AMQPMethod;
        let vhost = self.vhost_of(channel_ref);
        let (nowait, answer) = match method {
            AMQPMethod::Declare(declare) => {
                self.declare_exchange(&vhost, &declare)?;
                (declare.nowait, AMQPMethod::DeclareOk(exchange::DeclareOk {}))
            }
            AMQPMethod::Delete(delete) => {
                self.delete_exchange(&vhost, delete.exchange.as_str(), delete.if_unused)?;
                (delete.nowait, AMQPMethod::DeleteOk(exchange::DeleteOk {}))
            }
            AMQPMethod::Bind(exchange::Bind { source, destination, .. })
            | AMQPMethod::Unbind(exchange::Unbind { source, destination, .. }) => {
                not_default(source.as_str())?;
                not_default(destination.as_str())?;
                return Err(AmqpError::new(ReplyCode::NotImplemented, "bindings between exchanges"));
            }
            AMQPMethod::DeclareOk(_)
            | AMQPMethod::DeleteOk(_)
            | AMQPMethod::BindOk(_)
            | AMQPMethod::UnbindOk(_) => return Ok(()),
        };
        if !nowait {
            self.reply(channel_ref, AMQPClass::Exchange(answer));
        }
        Ok(())
    }

    /// Declares an exchange, or finds it.
    ///
    /// # Errors
    /// 403 for a reserved name, 404 for a missing one if the declaration is passive, 406 for other properties.
    pub(crate) fn declare_exchange(
        &mut self,
        vhost: &str,
        declare: &exchange::Declare,
    ) -> Result<(), AmqpError> {
        let name = declare.exchange.as_str();
        not_default(name)?;
        let most = self.config.limits.exchanges;
        let exchanges = self.exchanges.get_mut(vhost).ok_or_else(|| missing(name, vhost))?;
        if declare.passive {
            return exchanges.get(name).map(|_| ()).ok_or_else(|| missing(name, vhost));
        }
        let kind = ExchangeType::parse(declare.kind.as_str()).ok_or_else(|| {
            AmqpError::new(
                ReplyCode::CommandInvalid,
                format!("unknown exchange type '{}'", declare.kind.as_str()),
            )
        })?;
        if declare.arguments.inner().contains_key("alternate-exchange") {
            return Err(AmqpError::new(ReplyCode::NotImplemented, "exchange argument alternate-exchange"));
        }
        let declared = ExchangeProperties {
            kind,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
        };
        if let Some(current) = exchanges.get(name) {
            return match current.declared.difference(&declared) {
                None => Ok(()),
                Some((what, received, current)) => Err(AmqpError::new(
                    ReplyCode::PreconditionFailed,
                    format!(
                        "inequivalent arg '{what}' for exchange '{name}' in vhost '{vhost}': received '{received}' \
                         but current is '{current}'"
                    ),
                )),
            };
        }
        if name.starts_with("amq.") {
            return Err(AmqpError::new(
                ReplyCode::AccessRefused,
                format!("exchange name '{name}' contains reserved prefix 'amq.*'"),
            ));
        }
        if exchanges.len() >= most {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!(
                    "cannot declare exchange '{name}': exchange limit in vhost '{vhost}' ({most}) is reached"
                ),
            ));
        }
        exchanges.insert(name.into(), Exchange::new(declared));
        Ok(())
    }

    /// Deletes an exchange; deleting an unknown one succeeds.
    ///
    /// # Errors
    /// 403 for a predeclared exchange, 406 if it is in use and the condition excludes that.
    pub(crate) fn delete_exchange(
        &mut self,
        vhost: &str,
        name: &str,
        if_unused: bool,
    ) -> Result<(), AmqpError> {
        not_default(name)?;
        if PREDECLARED.iter().any(|(known, _)| *known == name) {
            return Err(AmqpError::new(
                ReplyCode::AccessRefused,
                format!("deletion of system exchange '{name}' in vhost '{vhost}' not allowed"),
            ));
        }
        let Some(exchanges) = self.exchanges.get_mut(vhost) else { return Ok(()) };
        if if_unused && exchanges.get(name).is_some_and(|exchange| !exchange.bindings.is_empty()) {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!("exchange '{name}' in vhost '{vhost}' in use"),
            ));
        }
        // Deleting an unknown exchange succeeds.
        exchanges.remove(name);
        Ok(())
    }

    /// Binds a queue to an exchange; a second equal binding changes nothing.
    ///
    /// # Errors
    /// 403 for the default exchange, 404 if the exchange does not exist, 406 over the limit.
    pub(crate) fn bind(&mut self, vhost: &str, name: &str, binding: Binding) -> Result<(), AmqpError> {
        not_default(name)?;
        let most = self.config.limits.bindings;
        let exchange = self.exchanges.get_mut(vhost).and_then(|exchanges| exchanges.get_mut(name));
        let bindings = &mut exchange.ok_or_else(|| missing(name, vhost))?.bindings;
        if bindings.contains(&binding) {
            return Ok(());
        }
        if bindings.len() >= most {
            return Err(AmqpError::new(
                ReplyCode::PreconditionFailed,
                format!(
                    "cannot bind to exchange '{name}': binding limit in vhost '{vhost}' ({most}) is reached"
                ),
            ));
        }
        bindings.push(binding);
        Ok(())
    }

    /// Removes a binding; removing an unknown one succeeds. An auto-delete exchange is deleted with its last binding.
    ///
    /// # Errors
    /// 403 for the default exchange.
    pub(crate) fn unbind(&mut self, vhost: &str, name: &str, binding: &Binding) -> Result<(), AmqpError> {
        not_default(name)?;
        self.remove_bindings(vhost, |exchange, found| exchange == name && found == binding);
        Ok(())
    }

    /// Removes the bindings of a queue that is deleted.
    pub(super) fn unbind_all(&mut self, vhost: &str, queue: QueueId) {
        self.remove_bindings(vhost, |_, binding| binding.queue == queue);
    }

    fn remove_bindings(&mut self, vhost: &str, leaves: impl Fn(&str, &Binding) -> bool) {
        let Some(exchanges) = self.exchanges.get_mut(vhost) else { return };
        exchanges.retain(|name, exchange| {
            let before = exchange.bindings.len();
            exchange.bindings.retain(|binding| !leaves(name, binding));
            let lost_last = exchange.bindings.is_empty() && before > 0;
            !(exchange.declared.auto_delete && lost_last)
        });
    }

    /// Checks that a client may publish to an exchange.
    ///
    /// # Errors
    /// 404 if it does not exist, 403 if it is internal.
    pub(super) fn check_publishable(&self, vhost: &str, name: &str) -> Result<(), AmqpError> {
        if name.is_empty() {
            return Ok(());
        }
        let exchange = self.exchanges.get(vhost).and_then(|exchanges| exchanges.get(name));
        if exchange.ok_or_else(|| missing(name, vhost))?.declared.internal {
            return Err(AmqpError::new(
                ReplyCode::AccessRefused,
                format!("cannot publish to internal exchange '{name}' in vhost '{vhost}'"),
            ));
        }
        Ok(())
    }

    /// Returns the queues to which an exchange routes a message, each once.
    pub(super) fn targets(&self, vhost: &str, name: &str, key: &str, message: &Message) -> Vec<QueueId> {
        if name.is_empty() {
            return self.find(vhost, key).into_iter().collect();
        }
        let Some(exchange) = self.exchanges.get(vhost).and_then(|exchanges| exchanges.get(name)) else {
            return Vec::new();
        };
        if exchange.declared.kind != ExchangeType::Headers {
            return exchange.route(key, None);
        }
        let properties = properties::decode(message.properties());
        let headers: Option<&FieldTable> = properties.headers().as_ref();
        exchange.route(key, headers)
    }

    /// Returns the virtual host of a connection.
    pub(super) fn vhost_of(&self, channel_ref: ChannelRef) -> Arc<str> {
        self.connections.get(&channel_ref.connection).map_or_else(|| "".into(), |it| it.client.vhost.clone())
    }
}
