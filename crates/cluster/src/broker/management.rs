//! The management API's totals query, with the credentials of the broker's Secret.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::names;
use http::{HeaderValue, StatusCode, header};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde::Deserialize;

use super::{DepthAnswer, WITHIN};
use crate::endpoint::Endpoint;
use crate::errors;
use crate::failure::Failure;
use crate::http::get;
use crate::persistent_connection::PersistentConnection;
use observed::DepthSample;

/// All queues of the default virtual host, with nothing but their totals, which are read from the queues themselves.
const TOTALS: &str = "/api/queues/%2F?disable_stats=true&enable_queue_totals=true";

/// The management API behind a kept tunnel.
pub struct Management {
    client: Client,
    kept: PersistentConnection,
    authorization: Option<HeaderValue>,
}

impl Management {
    /// Opens nothing yet: the first request does.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let endpoint = Endpoint {
            namespace: namespace.to_owned(),
            service: names::RABBITMQ.to_owned(),
            port: names::RABBITMQ_MANAGEMENT.into(),
        };
        Self { kept: PersistentConnection::new(client.clone(), endpoint), client, authorization: None }
    }

    /// Asks for the depth of one queue.
    ///
    /// # Errors
    /// When the credentials cannot be read, or the broker does not answer or refuses.
    pub async fn ask(&mut self, queue: &str) -> DepthAnswer {
        let authorization = match &self.authorization {
            Some(authorization) => authorization.clone(),
            None => self.authorization.insert(self.credentials().await?).clone(),
        };
        let mut request =
            get(names::RABBITMQ, TOTALS).map_err(|error| Failure::Unavailable(error.to_string()))?;
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        let answer = self.kept.ask(&request, WITHIN).await?;
        match answer.status {
            StatusCode::OK => depth(&answer.body, queue).map_err(|error| {
                Failure::Lost(format!("the broker's answer is not what it should be: {error}"))
            }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                // The Secret may be changed meanwhile.
                self.authorization = None;
                Err(Failure::Unavailable(format!(
                    "the broker's management API refused the user of Secret {} ({})",
                    names::RABBITMQ,
                    answer.status.as_u16()
                )))
            }
            StatusCode::NOT_FOUND => Err(Failure::Unavailable(
                "the broker's management API does not offer the totals query (404)".to_owned(),
            )),
            status => Err(Failure::Lost(format!("the broker's management API answered {status}"))),
        }
    }

    /// `Authorization` from Secret `rabbitmq`.
    async fn credentials(&self) -> Result<HeaderValue, Failure> {
        let what = format!("reading Secret {}", names::RABBITMQ);
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.kept.endpoint().namespace);
        let secret = within(WITHIN, &what, secrets.get(names::RABBITMQ)).await?;
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

async fn within<T>(
    within: Duration,
    what: &str,
    asking: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(within, asking).await {
        Ok(answer) => answer.map_err(|error| errors::failure(what, &error)),
        Err(_late) => Err(Failure::Lost(format!("{what}: no answer within {within:?}"))),
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

/// The totals of one queue out of the answer; `None` if it is not in there, or has no totals yet.
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
    fn one_queue_is_read_out_of_all() {
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
