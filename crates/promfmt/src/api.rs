//! Answers of Prometheus' HTTP API, version 1.
//!
//! Source: Prometheus' documentation, "HTTP API"; `web/api/v1/api.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::number;

/// The envelope of every answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Answer<T> {
    /// An answer with data.
    Success {
        /// The data.
        data: T,
    },
    /// An error.
    Error(ApiError),
}

/// An error of the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{kind}: {message}")]
pub struct ApiError {
    /// `bad_data`, `execution`, `timeout`, `internal`, `unavailable` or `not_found`.
    #[serde(rename = "errorType")]
    pub kind: String,
    /// The reason, for people.
    #[serde(rename = "error")]
    pub message: String,
}

impl<T> Answer<T> {
    /// The data of the answer.
    ///
    /// # Errors
    /// The error that the server answered.
    pub fn into_result(self) -> Result<T, ApiError> {
        match self {
            Self::Success { data } => Ok(data),
            Self::Error(error) => Err(error),
        }
    }
}

/// Labels of a series or of a target.
pub type Labels = BTreeMap<String, String>;

/// `data` of `/api/v1/query` and `/api/v1/query_range`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum QueryResult {
    /// One value a series.
    Vector(Vec<Element>),
    /// Several values a series.
    Matrix(Vec<Row>),
    /// One value without labels.
    Scalar(Point),
    /// A text and its time.
    String((f64, String)),
}

impl QueryResult {
    /// The elements of an instant vector; a scalar is one element without labels. `None` for the other types.
    #[must_use]
    pub fn into_vector(self) -> Option<Vec<Element>> {
        match self {
            Self::Vector(elements) => Some(elements),
            Self::Scalar(value) => Some(vec![Element { metric: Labels::new(), value }]),
            Self::Matrix(_) | Self::String(_) => None,
        }
    }
}

/// An element of an instant vector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Element {
    /// Labels.
    #[serde(default)]
    pub metric: Labels,
    /// Time of the evaluation, and the value.
    pub value: Point,
}

/// An element of a range vector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    /// Labels.
    #[serde(default)]
    pub metric: Labels,
    /// Samples, oldest first.
    #[serde(default)]
    pub values: Vec<Point>,
}

/// A value and its time, in JSON `[1700000000.5, "42"]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "(f64, String)")]
pub struct Point {
    /// Seconds since 1970, by Prometheus' clock.
    pub time: f64,
    /// The value; may be NaN or infinite.
    pub value: f64,
}

/// A sample value that is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sample value {0:?} is not a number")]
pub struct NotANumber(String);

impl TryFrom<(f64, String)> for Point {
    type Error = NotANumber;

    fn try_from((time, text): (f64, String)) -> Result<Self, NotANumber> {
        match number::parse(&text) {
            Some(value) => Ok(Self { time, value }),
            None => Err(NotANumber(text)),
        }
    }
}

/// `data` of `/api/v1/targets`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Targets {
    /// Targets that Prometheus scrapes.
    pub active_targets: Vec<Target>,
    /// Number of dropped candidates by pool; `null` if the request asks for active targets only.
    pub dropped_target_counts: Option<BTreeMap<String, u64>>,
}

/// A target that Prometheus scrapes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Target {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels that the target's series get.
    pub labels: Labels,
    /// The pool, such as `serviceMonitor/NAMESPACE/NAME/0`.
    pub scrape_pool: String,
    /// The URL, as Prometheus reaches it.
    pub scrape_url: String,
    /// The URL, as others reach it.
    pub global_url: String,
    /// Error of the last scrape; empty if it succeeded.
    pub last_error: String,
    /// Time of the last scrape in RFC 3339, by Prometheus' clock; `0001-01-01T00:00:00Z` before the first one.
    pub last_scrape: String,
    /// Duration of the last scrape in seconds.
    pub last_scrape_duration: f64,
    /// `up`, `down` or `unknown`.
    pub health: String,
    /// Time between two scrapes, such as `15s`.
    pub scrape_interval: String,
    /// Timeout of a scrape, such as `10s`.
    pub scrape_timeout: String,
}

