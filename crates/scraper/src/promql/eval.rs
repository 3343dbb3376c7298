//! Evaluation of expressions.

use std::time::SystemTime;

use promfmt::exposition::NAME;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{AtModifier, Call, Expr, Offset, VectorSelector};

use crate::labels::Labels;
use crate::sample::{Millis, Sample, seconds};
use crate::store::{Series, Store};

use super::context::{Budget, Error, Instants};
use super::value::{Point, Row, Value, distinct, mapped};
use super::{aggregate, binary, function, range};

/// Deepest nesting of an expression; each level is a level of recursion here.
const MAX_DEPTH: usize = 100;

/// One evaluation at one instant.
pub(super) struct Evaluator<'a> {
    store: &'a Store,
    instants: Instants,
    budget: &'a mut Budget,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(store: &'a Store, instants: Instants, budget: &'a mut Budget) -> Self {
        Self { store, instants, budget }
    }

    pub(super) fn value(&mut self, expr: &Expr, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Execution(format!("the expression is nested deeper than {MAX_DEPTH} levels")));
        }
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(inner) => self.value(&inner.expr, depth + 1),
            Expr::Unary(inner) => match self.value(&inner.expr, depth + 1)? {
                Value::Scalar(value) => Ok(Value::Scalar(-value)),
                Value::Vector(points) => mapped(points, |value| -value),
                other => Err(other.unexpected("a scalar or an instant vector")),
            },
            Expr::VectorSelector(selector) => {
                let samples = self.instant(selector)?.into_iter();
                let points =
                    samples.map(|(series, s)| Point { labels: series.labels.clone(), value: s.value });
                Ok(Value::Vector(points.collect()))
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
                Err(Error::Execution("subqueries are not supported by this server".to_owned()))
            }
            Expr::Extension(_) => Err(Error::Execution("an expression of an unknown kind".to_owned())),
        }
    }

    fn vector(&mut self, expr: &Expr, depth: usize) -> Result<Vec<Point>, Error> {
        match self.value(expr, depth)? {
            Value::Vector(points) => Ok(points),
            other => Err(other.unexpected("an instant vector")),
        }
    }

    fn scalar(&mut self, expr: &Expr, depth: usize) -> Result<f64, Error> {
        match self.value(expr, depth)? {
            Value::Scalar(value) => Ok(value),
            other => Err(other.unexpected("a scalar")),
        }
    }

    /// The samples that an instant selector finds, with their own times.
    fn instant(&mut self, selector: &VectorSelector) -> Result<Vec<(&'a Series, Sample)>, Error> {
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

    /// The instant that a selector looks at: its `@` or the query's time, moved by its `offset`.
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

    /// The value of a call; an unsupported function is refused by name.
    fn call(&mut self, call: &Call, depth: usize) -> Result<Value, Error> {
        let name = call.func.name;
        let argument = |at: usize| call.args.args.get(at).map(AsRef::as_ref);
        if let Some(fold) = range::fold_named(name) {
            let Some(Expr::MatrixSelector(selector)) = argument(0) else {
                return Err(function::unsupported_arguments(name));
            };
            let length = millis(selector.range);
            let end = self.moment(&selector.vs);
            let rows = self.range(&selector.vs, length)?;
            let points = range::fold(&rows, range::Window { start: end.saturating_sub(length), end }, fold);
            return distinct(points).map(Value::Vector);
        }
        match (name, argument(0)) {
            ("time", None) => Ok(Value::Scalar(seconds(self.instants.time))),
            ("vector", Some(scalar)) => {
                let value = self.scalar(scalar, depth)?;
                Ok(Value::Vector(vec![Point { labels: Labels::empty(), value }]))
            }
            ("absent", Some(vector)) => {
                let present = !self.vector(vector, depth)?.is_empty();
                let labels = function::absent_labels(vector);
                Ok(Value::Vector(if present { Vec::new() } else { vec![Point { labels, value: 1.0 }] }))
            }
            ("timestamp", Some(vector)) => {
                if let Some(selector) = function::selector(vector) {
                    let samples = self.instant(selector)?.into_iter();
                    let points = samples
                        .map(|(series, s)| Point { labels: series.labels.unnamed(), value: seconds(s.time) });
                    return distinct(points.collect()).map(Value::Vector);
                }
                let time = seconds(self.instants.time);
                mapped(self.vector(vector, depth)?, |_| time)
            }
            ("ceil", Some(vector)) => mapped(self.vector(vector, depth)?, f64::ceil),
            ("floor", Some(vector)) => mapped(self.vector(vector, depth)?, f64::floor),
            ("round", Some(vector)) => {
                let nearest = argument(1).map_or(Ok(1.0), |scalar| self.scalar(scalar, depth))?;
                mapped(self.vector(vector, depth)?, |value| function::round(value, nearest))
            }
            ("clamp" | "clamp_min" | "clamp_max", Some(vector)) => {
                let mut bound = |at: usize| match argument(at) {
                    Some(scalar) => self.scalar(scalar, depth),
                    None => Err(function::unsupported_arguments(name)),
                };
                let (low, high) = match name {
                    "clamp_min" => (bound(1)?, f64::INFINITY),
                    "clamp_max" => (f64::NEG_INFINITY, bound(1)?),
                    _ => (bound(1)?, bound(2)?),
                };
                let points = self.vector(vector, depth)?;
                if low > high {
                    return Ok(Value::Vector(Vec::new()));
                }
                mapped(points, |value| function::clamp(value, low, high))
            }
            _ => Err(Error::Execution(format!("the function {name} is not supported by this server"))),
        }
    }
}

/// The matchers of a selector, with its metric name.
pub(super) fn matchers(selector: &VectorSelector) -> Result<Vec<Matcher>, Error> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(Error::Execution(
            "matchers joined by `or` are not supported; write the selector twice".to_owned(),
        ));
    }
    let mut matchers = selector.matchers.matchers.clone();
    if let Some(name) = &selector.name {
        matchers.push(Matcher::new(MatchOp::Equal, NAME, name));
    }
    Ok(matchers)
}

fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
