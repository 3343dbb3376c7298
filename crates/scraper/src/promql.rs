//! Evaluates PromQL at one instant.
//!
//! The grammar and its type rules come from `promql-parser`; the meaning of an expression is Prometheus', for the part
//! of the language that autoscaling rules and dashboards use. The rest of the language parses, and the evaluator
//! refuses it by name instead of giving a wrong answer.

mod aggregate;
mod binary;
mod context;
mod eval;
mod function;
mod range;
mod value;

use promql_parser::label::Matcher;
use promql_parser::parser::Expr;

use crate::store::Store;

pub(crate) use context::{Budget, Error, Instants};
pub(crate) use value::{Point, Row, Value};

/// Longest query in bytes. The evaluation of the parser's tree is recursive, so its depth needs a limit.
const MAX_QUERY_BYTES: usize = 8 << 10;

/// Parses a query.
///
/// # Errors
/// [`Error::Parse`] for a text that is not PromQL or is longer than 8 KiB.
pub(crate) fn parse(query: &str) -> Result<Expr, Error> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(Error::Parse(format!(
            "the query has {} bytes, at most {MAX_QUERY_BYTES} are allowed",
            query.len()
        )));
    }
    promql_parser::parser::parse(query).map_err(|error| Error::Parse(format!("parse error: {error}")))
}

/// Parses a `match[]` parameter: an instant selector and nothing else.
///
/// # Errors
/// [`Error::Parse`] for anything else.
pub(crate) fn parse_selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse(text)? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            eval::matchers(&selector)
        }
        other => Err(Error::Parse(format!("{other} is not a series selector"))),
    }
}

/// The value of `expr` at an instant.
///
/// # Errors
/// Any [`Error`].
pub(crate) fn evaluate(
    expr: &Expr,
    store: &Store,
    instants: Instants,
    budget: &mut Budget,
) -> Result<Value, Error> {
    eval::Evaluator::new(store, instants, budget).value(expr, 0)
}

#[cfg(test)]
mod tests;
