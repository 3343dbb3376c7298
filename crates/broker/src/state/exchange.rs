//! Exchanges. Only the default exchange exists; it routes a message to the queue named by the routing key.
//!
//! A passive declaration of RabbitMQ's predeclared exchanges succeeds, because clients check for them.

use amq_protocol::protocol::{AMQPClass, exchange};

use super::State;
use super::ids::ChannelRef;
use crate::error::{AmqpError, ReplyCode};

/// Exchanges of every virtual host of RabbitMQ.
const PREDECLARED: [&str; 6] =
    ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"];

pub(super) fn is_predeclared(name: &str) -> bool {
    PREDECLARED.contains(&name)
}

/// Returns the error for a binding: 403 for the default exchange, 540 for a predeclared one, 404 for others.
pub(super) fn binding_error(name: &str, vhost: &str) -> AmqpError {
    if name.is_empty() {
        default_exchange()
    } else if is_predeclared(name) {
        AmqpError::new(ReplyCode::NotImplemented, "bindings: this broker has the default exchange only")
    } else {
        missing(name, vhost)
    }
}

pub(super) fn missing(name: &str, vhost: &str) -> AmqpError {
    AmqpError::new(ReplyCode::NotFound, format!("no exchange '{name}' in vhost '{vhost}'"))
}

fn default_exchange() -> AmqpError {
    AmqpError::new(ReplyCode::AccessRefused, "operation not permitted on the default exchange")
}

impl State {
    pub(super) fn method_of_exchange(
        &mut self,
        channel_ref: ChannelRef,
        method: exchange::AMQPMethod,
    ) -> Result<(), AmqpError> {
        use exchange::AMQPMethod;
        let vhost = self.vhost_of(channel_ref);
        match method {
            AMQPMethod::Declare(declare) => {
                let name = declare.exchange.as_str();
                if name.is_empty() {
                    return Err(default_exchange());
                }
                if declare.passive {
                    if !is_predeclared(name) {
                        return Err(missing(name, &vhost));
                    }
                    if !declare.nowait {
                        let answer = AMQPMethod::DeclareOk(exchange::DeclareOk {});
                        self.reply(channel_ref, AMQPClass::Exchange(answer));
                    }
                    return Ok(());
                }
                if name.starts_with("amq.") && !is_predeclared(name) {
                    return Err(AmqpError::new(
                        ReplyCode::AccessRefused,
                        format!("exchange name '{name}' contains reserved prefix 'amq.*'"),
                    ));
                }
                Err(AmqpError::new(
                    ReplyCode::NotImplemented,
                    "exchanges: this broker has the default exchange only",
                ))
            }
            AMQPMethod::Delete(delete) => {
                let name = delete.exchange.as_str();
                if name.is_empty() {
                    return Err(default_exchange());
                }
                if is_predeclared(name) {
                    return Err(AmqpError::new(
                        ReplyCode::AccessRefused,
                        format!("deletion of system exchange '{name}' in vhost '{vhost}' not allowed"),
                    ));
                }
                // Deleting an unknown exchange succeeds.
                if !delete.nowait {
                    let answer = AMQPMethod::DeleteOk(exchange::DeleteOk {});
                    self.reply(channel_ref, AMQPClass::Exchange(answer));
                }
                Ok(())
            }
            AMQPMethod::Bind(bind) => Err(binding_error(bind.source.as_str(), &vhost)),
            AMQPMethod::Unbind(unbind) => Err(binding_error(unbind.source.as_str(), &vhost)),
            AMQPMethod::DeclareOk(_)
            | AMQPMethod::DeleteOk(_)
            | AMQPMethod::BindOk(_)
            | AMQPMethod::UnbindOk(_) => Ok(()),
        }
    }

    /// Returns the virtual host of a connection.
    pub(super) fn vhost_of(&self, channel_ref: ChannelRef) -> std::sync::Arc<str> {
        self.connections.get(&channel_ref.connection).map_or_else(|| "".into(), |it| it.client.vhost.clone())
    }
}
