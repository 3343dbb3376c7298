//! What an expression evaluates to.

use std::collections::HashSet;

use crate::labels::Labels;
use crate::sample::Sample;

use super::Error;

/// One element of an instant vector. Its time is the query's: only `timestamp()` looks at a sample's own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// One element of a range vector.
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

/// Refuses a vector that names one series twice, which an operation that drops labels can bring about.
pub(crate) fn distinct(points: Vec<Point>) -> Result<Vec<Point>, Error> {
    let mut seen = HashSet::with_capacity(points.len());
    if points.iter().all(|point| seen.insert(&point.labels)) {
        Ok(points)
    } else {
        Err(Error::Execution("vector cannot contain metrics with the same labelset".to_owned()))
    }
}
