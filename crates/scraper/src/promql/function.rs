//! The functions that are offered.

use promql_parser::label::MatchOp;
use promql_parser::parser::{Call, Expr, VectorSelector};

use crate::labels::{Labels, NAME};
use crate::sample::Millis;

use super::eval::{Evaluator, mapped};
use super::value::distinct;
use super::{Error, Point, Value, range};

/// The value of a call; a function that is not offered is refused by its name.
pub(super) fn call(evaluator: &mut Evaluator<'_>, call: &Call, depth: usize) -> Result<Value, Error> {
    let name = call.func.name;
    let argument = |at: usize| call.args.args.get(at).map(AsRef::as_ref);
    if let Some(change) = elementwise(name) {
        let Some(argument) = argument(0) else { return Err(missing(name)) };
        return mapped(evaluator.vector(argument, depth)?, change);
    }
    if let Some(fold) = range::over_time(name) {
        let Some(argument @ Expr::MatrixSelector(selector)) = argument(0) else { return Err(missing(name)) };
        let rows = evaluator.matrix(argument, depth)?;
        let window = range::Window::new(selector, evaluator.instants.time);
        return range::fold(rows, window, fold, name == "last_over_time")
            .and_then(distinct)
            .map(Value::Vector);
    }
    match (name, argument(0)) {
        ("time", None) => Ok(Value::Scalar(seconds(evaluator.instants.time))),
        ("vector", Some(scalar)) => {
            let value = evaluator.scalar(scalar, depth)?;
            Ok(Value::Vector(vec![Point { labels: Labels::empty(), value }]))
        }
        ("scalar", Some(vector)) => match evaluator.vector(vector, depth)?.as_slice() {
            [only] => Ok(Value::Scalar(only.value)),
            _ => Ok(Value::Scalar(f64::NAN)),
        },
        ("absent", Some(vector)) => {
            let present = !evaluator.vector(vector, depth)?.is_empty();
            let labels = absent_labels(vector);
            Ok(Value::Vector(if present { Vec::new() } else { vec![Point { labels, value: 1.0 }] }))
        }
        ("timestamp", Some(vector)) => {
            if let Some(selector) = selector(vector) {
                let samples = evaluator.instant(selector)?.into_iter();
                let points = samples
                    .map(|(series, s)| Point { labels: series.labels.unnamed(), value: seconds(s.time) });
                return distinct(points.collect()).map(Value::Vector);
            }
            let time = seconds(evaluator.instants.time);
            mapped(evaluator.vector(vector, depth)?, |_| time)
        }
        ("round", Some(vector)) => {
            let nearest = match argument(1) {
                Some(scalar) => evaluator.scalar(scalar, depth)?,
                None => 1.0,
            };
            // As Prometheus computes it: halves go up, and the inverse keeps 0.1 steps exact.
            let inverse = 1.0 / nearest;
            mapped(evaluator.vector(vector, depth)?, |value| (value * inverse + 0.5).floor() / inverse)
        }
        ("clamp" | "clamp_min" | "clamp_max", Some(vector)) => {
            let bound = |evaluator: &mut Evaluator<'_>, at: usize| match argument(at) {
                Some(scalar) => evaluator.scalar(scalar, depth),
                None => Err(missing(name)),
            };
            let (low, high) = match name {
                "clamp_min" => (bound(evaluator, 1)?, f64::INFINITY),
                "clamp_max" => (f64::NEG_INFINITY, bound(evaluator, 1)?),
                _ => (bound(evaluator, 1)?, bound(evaluator, 2)?),
            };
            let points = evaluator.vector(vector, depth)?;
            if low > high {
                return Ok(Value::Vector(Vec::new()));
            }
            mapped(
                points,
                |value| if low.is_nan() || high.is_nan() { f64::NAN } else { limit(value, low, high) },
            )
        }
        ("sort" | "sort_desc", Some(vector)) => {
            let mut points = evaluator.vector(vector, depth)?;
            points.sort_by(|a, b| {
                let order = a.value.partial_cmp(&b.value);
                let order = if name == "sort" { order } else { order.map(std::cmp::Ordering::reverse) };
                order.unwrap_or_else(|| a.value.is_nan().cmp(&b.value.is_nan()))
            });
            Ok(Value::Vector(points))
        }
        _ => Err(Error::Execution(format!("the function {name} is not offered by this server"))),
    }
}

/// Functions that change every value by itself.
fn elementwise(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sgn" => |value| if value == 0.0 || value.is_nan() { value } else { value.signum() },
        _ => return None,
    })
}

/// A NaN stays one.
fn limit(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// The selector inside any parentheses, for the one function that looks at a sample's own time.
fn selector(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::Paren(inner) => selector(&inner.expr),
        _ => None,
    }
}

/// The labels that an absent series would have borne: those that the selector asks for by equality, once.
fn absent_labels(expr: &Expr) -> Labels {
    let Expr::VectorSelector(selector) = expr else { return Labels::empty() };
    let matchers = &selector.matchers.matchers;
    let asked = matchers.iter().filter(|m| {
        m.name != NAME
            && matches!(m.op, MatchOp::Equal)
            && matchers.iter().filter(|other| other.name == m.name).count() == 1
    });
    Labels::new(asked.map(|m| (m.name.as_str(), m.value.as_str())))
}

pub(super) fn seconds(time: Millis) -> f64 {
    time as f64 / 1000.0
}

fn missing(name: &str) -> Error {
    Error::Execution(format!("the function {name} is not offered with these arguments"))
}
