//! Test support: a pseudo-terminal driver, launchers for RabbitMQ, Prometheus and a browser, a fault-injecting proxy, and waits for
//! conditions.
//!
//! Tests wait for a condition with a deadline instead of sleeping for a guessed time.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "kubernetes")]
pub mod fault_proxy;
pub mod http;
#[cfg(feature = "programs")]
pub mod programs;
pub mod prometheus;
pub mod pty;
pub mod rabbitmq;
pub mod wait;

pub use vt100;
