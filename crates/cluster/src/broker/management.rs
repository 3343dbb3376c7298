//! The totals query of the management API, with the credentials of the broker's Secret.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::names;
use http::{HeaderValue, StatusCode, header};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde::Deserialize;

use super::{DepthAnswer, REQUEST_TIMEOUT};
use crate::endpoint::Endpoint;
use crate::errors::{self, Failure};
use crate::http::get;
use crate::persistent_connection::PersistentConnection;
use observed::DepthSample;
use promfmt::percent;

/// All queues of a virtual host with their totals only. RabbitMQ reads those from the queues, not from statistics.
fn totals(vhost: &str) -> String {
    format!("/api/queues/{}?disable_stats=true&enable_queue_totals=true", percent::encode(vhost))
}

/// The management API, through a persistent connection.
pub struct Management {
    client: Client,
    connection: PersistentConnection,
    authorization: Option<HeaderValue>,
}

impl Management {
    /// A closed connection; the first request opens it.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let endpoint = Endpoint {
            namespace: namespace.to_owned(),
            service: names::RABBITMQ.to_owned(),
            port: names::RABBITMQ_MANAGEMENT.into(),
        };
        Self { connection: PersistentConnection::new(client.clone(), endpoint), client, authorization: None }
    }

    /// Queries the depth of one queue of a virtual host.
    ///
    /// # Errors
    /// If the credentials are not readable, or the broker does not answer or rejects them.
    pub async fn ask(&mut self, vhost: &str, queue: &str) -> DepthAnswer {
        let authorization = match &self.authorization {
            Some(authorization) => authorization.clone(),
            None => self.authorization.insert(self.credentials().await?).clone(),
        };
        let mut request =
            get(names::RABBITMQ, &totals(vhost)).map_err(|error| Failure::Unavailable(error.to_string()))?;
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        let answer = self.connection.ask(&request, REQUEST_TIMEOUT).await?;
        match answer.status {
            StatusCode::OK => depth(&answer.body, queue).map_err(|error| {
                Failure::Lost(format!("invalid answer of the broker's management API: {error}"))
            }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                // Read the Secret again: it may have changed.
                self.authorization = None;
                Err(Failure::Unavailable(format!(
                    "the broker's management API rejects the user of Secret {} ({})",
                    names::RABBITMQ,
                    answer.status.as_u16()
                )))
            }
            StatusCode::NOT_FOUND => {
                Err(Failure::Unavailable("the broker's management API has no totals query (404)".to_owned()))
            }
            status => Err(Failure::Lost(format!("the broker's management API answered {status}"))),
        }
    }

    /// The `Authorization` field, from Secret `rabbitmq`.
    async fn credentials(&self) -> Result<HeaderValue, Failure> {
        let what = format!("reading Secret {}", names::RABBITMQ);
        let secrets: Api<Secret> =
            Api::namespaced(self.client.clone(), &self.connection.endpoint().namespace);
        let secret = with_timeout(&what, secrets.get(names::RABBITMQ)).await?;
        let field = |key: &str| {
            let bytes = secret.data.as_ref().and_then(|data| data.get(key));
            bytes
                .map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
                .ok_or_else(|| Failure::Unavailable(format!("Secret {} has no key {key}", names::RABBITMQ)))
        };
        let pair = format!("{}:{}", field(names::SECRET_USERNAME)?, field(names::SECRET_PASSWORD)?);
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|error| Failure::Unavailable(format!("{what}: {error}")))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

async fn with_timeout<T>(
    what: &str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(|error| errors::failure(what, &error)),
        Err(_elapsed) => Err(Failure::Lost(format!("{what}: no answer within {REQUEST_TIMEOUT:?}"))),
    }
}

#[derive(Debug, Deserialize)]
struct Queue<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    // Absent while the broker starts.
    messages_ready: Option<u64>,
    messages_unacknowledged: Option<u64>,
    consumers: Option<u64>,
}

/// The totals of one queue; `None` if the answer does not have the queue, or no totals of it yet.
fn depth(body: &[u8], name: &str) -> serde_json::Result<Option<DepthSample>> {
    let queues: Vec<Queue<'_>> = serde_json::from_slice(body)?;
    let found = queues.iter().find(|queue| queue.name == name);
    Ok(found.and_then(|queue| {
        Some(DepthSample {
            ready: queue.messages_ready?,
            unacked: queue.messages_unacknowledged?,
            consumers: queue.consumers,
            staleness: Duration::ZERO,
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_one_queue_are_read() {
        let body = br#"[
            {"name": "Orders.dead", "vhost": "/", "messages_ready": 9, "messages_unacknowledged": 0},
            {"name": "Orders", "vhost": "/", "messages": 7, "messages_ready": 5, "messages_unacknowledged": 2},
            {"name": "starting", "vhost": "/"}]"#;
        let orders = DepthSample { ready: 5, unacked: 2, consumers: None, staleness: Duration::ZERO };
        assert_eq!(depth(body, "Orders").unwrap(), Some(orders));
        assert_eq!(depth(body, "starting").unwrap(), None);
        assert_eq!(depth(body, "nowhere").unwrap(), None);
        assert!(depth(b"<html>", "Orders").is_err());
    }
}
