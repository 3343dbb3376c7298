//! The queues, and the one place that says with which arguments they are declared.
//!
//! RabbitMQ refuses a declaration whose arguments differ from the existing queue's (406 PRECONDITION_FAILED), so
//! producer, worker, sandbox and the definitions file must all take them from here.

/// The jobs' queue.
pub const ORDERS: &str = "Orders";
/// Where poison jobs and messages over the delivery limit go.
pub const ORDERS_DEAD: &str = "Orders.dead";
/// Header of a poison job that says why the worker gave it up.
pub const REASON_HEADER: &str = "x-surge-reason";
/// Name of the virtual host.
pub const VHOST: &str = "/";

/// RabbitMQ's queue types that the demo knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    /// One node, one process: the default.
    #[default]
    Classic,
    /// Replicated by Raft; has a delivery limit.
    Quorum,
}

impl QueueType {
    /// The value of `x-queue-type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

impl std::str::FromStr for QueueType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "classic" => Ok(Self::Classic),
            "quorum" => Ok(Self::Quorum),
            other => Err(format!("{other:?} is not a queue type: use classic or quorum")),
        }
    }
}

/// Name of the queue that takes what `queue` gives up.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// Arguments of the jobs' queue, all of them strings. The queue itself is durable, not exclusive and not
/// auto-deleted.
#[must_use]
pub fn arguments(queue: &str, queue_type: QueueType) -> Vec<(&'static str, String)> {
    vec![
        ("x-queue-type", queue_type.as_str().to_owned()),
        ("x-dead-letter-exchange", String::new()),
        ("x-dead-letter-routing-key", dead_letter_queue(queue)),
    ]
}

/// Arguments of the dead-letter queue, which is durable as well.
#[must_use]
pub fn dead_letter_arguments() -> Vec<(&'static str, String)> {
    vec![("x-queue-type", QueueType::Classic.as_str().to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_exactly_the_contracts() {
        assert_eq!(
            arguments(ORDERS, QueueType::Quorum),
            [
                ("x-queue-type", "quorum".to_owned()),
                ("x-dead-letter-exchange", String::new()),
                ("x-dead-letter-routing-key", ORDERS_DEAD.to_owned()),
            ]
        );
        assert_eq!(dead_letter_arguments(), [("x-queue-type", "classic".to_owned())]);
    }
}
