//! An AMQP client for the queues of a test.

use contract::queue;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

use crate::wait;

/// A connection that opens a channel for each operation, because an error closes a channel.
pub struct Queues {
    connection: Connection,
}

impl Queues {
    /// Connects, and retries while the broker starts.
    pub async fn open(url: &str) -> Self {
        let connection = wait::until("the broker to accept a connection", async || {
            Connection::connect(url, ConnectionProperties::default()).await.ok()
        })
        .await;
        Self { connection }
    }

    /// Opens a channel.
    pub async fn channel(&self) -> Channel {
        self.connection.create_channel().await.unwrap()
    }

    /// Declares a queue with these arguments.
    pub async fn declare(&self, name: &str, arguments: &[(&str, &str)]) {
        let mut table = FieldTable::default();
        for (key, value) in arguments {
            table.insert((*key).into(), AMQPValue::LongString((*value).into()));
        }
        self.channel().await.queue_declare(name.into(), QueueDeclareOptions::durable(), table).await.unwrap();
    }

    /// Declares the jobs' queue and its dead-letter queue with the arguments of [`contract::queue`].
    pub async fn declare_jobs(&self, name: &str, queue_type: queue::QueueType) {
        let arguments = queue::arguments(name, queue_type);
        let arguments: Vec<_> = arguments.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let dead = queue::dead_letter_arguments();
        let dead: Vec<_> = dead.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.declare(&queue::dead_letter_queue(name), &dead).await;
        self.declare(name, &arguments).await;
    }

    /// Deletes a queue, if it exists.
    pub async fn delete(&self, name: &str) {
        let _ = self.channel().await.queue_delete(name.into(), QueueDeleteOptions::default()).await;
    }

    /// Returns the number of ready messages; `None` if the queue does not exist.
    pub async fn ready(&self, name: &str) -> Option<u32> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let queue = self.channel().await.queue_declare(name.into(), options, FieldTable::default()).await;
        queue.ok().map(|queue| queue.message_count())
    }

    /// Publishes a message and waits for the confirm.
    pub async fn publish(&self, name: &str, body: &[u8], properties: BasicProperties) {
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let options = BasicPublishOptions::default();
        let confirm = channel.basic_publish("".into(), name.into(), options, body, properties).await.unwrap();
        assert!(confirm.await.unwrap().is_ack());
        let _ = channel.close(200, "done".into()).await;
    }

    /// Removes one message and returns it.
    pub async fn take(&self, name: &str) -> Option<(Vec<u8>, BasicProperties)> {
        let channel = self.channel().await;
        let got = channel.basic_get(name.into(), BasicGetOptions { no_ack: true }).await.unwrap()?;
        let _ = channel.close(200, "done".into()).await;
        Some((got.data.clone(), got.properties.clone()))
    }
}

/// Returns a message header as text.
pub fn header(properties: &BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}
