//! `/api/v1/query` and `/api/v1/query_range`; dashboards draw with the latter.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use promfmt::number;
use promql_parser::parser::Expr;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Value as Json, json};

use crate::labels::Labels;
use crate::promql::{self, Budget, Instants, Value};
use crate::sample::{Millis, Sample, now};

use super::params::Params;
use super::response::{HandlerResult, RequestError, success};
use super::state::ServerState;

/// Most instants of a range query, as in Prometheus.
const MAX_STEPS: i64 = 11_000;

/// `GET` or `POST /api/v1/query?query=…[&time=…][&timeout=…]`
pub(super) async fn instant(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    let time = params.time("time")?.unwrap_or_else(now);
    let expr = expression(&params)?;
    let value = evaluated(&state, &params, move |state, budget| {
        let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
        promql::evaluate(&expr, &store, Instants::at(time, lookback(state)), budget)
    })
    .await?;
    success(Data { value, time })
}

/// `GET` or `POST /api/v1/query_range?query=…&start=…&end=…&step=…[&timeout=…]`
pub(super) async fn range(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    let required = |name: &str| -> Result<Millis, RequestError> {
        let text = params.get(name).unwrap_or_default();
        let missing =
            || RequestError::parameter(name, format_args!("cannot parse {text:?} to a valid timestamp"));
        params.time(name)?.ok_or_else(missing)
    };
    let (start, end) = (required("start")?, required("end")?);
    if end < start {
        return Err(RequestError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = params.duration("step")?;
    let step =
        step.ok_or_else(|| RequestError::parameter("step", r#"cannot parse "" to a valid duration"#))?;
    let step = Millis::try_from(step.as_millis()).unwrap_or(Millis::MAX);
    if step == 0 {
        let problem =
            "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(RequestError::parameter("step", problem));
    }
    if (end - start) / step > MAX_STEPS {
        let problem = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
                       resolution (?step=XX)";
        return Err(RequestError::BadData(problem.to_owned()));
    }
    let expr = expression(&params)?;
    let value = evaluated(&state, &params, move |state, budget| {
        let mut rows: Vec<promql::Row> = Vec::new();
        let mut indices: HashMap<Labels, usize> = HashMap::new();
        let mut time = start;
        loop {
            let instants = Instants { time, start, end, lookback: lookback(state) };
            let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
            let points = match promql::evaluate(&expr, &store, instants, budget)? {
                Value::Vector(points) => points,
                Value::Scalar(value) => vec![promql::Point { labels: Labels::empty(), value }],
                Value::Text(_) | Value::Matrix(_) => {
                    let problem = "invalid expression type for range query, must be Scalar or instant Vector";
                    return Err(promql::Error::Parse(problem.to_owned()));
                }
            };
            drop(store);
            for point in points {
                let index = *indices.entry(point.labels.clone()).or_insert_with(|| {
                    rows.push(promql::Row { labels: point.labels, samples: Vec::new() });
                    rows.len() - 1
                });
                rows[index].samples.push(Sample { time, value: point.value });
            }
            match time.checked_add(step) {
                Some(next) if next <= end => time = next,
                _ => break,
            }
        }
        rows.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(rows))
    })
    .await?;
    success(Data { value, time: end })
}

fn expression(params: &Params) -> Result<Expr, RequestError> {
    promql::parse(params.get("query").unwrap_or_default())
        .map_err(|error| RequestError::query("query", error))
}

fn lookback(state: &ServerState) -> Millis {
    Millis::try_from(state.config.lookback.as_millis()).unwrap_or(Millis::MAX)
}

/// Evaluates on a blocking thread, within the timeout and the limit on concurrent queries.
async fn evaluated(
    state: &Arc<ServerState>,
    params: &Params,
    evaluate: impl FnOnce(&ServerState, &mut Budget) -> Result<Value, promql::Error> + Send + 'static,
) -> Result<Value, RequestError> {
    let asked = params.duration("timeout")?.unwrap_or(Duration::MAX);
    let timeout = asked.min(state.config.query_timeout);
    let deadline = Instant::now() + timeout;
    let permit = match tokio::time::timeout(timeout, Arc::clone(&state.queries).acquire_owned()).await {
        Ok(Ok(permit)) => permit,
        Ok(Err(_)) => return Err(RequestError::Internal("the server is shutting down".to_owned())),
        Err(_) => return Err(RequestError::Timeout("query timed out in query queue".to_owned())),
    };
    let state = Arc::clone(state);
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        evaluate(&state, &mut Budget::new(state.config.query_samples, deadline))
    });
    match task.await {
        Ok(result) => result.map_err(|error| RequestError::query("query", error)),
        Err(error) => Err(RequestError::Internal(format!("the evaluation of the query failed: {error}"))),
    }
}

/// A result at a time; serializes as the API's `data`.
struct Data {
    value: Value,
    time: Millis,
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, result) = match &self.value {
            Value::Scalar(value) => ("scalar", stamped(self.time, *value)),
            Value::Text(text) => ("string", json!([seconds(self.time), text])),
            Value::Vector(points) => {
                let element = |point: &promql::Point| json!({"metric": point.labels, "value": stamped(self.time, point.value)});
                ("vector", points.iter().map(element).collect())
            }
            Value::Matrix(rows) => {
                let element = |row: &promql::Row| {
                    let values: Json =
                        row.samples.iter().map(|sample| stamped(sample.time, sample.value)).collect();
                    json!({"metric": row.labels, "values": values})
                };
                ("matrix", rows.iter().map(element).collect())
            }
        };
        let mut data = serializer.serialize_struct("Data", 2)?;
        data.serialize_field("resultType", kind)?;
        data.serialize_field("result", &result)?;
        data.end()
    }
}

fn stamped(time: Millis, value: f64) -> Json {
    json!([seconds(time), number::format(value)])
}

/// Seconds; whole seconds are an integer, as in Prometheus.
fn seconds(time: Millis) -> Json {
    if time % 1000 == 0 { json!(time / 1000) } else { json!(time as f64 / 1000.0) }
}
