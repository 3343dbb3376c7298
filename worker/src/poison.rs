//! Puts poison messages where people can look at them: published to the dead-letter queue with the reason, confirmed,
//! and only then acknowledged. A crash in between leaves a duplicate there, never a loss.
//!
//! Over a connection of its own, opened for the first poison message: a broker that blocks publishers stops reading
//! from the publishing connection altogether, and acknowledgements stuck behind a poison message would keep the very
//! queue full that the alarm is about.

use std::time::Duration;

use contract::queue::{REASON_HEADER, dead_letter_queue};
use lapin::{
    Confirmation,
    message::Delivery,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::AMQPValue,
};
use podkit::{Address, Session, Status, broker::rpc};

/// Bytes of the reason that travel along.
const MAX_REASON: usize = 500;
/// Time for the side connection to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The side connection, if one was needed yet.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    address: Address,
    queue: String,
    open: Option<(Session, lapin::Channel)>,
}

impl DeadLetters {
    pub(crate) fn new(address: &Address, queue: &str) -> Self {
        Self { address: address.clone(), queue: dead_letter_queue(queue), open: None }
    }

    /// Publishes a copy of `delivery` with the reason and awaits the confirm.
    ///
    /// # Errors
    /// A sentence; the message must not be acknowledged then.
    pub(crate) async fn bury(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
        let buried = self.try_bury(delivery, reason).await;
        if buried.is_err() {
            self.close().await;
        }
        buried
    }

    async fn try_bury(&mut self, delivery: &Delivery, reason: &str) -> Result<(), String> {
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
        headers.insert(REASON_HEADER.into(), AMQPValue::LongString(shortened(reason).into()));
        let properties = delivery.properties.clone().with_headers(headers).with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let publish = async {
            let queue = self.queue.as_str().into();
            channel.basic_publish("".into(), queue, options, &delivery.data, properties).await?.await
        };
        let what = format!("move a poison message to {}", self.queue);
        match rpc(&what, publish).await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(format!("cannot {what}: there is no such queue")),
            _ => Err(format!("cannot {what}: the broker refused it")),
        }
    }

    /// Closes the side connection.
    pub(crate) async fn close(&mut self) {
        if let Some((session, _)) = self.open.take() {
            session.close(CLOSE_TIMEOUT).await;
        }
    }
}

fn shortened(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = "ä".repeat(MAX_REASON);
        assert_eq!(shortened(&long).len(), MAX_REASON);
        let odd = format!("a{long}");
        assert_eq!(shortened(&odd).len(), MAX_REASON - 1);
    }
}
