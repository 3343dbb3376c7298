//! Queries over a range of time, through a tunnel or at a URL.

use std::time::Duration;

use ::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use promfmt::api::{Answer, QueryResult, Row};
use promfmt::percent;
use text::clean;

use crate::connect::server::{self, Access};
use crate::endpoint::Endpoint;
use crate::errors::{self, Failure, TIMED_OUT};
use crate::http::{self, BODY_LIMIT};
use crate::persistent_connection::PersistentConnection;

/// Timeout of one query: Prometheus' own default is two minutes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Most steps of one query: Prometheus refuses more than 11,000 points a series.
const STEPS: i64 = 10_000;

/// A range of time, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first step.
    pub start: Timestamp,
    /// The end: the last step is not after it.
    pub end: Timestamp,
    /// The distance of two steps; at least a millisecond.
    pub step: Duration,
}

/// A Prometheus server for queries over ranges.
pub struct RangeServer {
    way: Way,
    /// The server in a message, without credentials.
    name: String,
}

enum Way {
    Tunnel(PersistentConnection),
    Url(Client),
}

impl RangeServer {
    /// A server behind a Service of the cluster.
    #[must_use]
    pub fn tunnel(client: Client, endpoint: Endpoint) -> Self {
        let name = format!("Service {}", endpoint.service);
        Self { way: Way::Tunnel(PersistentConnection::new(client, endpoint)), name }
    }

    /// A server at a URL such as `https://prometheus.example:9090`.
    ///
    /// # Errors
    /// Fails with a sentence if the URL, or a file that it needs, cannot be used.
    pub fn url(url: &str, access: &Access) -> Result<Self, String> {
        Ok(Self { way: Way::Url(server::at_url(url, access)?), name: server::shown(url) })
    }

    /// The series of a query over a range.
    ///
    /// # Errors
    /// Fails if the server cannot be reached, or if it refuses the query.
    pub async fn query(&mut self, query: &str, range: Range) -> Result<Vec<Row>, Failure> {
        let mut rows: Vec<Row> = Vec::new();
        let step = i64::try_from(range.step.as_millis()).unwrap_or(i64::MAX).max(1);
        let (mut start, end) = (range.start.as_millisecond(), range.end.as_millisecond());
        while start <= end {
            let part_end = end.min(start.saturating_add(step.saturating_mul(STEPS - 1)));
            for row in self.part(query, start, part_end, step).await? {
                match rows.iter_mut().find(|known| known.metric == row.metric) {
                    Some(known) => known.values.extend(row.values),
                    None => rows.push(row),
                }
            }
            start = start.saturating_add(step.saturating_mul(STEPS));
        }
        Ok(rows)
    }

    async fn part(&mut self, query: &str, start: i64, end: i64, step: i64) -> Result<Vec<Row>, Failure> {
        let seconds = |ms: i64| format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000));
        let path = format!(
            "/api/v1/query_range?query={}&start={}&end={}&step={}",
            percent::encode(query),
            seconds(start),
            seconds(end),
            seconds(step)
        );
        let (status, body) = match &mut self.way {
            Way::Tunnel(connection) => {
                let request = http::get(&connection.endpoint().service, &path);
                let request = request.map_err(|error| Failure::Unavailable(error.to_string()))?;
                let answer = connection.ask(&request, TIMEOUT).await?;
                (answer.status, answer.body)
            }
            Way::Url(client) => {
                let lost = |cause: &str| Failure::Lost(format!("no answer from {}: {cause}", self.name));
                let asked = tokio::time::timeout(TIMEOUT, ask(client, &path)).await;
                asked.map_err(|_elapsed| lost(TIMED_OUT))?.map_err(|cause| lost(&cause))?
            }
        };
        rows(status, &body).map_err(|cause| Failure::Lost(format!("{} answered {cause}", self.name)))
    }
}

/// Status and body of an answer.
async fn ask(client: &Client, path: &str) -> Result<(StatusCode, Bytes), String> {
    let request = Request::get(path).body(Body::empty()).map_err(|error| error.to_string())?;
    let answer = client.send(request).await.map_err(|error| errors::kube(&error))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| error.to_string())?;
    Ok((parts.status, body.to_bytes()))
}

/// The series of an answer.
fn rows(status: StatusCode, body: &[u8]) -> Result<Vec<Row>, String> {
    match serde_json::from_slice(body) {
        Ok(Answer::Success { data: QueryResult::Matrix(rows) }) => Ok(rows),
        Ok(Answer::Success { .. }) => Err(format!("{status} without series")),
        Ok(Answer::Error(error)) => Err(format!("{status}: {}", clean::text(&error.message))),
        // A proxy or a login page answers with HTML.
        Err(_invalid) if !status.is_success() => Err(status.to_string()),
        Err(error) => Err(format!("{status} with invalid JSON: {error}")),
    }
}
