//! The queues and the arguments that declare them.
//!
//! RabbitMQ refuses a declaration whose arguments differ from the existing queue's (406 PRECONDITION_FAILED), so
//! producer, worker, sandbox and the definitions file must all use these definitions.

/// The jobs' queue.
pub const ORDERS: &str = "Orders";
/// Dead-letter queue of [`ORDERS`]: receives invalid jobs and messages over the delivery limit.
pub const ORDERS_DEAD: &str = "Orders.dead";
/// Header of a dead-lettered job with the reason why the worker rejected it.
pub const REASON_HEADER: &str = "x-surge-reason";
/// Virtual host of the demo.
pub const VHOST: &str = "/";

/// Queue types of RabbitMQ that the demo supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    /// Stored on one node: the default.
    #[default]
    Classic,
    /// Replicated by Raft; has a delivery limit.
    Quorum,
}

impl QueueType {
    /// Returns the value of `x-queue-type`.
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

/// Returns the name of the dead-letter queue of `queue`.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// Returns the arguments of the jobs' queue; all values are strings. The queue is durable, not exclusive and not
/// auto-deleted.
#[must_use]
pub fn arguments(queue: &str, queue_type: QueueType) -> Vec<(&'static str, String)> {
    vec![
        ("x-queue-type", queue_type.as_str().to_owned()),
        ("x-dead-letter-exchange", String::new()),
        ("x-dead-letter-routing-key", dead_letter_queue(queue)),
    ]
}

/// Returns the arguments of the dead-letter queue, which is durable too.
#[must_use]
pub fn dead_letter_arguments() -> Vec<(&'static str, String)> {
    vec![("x-queue-type", QueueType::Classic.as_str().to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_arguments_are_fixed() {
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
