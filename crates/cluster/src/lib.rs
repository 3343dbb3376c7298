//! Access to a cluster: kubeconfig, errors as sentences, tunnels to pods, HTTP over them, and one-shot queries.

pub mod backoff;
pub mod broker;
pub mod connect;
pub mod endpoint;
pub mod errors;
pub mod external_metric;
pub mod fleet;
pub mod http;
pub mod inputs;
pub mod metrics;
pub mod persistent_connection;
pub mod prometheus;
pub mod ready_pods;
pub mod scale;
pub mod scaled_object;
pub mod tunnel;
