//! Exchanges. There is one, the default exchange, which takes a message to the queue that its routing key names.
//!
//! The exchanges that every RabbitMQ has are known by name, so that a client that only looks for them finds them.

use amq_protocol::protocol::{AMQPClass, exchange};

use super::State;
use super::ids::Place;
use crate::fault::{Code, Fault};

/// Present in every virtual host of RabbitMQ.
const PREDECLARED: [&str; 6] =
    ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"];

pub(super) fn is_predeclared(name: &str) -> bool {
    PREDECLARED.contains(&name)
}

/// Refuses what the default exchange does not allow and what does not exist.
///
/// # Errors
/// 403 for the default exchange, 404 for one that does not exist, 540 for one that does.
pub(super) fn refuse_binding(name: &str, vhost: &str) -> Fault {
    if name.is_empty() {
        default_exchange()
    } else if is_predeclared(name) {
        Fault::new(Code::NotImplemented, "bindings: this broker has the default exchange only")
    } else {
        missing(name, vhost)
    }
}

pub(super) fn missing(name: &str, vhost: &str) -> Fault {
    Fault::new(Code::NotFound, format!("no exchange '{name}' in vhost '{vhost}'"))
}

fn default_exchange() -> Fault {
    Fault::new(Code::AccessRefused, "operation not permitted on the default exchange")
}

impl State {
    pub(super) fn method_of_exchange(
        &mut self,
        place: Place,
        method: exchange::AMQPMethod,
    ) -> Result<(), Fault> {
        use exchange::AMQPMethod;
        let vhost = self.vhost_of(place);
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
                        self.reply(place, AMQPClass::Exchange(answer));
                    }
                    return Ok(());
                }
                if name.starts_with("amq.") && !is_predeclared(name) {
                    return Err(Fault::new(
                        Code::AccessRefused,
                        format!("exchange name '{name}' contains reserved prefix 'amq.*'"),
                    ));
                }
                Err(Fault::new(Code::NotImplemented, "exchanges: this broker has the default exchange only"))
            }
            AMQPMethod::Delete(delete) => {
                let name = delete.exchange.as_str();
                if name.is_empty() {
                    return Err(default_exchange());
                }
                if is_predeclared(name) {
                    return Err(Fault::new(
                        Code::AccessRefused,
                        format!("deletion of system exchange '{name}' in vhost '{vhost}' not allowed"),
                    ));
                }
                // Deleting what does not exist succeeds.
                if !delete.nowait {
                    let answer = AMQPMethod::DeleteOk(exchange::DeleteOk {});
                    self.reply(place, AMQPClass::Exchange(answer));
                }
                Ok(())
            }
            AMQPMethod::Bind(bind) => Err(refuse_binding(bind.source.as_str(), &vhost)),
            AMQPMethod::Unbind(unbind) => Err(refuse_binding(unbind.source.as_str(), &vhost)),
            AMQPMethod::DeclareOk(_)
            | AMQPMethod::DeleteOk(_)
            | AMQPMethod::BindOk(_)
            | AMQPMethod::UnbindOk(_) => Ok(()),
        }
    }

    /// The virtual host that a connection has opened.
    pub(super) fn vhost_of(&self, place: Place) -> std::sync::Arc<str> {
        self.connections.get(&place.connection).map_or_else(|| "".into(), |it| it.client.vhost.clone())
    }
}
