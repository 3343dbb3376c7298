//! Functions over single values and selectors.

use promfmt::exposition::NAME;
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};

use crate::labels::Labels;

use super::context::Error;

/// Rounds as Prometheus does: halves go up, and the inverse keeps steps such as 0.1 exact.
pub(super) fn round(value: f64, nearest: f64) -> f64 {
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// Limits a value; NaN as value or bound gives NaN.
pub(super) fn clamp(value: f64, low: f64, high: f64) -> f64 {
    if low.is_nan() || high.is_nan() {
        f64::NAN
    } else if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// The selector inside of any parentheses, for the function that reads the time of a sample.
pub(super) fn selector(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::Paren(inner) => selector(&inner.expr),
        _ => None,
    }
}

/// The labels of an absent series: those that the selector fixes by one equality.
pub(super) fn absent_labels(expr: &Expr) -> Labels {
    let Expr::VectorSelector(selector) = expr else { return Labels::empty() };
    let matchers = &selector.matchers.matchers;
    let asked = matchers.iter().filter(|m| {
        m.name != NAME
            && matches!(m.op, MatchOp::Equal)
            && matchers.iter().filter(|other| other.name == m.name).count() == 1
    });
    Labels::new(asked.map(|m| (m.name.as_str(), m.value.as_str())))
}

pub(super) fn unsupported_arguments(name: &str) -> Error {
    Error::Execution(format!("the function {name} is not supported with these arguments"))
}
