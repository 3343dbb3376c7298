//! What can be done to a broker, whichever it is. Every method blocks until it is done.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
};

use serde_json::json;
use testkit::rabbitmq::{RabbitMq, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A broker that can be ill-treated.
pub(crate) trait Control: Send + Sync {
    /// Where it speaks AMQP.
    fn amqp(&self) -> SocketAddr;
    /// Lets the queue hold at most `messages`; more are refused with a nack.
    fn limit(&self, queue: &str, messages: u32);
    /// Lifts [`Control::limit`].
    fn unlimit(&self);
    /// Raises or clears the memory alarm.
    fn alarm(&self, raised: bool);
    /// Stops everything without closing a socket.
    fn freeze(&self);
    /// Ends [`Control::freeze`].
    fn thaw(&self);
    /// Stops in good order and starts again; durable queues and persistent messages stay.
    fn restart(&self);
    /// Closes every connection.
    fn close_connections(&self);
    /// Work that lasts longer than [`Control::close_connections`] takes to act.
    fn interruptible(&self) -> &'static str;

    /// Its URL with the given user and password.
    fn url_as(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@{}/%2F", self.amqp())
    }

    /// Its URL.
    fn url(&self) -> String {
        self.url_as("guest", "guest")
    }
}

/// The real one.
pub(crate) struct Real(Mutex<RabbitMq>);

impl Real {
    /// Starts it.
    pub(crate) fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// Starts it with settings.
    pub(crate) fn start_with(settings: &Settings) -> Self {
        Self(Mutex::new(RabbitMq::start_with(settings).unwrap()))
    }

    /// The launcher's own handle.
    pub(crate) fn node(&self) -> MutexGuard<'_, RabbitMq> {
        self.0.lock().unwrap()
    }
}

impl Control for Real {
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
        self.node().close_all_connections("the test wants it").unwrap();
    }

    fn interruptible(&self) -> &'static str {
        // The command-line tool starts a node of its own; on a busy machine that takes seconds.
        "12s"
    }
}

/// Ours, in the test's own process.
pub(crate) struct Ours {
    address: SocketAddr,
    /// The broker's own handle.
    pub(crate) control: broker::Control,
    _stop: DropGuard,
}

impl Ours {
    /// Starts it.
    pub(crate) async fn start() -> Self {
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

impl Control for Ours {
    fn amqp(&self) -> SocketAddr {
        self.address
    }

    fn limit(&self, queue: &str, messages: u32) {
        let definition = broker::Definition {
            max_length: Some(messages.into()),
            overflow: Some(broker::Overflow::RejectPublish),
            ..broker::Definition::default()
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
        // Long enough for clients to find nobody there.
        std::thread::sleep(std::time::Duration::from_millis(500));
        self.control.start();
    }

    fn close_connections(&self) {
        self.control.disconnect_all("the test wants it");
    }

    fn interruptible(&self) -> &'static str {
        "1s"
    }
}
