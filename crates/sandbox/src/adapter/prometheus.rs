//! Requests to Prometheus' HTTP API, through the API server's proxy of its Service.

use std::time::Duration;

use kube::Client;
use promfmt::api::{Answer, Element, Labels, QueryResult};
use promfmt::percent;
use serde::de::DeserializeOwned;

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The address of Prometheus.
#[derive(Debug, Clone)]
pub(super) struct Prometheus {
    /// Path of the Service's proxy.
    base: String,
}

impl Prometheus {
    pub(super) fn new(namespace: &str, service: &str, port: u16) -> Self {
        Self { base: format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy") }
    }

    /// The series that match a selector and have samples after `since` (seconds since 1970).
    pub(super) async fn series(
        &self,
        client: &Client,
        selector: &str,
        since: i64,
    ) -> Result<Vec<Labels>, String> {
        let since = since.to_string();
        self.get(client, "/api/v1/series", [("match[]", selector), ("start", &since)]).await
    }

    /// The elements of an instant query's result; a scalar is one element without labels.
    pub(super) async fn query(&self, client: &Client, query: &str) -> Result<Vec<Element>, String> {
        let result: QueryResult = self.get(client, "/api/v1/query", [("query", query)]).await?;
        result.into_vector().ok_or_else(|| "the result is neither a vector nor a scalar".to_owned())
    }

    async fn get<T: DeserializeOwned, const N: usize>(
        &self,
        client: &Client,
        path: &str,
        parameters: [(&str, &str); N],
    ) -> Result<T, String> {
        let uri = format!("{}{path}?{}", self.base, percent::query(parameters));
        let request = http::Request::get(uri).body(Vec::new()).map_err(|error| error.to_string())?;
        let text = tokio::time::timeout(REQUEST_TIMEOUT, client.request_text(request))
            .await
            .map_err(|_| format!("Prometheus did not answer within {REQUEST_TIMEOUT:?}"))?
            .map_err(|error| error.to_string())?;
        let answer: Answer<T> = serde_json::from_str(&text)
            .map_err(|error| format!("the answer of Prometheus does not parse: {error}"))?;
        answer.into_result().map_err(|error| error.to_string())
    }
}
