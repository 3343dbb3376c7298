//! Questions to Prometheus' HTTP API, through the API server's proxy of its Service.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Where Prometheus is.
#[derive(Debug, Clone)]
pub(super) struct Prometheus {
    /// Path of the Service's proxy.
    base: String,
}

/// An element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Element>),
    Scalar(Pair),
}

#[derive(Deserialize)]
struct Element {
    metric: BTreeMap<String, String>,
    value: Pair,
}

/// Time and value.
#[derive(Deserialize)]
struct Pair(serde::de::IgnoredAny, String);

impl Prometheus {
    pub(super) fn new(namespace: &str, service: &str, port: u16) -> Self {
        Self { base: format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy") }
    }

    /// Names of the series that a selector has picked since `since` (seconds since 1970).
    pub(super) async fn series(
        &self,
        client: &Client,
        selector: &str,
        since: i64,
    ) -> Result<Vec<String>, String> {
        let since = since.to_string();
        let series: Vec<BTreeMap<String, String>> =
            self.get(client, "/api/v1/series", &[("match[]", selector), ("start", &since)]).await?;
        let mut names: Vec<String> =
            series.into_iter().filter_map(|mut labels| labels.remove("__name__")).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The answer to an instant query; a scalar is one point without labels.
    pub(super) async fn query(&self, client: &Client, query: &str) -> Result<Vec<Point>, String> {
        let data: Data = self.get(client, "/api/v1/query", &[("query", query)]).await?;
        let number =
            |Pair(_, text): Pair| text.parse().map_err(|_| format!("Prometheus gave {text:?} as a value"));
        match data {
            Data::Scalar(pair) => Ok(vec![Point { labels: BTreeMap::new(), value: number(pair)? }]),
            Data::Vector(elements) => elements
                .into_iter()
                .map(|Element { mut metric, value }| {
                    metric.remove("__name__");
                    Ok(Point { labels: metric, value: number(value)? })
                })
                .collect(),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        client: &Client,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, String> {
        // Only the query part is used; the address is never dialled.
        let encoded =
            reqwest::Url::parse_with_params("http://prometheus/", parameters).map_err(|e| e.to_string())?;
        let uri = format!("{}{path}?{}", self.base, encoded.query().unwrap_or_default());
        let request = http::Request::get(uri).body(Vec::new()).map_err(|error| error.to_string())?;
        let text = tokio::time::timeout(DEADLINE, client.request_text(request))
            .await
            .map_err(|_| format!("Prometheus did not answer within {DEADLINE:?}"))?
            .map_err(|error| error.to_string())?;
        let answer: Answer<T> =
            serde_json::from_str(&text).map_err(|error| format!("Prometheus' answer: {error}"))?;
        answer
            .data
            .ok_or_else(|| answer.error.unwrap_or_else(|| "Prometheus answered without data".to_owned()))
    }
}
