//! Walks the expression.

use std::time::SystemTime;

use promql_parser::parser::{AtModifier, Call, Expr, Offset, VectorSelector};

use crate::sample::{Millis, Sample};
use crate::store::{Series, Store};

use super::value::distinct;
use super::{Budget, Error, Instants, Point, Row, Value, aggregate, binary, function, matchers};

/// Deepest nesting of an expression; each level is a level of recursion here.
const DEPTH: usize = 100;

/// One evaluation at one instant.
pub(super) struct Evaluator<'a> {
    store: &'a Store,
    pub(super) instants: Instants,
    budget: &'a mut Budget,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(store: &'a Store, instants: Instants, budget: &'a mut Budget) -> Self {
        Self { store, instants, budget }
    }

    pub(super) fn value(&mut self, expr: &Expr, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(Error::Execution(format!("the expression is nested deeper than {DEPTH} levels")));
        }
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(inner) => self.value(&inner.expr, depth + 1),
            Expr::Unary(inner) => match self.value(&inner.expr, depth + 1)? {
                Value::Scalar(value) => Ok(Value::Scalar(-value)),
                Value::Vector(points) => mapped(points, |value| -value),
                other => Err(unexpected("a scalar or an instant vector", &other)),
            },
            Expr::VectorSelector(selector) => {
                let points = self.instant(selector)?.into_iter();
                Ok(Value::Vector(points.map(|(series, s)| point(series, s.value)).collect()))
            }
            Expr::MatrixSelector(selector) => {
                Ok(Value::Matrix(self.range(&selector.vs, millis(selector.range))?))
            }
            Expr::Aggregate(aggregation) => {
                let points = self.vector(&aggregation.expr, depth + 1)?;
                aggregate::aggregate(aggregation, points).map(Value::Vector)
            }
            Expr::Binary(operation) => {
                let left = self.value(&operation.lhs, depth + 1)?;
                let right = self.value(&operation.rhs, depth + 1)?;
                binary::binary(operation, left, right)
            }
            Expr::Call(call) => self.call(call, depth + 1),
            Expr::Subquery(_) => {
                Err(Error::Execution("subqueries are not offered by this server".to_owned()))
            }
            Expr::Extension(_) => Err(Error::Execution("an expression of an unknown kind".to_owned())),
        }
    }

    pub(super) fn vector(&mut self, expr: &Expr, depth: usize) -> Result<Vec<Point>, Error> {
        match self.value(expr, depth)? {
            Value::Vector(points) => Ok(points),
            other => Err(unexpected("an instant vector", &other)),
        }
    }

    pub(super) fn scalar(&mut self, expr: &Expr, depth: usize) -> Result<f64, Error> {
        match self.value(expr, depth)? {
            Value::Scalar(value) => Ok(value),
            other => Err(unexpected("a scalar", &other)),
        }
    }

    pub(super) fn matrix(&mut self, expr: &Expr, depth: usize) -> Result<Vec<Row>, Error> {
        match self.value(expr, depth)? {
            Value::Matrix(rows) => Ok(rows),
            other => Err(unexpected("a range vector", &other)),
        }
    }

    /// What an instant selector finds, with each sample's own time.
    pub(super) fn instant(&mut self, selector: &VectorSelector) -> Result<Vec<(&'a Series, Sample)>, Error> {
        let (time, lookback) = (self.moment(selector), self.instants.lookback);
        let series = self.store.select(&matchers(selector)?);
        self.budget.spend(series.len())?;
        Ok(series.into_iter().filter_map(|series| Some((series, series.at(time, lookback)?))).collect())
    }

    fn range(&mut self, selector: &VectorSelector, length: Millis) -> Result<Vec<Row>, Error> {
        let end = self.moment(selector);
        let mut rows = Vec::new();
        for series in self.store.select(&matchers(selector)?) {
            let samples: Vec<Sample> = series.between(end.saturating_sub(length), end).collect();
            self.budget.spend(samples.len())?;
            if !samples.is_empty() {
                rows.push(Row { labels: series.labels.clone(), samples });
            }
        }
        Ok(rows)
    }

    /// The instant that a selector looks at: its `@`, else the query's time, moved by its `offset`.
    fn moment(&self, selector: &VectorSelector) -> Millis {
        let base = match &selector.at {
            None => self.instants.time,
            Some(AtModifier::Start) => self.instants.start,
            Some(AtModifier::End) => self.instants.end,
            Some(AtModifier::At(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => millis(since),
                Err(before) => -millis(before.duration()),
            },
        };
        match &selector.offset {
            None => base,
            Some(Offset::Pos(back)) => base.saturating_sub(millis(*back)),
            Some(Offset::Neg(ahead)) => base.saturating_add(millis(*ahead)),
        }
    }

    fn call(&mut self, call: &Call, depth: usize) -> Result<Value, Error> {
        function::call(self, call, depth)
    }
}

/// Applies `change` to every value; what is changed is no longer the metric that its name says.
pub(super) fn mapped(points: Vec<Point>, change: impl Fn(f64) -> f64) -> Result<Value, Error> {
    let points = points.into_iter().map(|p| Point { labels: p.labels.unnamed(), value: change(p.value) });
    distinct(points.collect()).map(Value::Vector)
}

pub(super) fn point(series: &Series, value: f64) -> Point {
    Point { labels: series.labels.clone(), value }
}

pub(super) fn unexpected(wanted: &str, got: &Value) -> Error {
    let got = match got {
        Value::Scalar(_) => "a scalar",
        Value::Text(_) => "a string",
        Value::Vector(_) => "an instant vector",
        Value::Matrix(_) => "a range vector",
    };
    Error::Execution(format!("expected {wanted}, got {got}"))
}

fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
