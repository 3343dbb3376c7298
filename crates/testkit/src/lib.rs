//! For tests only: a pseudo-terminal driver, launchers for RabbitMQ and Prometheus, a proxy that fails on demand, and wait-until.
//!
//! Tests wait for a condition with a deadline instead of sleeping for a guess.

#[cfg(feature = "kubernetes")]
pub mod fault_proxy;
mod http;
pub mod prometheus;
pub mod pty;
pub mod rabbitmq;
pub mod wait;

pub use vt100;
