//! The shared parts of both programs that run in pods: settings, broker connection, probes, metrics, shutdown, logging.
//!
//! The programs differ only in their use of a broker session. This crate has everything around it: how a setting is
//! read, how a lost connection is replaced, what the probes answer and how signals end the process.

pub mod broker;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod probe_client;
pub mod probes;
pub mod program;
pub mod settings;
pub mod shutdown;
pub mod trace_context;

pub use broker::{Session, SessionEnd, State, Status};
pub use settings::{Address, BrokerArgs, QueueArgs, SettingsError};
pub use shutdown::Shutdown;
