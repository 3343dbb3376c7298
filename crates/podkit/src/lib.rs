//! What both programs in pods share: settings, the broker connection, probes and metrics endpoint, shutdown, logging.
//!
//! The programs differ in what they do with a session of the broker; everything around it (how a setting is read,
//! how a lost connection comes back, what a probe says, what the second signal does) is here, once.

pub mod backoff;
pub mod broker;
pub mod health;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod probes;
pub mod program;
pub mod settings;
pub mod shutdown;
pub mod trace_context;

pub use broker::{Ended, Session, State, Status};
pub use settings::{Address, BrokerArgs, QueueArgs, SettingsError};
pub use shutdown::Shutdown;
