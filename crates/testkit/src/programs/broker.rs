//! Brokers with faults on demand: RabbitMQ and the in-memory broker behind one trait.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
};

use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::rabbitmq::{RabbitMq, Settings};

/// A broker under test. Every method returns when its effect is complete.
pub trait TestBroker: Send + Sync {
    /// Returns the AMQP address.
    fn amqp(&self) -> SocketAddr;
    /// Limits the queue to `messages`; the broker rejects further ones with `basic.nack`.
    fn limit(&self, queue: &str, messages: u32);
    /// Removes the limit of [`TestBroker::limit`].
    fn unlimit(&self);
    /// Raises or clears the memory alarm.
    fn alarm(&self, raised: bool);
    /// Suspends the broker and keeps its sockets open.
    fn freeze(&self);
    /// Resumes the broker after [`TestBroker::freeze`].
    fn thaw(&self);
    /// Stops the broker gracefully and starts it again; durable queues and persistent messages stay.
    fn restart(&self);
    /// Closes every connection.
    fn close_connections(&self);
    /// Returns a work duration that is longer than [`TestBroker::close_connections`] takes.
    fn interruptible(&self) -> &'static str;

    /// Returns the URL with the given user and password.
    fn url_as(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@{}/%2F", self.amqp())
    }

    /// Returns the URL.
    fn url(&self) -> String {
        self.url_as("guest", "guest")
    }
}

/// A RabbitMQ node.
pub struct RabbitMqBroker(Mutex<RabbitMq>);

impl RabbitMqBroker {
    /// Starts a node.
    pub fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// Starts a node with settings.
    pub fn start_with(settings: &Settings) -> Self {
        Self(Mutex::new(RabbitMq::start_with(settings).unwrap()))
    }

    /// Returns the handle of the launcher.
    pub fn node(&self) -> MutexGuard<'_, RabbitMq> {
        self.0.lock().unwrap()
    }
}

impl TestBroker for RabbitMqBroker {
    fn amqp(&self) -> SocketAddr {
        self.node().amqp()
    }

    fn limit(&self, queue: &str, messages: u32) {
        let definition = json!({ "max-length": messages, "overflow": "reject-publish" });
        self.node().set_policy("limit", &format!("^{queue}$"), &definition).unwrap();
    }

    fn unlimit(&self) {
        self.node().clear_policy("limit").unwrap();
    }

    fn alarm(&self, raised: bool) {
        self.node().memory_alarm(raised).unwrap();
    }

    fn freeze(&self) {
        self.node().freeze();
    }

    fn thaw(&self) {
        self.node().thaw();
    }

    fn restart(&self) {
        let mut node = self.node();
        node.stop().unwrap();
        node.launch().unwrap();
    }

    fn close_connections(&self) {
        self.node().close_all_connections("requested by the test").unwrap();
    }

    fn interruptible(&self) -> &'static str {
        // rabbitmqctl starts its own Erlang node, which takes seconds on a busy machine.
        "12s"
    }
}

/// The in-memory broker, in the process of the test.
pub struct InMemoryBroker {
    address: SocketAddr,
    /// Handle for faults.
    pub control: broker::Control,
    _stop: DropGuard,
}

impl InMemoryBroker {
    /// Starts a broker.
    pub async fn start() -> Self {
        let amqp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = amqp.local_addr().unwrap();
        let broker = broker::Broker::new(broker::Config::default());
        let control = broker.control();
        let stop = CancellationToken::new();
        let listeners = broker::Listeners { amqp, management: None, metrics: None };
        tokio::spawn(broker.run(listeners, stop.clone()));
        Self { address, control, _stop: stop.drop_guard() }
    }
}

impl TestBroker for InMemoryBroker {
    fn amqp(&self) -> SocketAddr {
        self.address
    }

    fn limit(&self, queue: &str, messages: u32) {
        let definition = broker::PolicyDefinition {
            max_length: Some(messages.into()),
            overflow: Some(broker::Overflow::RejectPublish),
            ..broker::PolicyDefinition::default()
        };
        self.control.set_policy("limit", &format!("^{queue}$"), 0, definition).unwrap();
    }

    fn unlimit(&self) {
        self.control.clear_policy("limit");
    }

    fn alarm(&self, raised: bool) {
        if raised {
            self.control.block("low on memory");
        } else {
            self.control.unblock();
        }
    }

    fn freeze(&self) {
        self.control.freeze();
    }

    fn thaw(&self) {
        self.control.thaw();
    }

    fn restart(&self) {
        self.control.stop();
        // Long enough for clients to fail at least once.
        std::thread::sleep(std::time::Duration::from_millis(500));
        self.control.start();
    }

    fn close_connections(&self) {
        self.control.disconnect_all("requested by the test");
    }

    fn interruptible(&self) -> &'static str {
        "1s"
    }
}
