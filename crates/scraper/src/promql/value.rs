//! Results of expressions.

use std::collections::HashSet;

use crate::labels::Labels;
use crate::sample::Sample;

use super::context::Error;

/// An element of an instant vector. Its time is the query's; only `timestamp()` reads the time of a sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// An element of a range vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<Sample>,
}

/// The four types of PromQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(f64),
    Text(String),
    Vector(Vec<Point>),
    Matrix(Vec<Row>),
}

impl Value {
    /// The error for a value that is not of the type `wanted`.
    pub(super) fn unexpected(&self, wanted: &str) -> Error {
        let got = match self {
            Self::Scalar(_) => "a scalar",
            Self::Text(_) => "a string",
            Self::Vector(_) => "an instant vector",
            Self::Matrix(_) => "a range vector",
        };
        Error::Execution(format!("expected {wanted}, got {got}"))
    }
}

/// Refuses a vector with two elements of the same labels, which an operation that drops labels can produce.
pub(super) fn distinct(points: Vec<Point>) -> Result<Vec<Point>, Error> {
    let mut seen = HashSet::with_capacity(points.len());
    if points.iter().all(|point| seen.insert(&point.labels)) {
        Ok(points)
    } else {
        Err(Error::Execution("vector cannot contain metrics with the same labelset".to_owned()))
    }
}

/// Applies `change` to every value, and drops the metric's name: the result is another metric.
pub(super) fn mapped(points: Vec<Point>, change: impl Fn(f64) -> f64) -> Result<Value, Error> {
    let points = points.into_iter().map(|p| Point { labels: p.labels.unnamed(), value: change(p.value) });
    distinct(points.collect()).map(Value::Vector)
}