/// `data` of `/api/v1/scrape_pools`, which Prometheus has since 2.42.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScrapePools {
    /// Names of the pools.
    pub scrape_pools: Vec<String>,
}

/// `data` of `/api/v1/rules`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RuleGroups {
    /// The groups, by file.
    pub groups: Vec<RuleGroup>,
}

/// A group of recording and alerting rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RuleGroup {
    /// Name of the group.
    pub name: String,
    /// The file that the group is from.
    pub file: String,
    /// The rules, in the order of their evaluation.
    pub rules: Vec<RuleState>,
}

/// A recording or alerting rule, and the state of its last evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleState {
    /// Name of the alert, or of the recorded series.
    pub name: String,
    /// The expression.
    pub query: String,
    /// `recording` or `alerting`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ok`, `err` or `unknown`.
    pub health: String,
    /// Error of the last evaluation; empty if it succeeded.
    pub last_error: String,
    /// `inactive`, `pending` or `firing`; empty for a recording rule.
    pub state: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(data: &serde_json::Value) -> Result<QueryResult, serde_json::Error> {
        let answer: Answer<QueryResult> = serde_json::from_value(json!({"status": "success", "data": data}))?;
        Ok(answer.into_result().expect("a success"))
    }

    #[test]
    fn reads_every_type_of_result() {
        let vector =
            json!({"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "+Inf"]}]});
        let vector = query(&vector).unwrap().into_vector().unwrap();
        assert_eq!((vector[0].metric["a"].as_str(), vector[0].value.time), ("b", 1.5));
        assert!(vector[0].value.value.is_infinite());
        let scalar =
            query(&json!({"resultType": "scalar", "result": [1, "2"]})).unwrap().into_vector().unwrap();
        assert_eq!(scalar, [Element { metric: Labels::new(), value: Point { time: 1.0, value: 2.0 } }]);
        let matrix = query(
            &json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"], [3, "NaN"]]}]}),
        );
        let QueryResult::Matrix(rows) = matrix.unwrap() else { panic!("a matrix") };
        assert_eq!(rows[0].values[0], Point { time: 1.0, value: 2.0 });
        let string = query(&json!({"resultType": "string", "result": [1, "x"]})).unwrap();
        assert_eq!(string.into_vector(), None);
        let error = query(&json!({"resultType": "scalar", "result": [1, "x"]})).unwrap_err();
        assert!(error.to_string().contains("not a number"), "{error}");
    }

    #[test]
    fn reads_and_writes_errors() {
        let text = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let answer: Answer<QueryResult> = serde_json::from_str(text).unwrap();
        assert_eq!(answer.into_result().unwrap_err().to_string(), "bad_data: parse error");
        let error = ApiError { kind: "bad_data".to_owned(), message: "parse error".to_owned() };
        assert_eq!(serde_json::to_string(&Answer::<()>::Error(error)).unwrap(), text);
        assert!(serde_json::from_str::<Answer<QueryResult>>("<html>").is_err());
    }

    #[test]
    fn reads_targets_and_rules() {
        let targets: Targets = serde_json::from_value(json!({
            "activeTargets": [{"scrapePool": "p", "health": "up", "labels": {"job": "j"}, "scrapeInterval": "15s"}],
            "droppedTargets": [], "droppedTargetCounts": null,
        }))
        .unwrap();
        assert_eq!((targets.active_targets[0].health.as_str(), targets.dropped_target_counts), ("up", None));
        let rules: RuleGroups = serde_json::from_value(json!({"groups": [{"name": "g", "rules": [
            {"name": "Down", "type": "alerting", "state": "firing", "health": "ok", "query": "up == 0"}]}]}))
        .unwrap();
        assert_eq!(rules.groups[0].rules[0].state, "firing");
    }
}
