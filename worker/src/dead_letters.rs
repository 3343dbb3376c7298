//! Publishes invalid messages to the dead-letter queue, with the reason.
//!
//! The worker acknowledges the original only after the broker has confirmed the copy. A crash between the two leaves a
//! duplicate in the dead-letter queue and never loses a message.
//!
//! The copies use a separate connection, which the first invalid message opens. During an alarm the broker reads nothing
//! from a connection that publishes. On a shared connection it would not read the acknowledgements either, and the queue
//! that caused the alarm would stay full.

use std::time::Duration;

use contract::queue::{REASON_HEADER, dead_letter_queue};
use lapin::{
    Confirmation,
    message::Delivery,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::AMQPValue,
};
use podkit::{Address, Session, Status, broker::rpc};

/// Maximum size of the reason header in bytes.
const MAX_REASON_BYTES: usize = 500;
/// Time limit for the close handshake of the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A publisher with its own connection, which it opens on demand.
#[derive(Debug)]
pub(crate) struct DeadLetterPublisher {
    address: Address,
    queue: String,
    open: Option<(Session, lapin::Channel)>,
}

impl DeadLetterPublisher {
    pub(crate) fn new(address: &Address, queue: &str) -> Self {
        Self { address: address.clone(), queue: dead_letter_queue(queue), open: None }
    }

    /// Publishes a copy of `delivery` with the reason and waits for the confirm.
    ///
    /// # Errors
    /// A sentence. The caller must not acknowledge the message.
    pub(crate) async fn publish(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        let result = self.try_publish(delivery, reason).await;
        if result.is_err() {
            self.close().await;
        }
        result
    }

    async fn try_publish(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        let channel = match &self.open {
            Some((_, channel)) if channel.status().connected() => channel,
            _ => {
                self.close().await;
                let session = Session::open(&self.address, "worker dead letters", &Status::new())
                    .await
                    .map_err(|error| error.to_string())?;
                let channel = session.channel().await?;
                let select = channel.confirm_select(ConfirmSelectOptions::default());
                rpc("ask for publisher confirms", select).await?;
                &self.open.insert((session, channel)).1
            }
        };
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        headers.insert(REASON_HEADER.into(), AMQPValue::LongString(truncated(reason).into()));
        let properties = delivery.properties.clone().with_headers(headers).with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let publish = async {
            let queue = self.queue.as_str().into();
            channel.basic_publish("".into(), queue, options, &delivery.data, properties).await?.await
        };
        let what = format!("move an invalid message to {}", self.queue);
        match rpc(&what, publish).await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(format!("cannot {what}: no such queue")),
            _ => Err(format!("cannot {what}: the broker rejected it (basic.nack)")),
        }
    }

    /// Closes the connection, if it is open.
    pub(crate) async fn close(&mut self) {
        if let Some((session, _)) = self.open.take() {
            session.close(CLOSE_TIMEOUT).await;
        }
    }
}

fn truncated(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        assert_eq!(truncated("short"), "short");
        let long = "ä".repeat(MAX_REASON_BYTES);
        assert_eq!(truncated(&long).len(), MAX_REASON_BYTES);
        let odd = format!("a{long}");
        assert_eq!(truncated(&odd).len(), MAX_REASON_BYTES - 1);
    }
}
