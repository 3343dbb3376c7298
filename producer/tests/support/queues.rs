//! Looks into the broker's queues over AMQP, beside the programs.

use contract::queue;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use testkit::wait;

/// A connection with one channel, which is opened again when a wrong request has closed it.
pub(crate) struct Queues {
    connection: Connection,
}

impl Queues {
    /// Connects; the broker may still be starting.
    pub(crate) async fn open(url: &str) -> Self {
        let connection = wait::until("the broker to take a connection", async || {
            Connection::connect(url, ConnectionProperties::default()).await.ok()
        })
        .await;
        Self { connection }
    }

    /// Opens a channel.
    pub(crate) async fn channel(&self) -> Channel {
        self.connection.create_channel().await.unwrap()
    }

    /// Declares a queue with these arguments.
    pub(crate) async fn declare(&self, name: &str, arguments: &[(&str, &str)]) {
        let mut table = FieldTable::default();
        for (key, value) in arguments {
            table.insert((*key).into(), AMQPValue::LongString((*value).into()));
        }
        self.channel().await.queue_declare(name.into(), QueueDeclareOptions::durable(), table).await.unwrap();
    }

    /// Declares the jobs' queue and its dead-letter queue as the contract has them.
    pub(crate) async fn declare_jobs(&self, name: &str, queue_type: queue::QueueType) {
        let arguments = queue::arguments(name, queue_type);
        let arguments: Vec<_> = arguments.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let dead = queue::dead_letter_arguments();
        let dead: Vec<_> = dead.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.declare(&queue::dead_letter_queue(name), &dead).await;
        self.declare(name, &arguments).await;
    }

    /// Deletes a queue, if it is there.
    pub(crate) async fn delete(&self, name: &str) {
        let _ = self.channel().await.queue_delete(name.into(), QueueDeleteOptions::default()).await;
    }

    /// Ready messages of a queue; `None` when there is no such queue.
    pub(crate) async fn ready(&self, name: &str) -> Option<u32> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let queue = self.channel().await.queue_declare(name.into(), options, FieldTable::default()).await;
        queue.ok().map(|queue| queue.message_count())
    }

    /// Publishes a message as it is and awaits the confirm.
    pub(crate) async fn publish(&self, name: &str, body: &[u8], properties: BasicProperties) {
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let options = BasicPublishOptions::default();
        let confirm = channel.basic_publish("".into(), name.into(), options, body, properties).await.unwrap();
        assert!(confirm.await.unwrap().is_ack());
        let _ = channel.close(200, "done".into()).await;
    }

    /// Takes one message away.
    pub(crate) async fn take(&self, name: &str) -> Option<(Vec<u8>, BasicProperties)> {
        let channel = self.channel().await;
        let got = channel.basic_get(name.into(), BasicGetOptions { no_ack: true }).await.unwrap()?;
        let _ = channel.close(200, "done".into()).await;
        Some((got.data.clone(), got.properties.clone()))
    }
}

/// The text of a message's header.
pub(crate) fn header(properties: &BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}
