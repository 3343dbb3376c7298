//! Queries over a range of time, through a tunnel or at a URL.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use promfmt::api::{Answer, QueryResult, Row};
use promfmt::percent;
use text::clean;
use tokio::net::TcpStream;

use crate::endpoint::Endpoint;
use crate::errors::Failure;
use crate::http::{self, Connection, HttpRequest, HttpResponse};
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
    host: String,
    /// The path before `/api`.
    prefix: String,
}

enum Way {
    Tunnel(PersistentConnection),
    Address(String),
}

impl RangeServer {
    /// A server behind a Service of the cluster.
    #[must_use]
    pub fn tunnel(client: Client, endpoint: Endpoint) -> Self {
        let host = endpoint.service.clone();
        Self { way: Way::Tunnel(PersistentConnection::new(client, endpoint)), host, prefix: String::new() }
    }

    /// A server at a URL such as `http://127.0.0.1:9090`.
    ///
    /// # Errors
    /// Fails if the text is no such URL, with a sentence.
    pub fn url(url: &str) -> Result<Self, String> {
        let uri: ::http::Uri =
            url.parse().map_err(|error| format!("{} is no URL: {error}", clean::text(url)))?;
        if uri.scheme_str() != Some("http") {
            let sentence = "only http:// is supported; for another server, forward a port to it";
            return Err(format!("{}: {sentence}", clean::text(url)));
        }
        let host = uri.host().ok_or_else(|| format!("{} has no host", clean::text(url)))?;
        Ok(Self {
            way: Way::Address(format!("{host}:{}", uri.port_u16().unwrap_or(80))),
            host: uri.authority().map_or_else(|| host.to_owned(), ToString::to_string),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
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
            "{}/api/v1/query_range?query={}&start={}&end={}&step={}",
            self.prefix,
            percent::encode(query),
            seconds(start),
            seconds(end),
            seconds(step)
        );
        let request =
            http::get(&self.host, &path).map_err(|error| Failure::Unavailable(error.to_string()))?;
        let answer = match &mut self.way {
            Way::Tunnel(connection) => connection.ask(&request, TIMEOUT).await?,
            Way::Address(address) => ask(address, request).await?,
        };
        rows(&answer).map_err(Failure::Lost)
    }
}

async fn ask(address: &str, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let lost = |error: String| {
        Failure::Lost(format!("no answer from Prometheus at {}: {error}", clean::text(address)))
    };
    let connect = TcpStream::connect(address);
    let stream = tokio::time::timeout(Duration::from_secs(10), connect)
        .await
        .map_err(|_elapsed| lost("the connection timed out".to_owned()))?
        .map_err(|error| lost(error.to_string()))?;
    let mut connection = Connection::over(stream).await.map_err(|error| lost(error.to_string()))?;
    connection.send(request, TIMEOUT).await.map_err(|error| lost(error.to_string()))
}

/// The series of an answer.
fn rows(answer: &HttpResponse) -> Result<Vec<Row>, String> {
    let status = answer.status;
    let parsed: Answer<QueryResult> = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("Prometheus answered {status} with invalid JSON: {error}"))?;
    match parsed {
        Answer::Success { data: QueryResult::Matrix(rows) } => Ok(rows),
        Answer::Success { .. } => Err(format!("Prometheus answered {status} without series")),
        Answer::Error(error) => Err(format!("Prometheus answered {status}: {}", clean::text(&error.message))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_prefix() {
        let server = RangeServer::url("http://prometheus.example:9090/base/").unwrap();
        assert_eq!((server.host.as_str(), server.prefix.as_str()), ("prometheus.example:9090", "/base"));
        for (url, expected) in [
            ("https://prometheus.example", "only http:// is supported"),
            ("prometheus", "only http:// is supported"),
            ("http:// x", "is no URL"),
        ] {
            let error = RangeServer::url(url).err().unwrap();
            assert!(error.contains(expected), "{url}: {error}");
        }
    }
}
