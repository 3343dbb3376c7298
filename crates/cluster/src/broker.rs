//! The depth of a queue as the broker knows it, through a tunnel.

mod management;
mod metrics;

use std::time::Duration;

use kube::Client;
use observed::DepthSample;

pub use self::management::Management;
pub use self::metrics::Metrics;
use crate::failure::Failure;

/// Limit of one request.
const WITHIN: Duration = Duration::from_secs(5);

/// The depth of one queue, asked for once: of the management API, else of the broker's metrics.
pub async fn once(client: &Client, namespace: &str, queue: &str) -> DepthAnswer {
    match Management::new(client.clone(), namespace).ask(queue).await {
        Err(Failure::Unavailable(_)) => Metrics::new(client.clone(), namespace).ask(queue).await,
        asked => asked,
    }
}

/// An answer about one queue: `None` when the broker has no such queue.
pub type DepthAnswer = Result<Option<DepthSample>, Failure>;
