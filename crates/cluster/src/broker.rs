//! The depth of a queue from the broker, through a tunnel.

mod management;
mod metrics;

use std::time::Duration;

use contract::queue::VHOST;
use kube::Client;
use observed::DepthSample;

pub use self::management::Management;
pub use self::metrics::Metrics;
use crate::errors::Failure;

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A sample of one queue: `None` if the broker does not have the queue.
pub type DepthAnswer = Result<Option<DepthSample>, Failure>;

/// Queries the depth of one queue of the default virtual host once: from the management API, else from the broker's metrics.
///
/// # Errors
/// If neither answers.
pub async fn once(client: &Client, namespace: &str, queue: &str) -> DepthAnswer {
    match Management::new(client.clone(), namespace).ask(VHOST, queue).await {
        Err(Failure::Unavailable(_)) => Metrics::new(client.clone(), namespace).ask(VHOST, queue).await,
        answer => answer,
    }
}
