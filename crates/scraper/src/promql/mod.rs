//! Evaluates PromQL at one instant.
//!
//! The grammar and its type rules come from `promql-parser`; what an expression means is Prometheus' own, written
//! down here for the part of the language that autoscaling rules and dashboards use. The rest of the language
//! parses and is then refused by name, so that a wrong answer is never given for a right question.

mod aggregate;
mod binary;
mod eval;
mod function;
mod range;
mod value;

use std::time::Instant;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

use crate::labels::NAME;
use crate::sample::Millis;
use crate::store::Store;

pub(crate) use value::{Point, Row, Value};

/// Longest query in bytes. The parser's tree is walked by recursion, so its depth must have a bound.
const LENGTH: usize = 8 << 10;

/// Why a query has no answer; the kinds are those of Prometheus' HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// Not PromQL.
    #[error("{0}")]
    Parse(String),
    /// PromQL that has no answer, or none from this server.
    #[error("{0}")]
    Execution(String),
    /// Longer than it may take.
    #[error("the query took longer than its time-out")]
    Timeout,
}

/// When and how far to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instants {
    /// The time of evaluation.
    pub(crate) time: Millis,
    /// What `@ start()` and `@ end()` stand for; equal to `time` unless a range of instants is evaluated.
    pub(crate) start: Millis,
    pub(crate) end: Millis,
    /// How old a sample an instant selector takes.
    pub(crate) lookback: Millis,
}

impl Instants {
    /// A single instant.
    pub(crate) fn at(time: Millis, lookback: Millis) -> Self {
        Self { time, start: time, end: time, lookback }
    }
}

/// What one query may still use up.
#[derive(Debug)]
pub(crate) struct Budget {
    samples: usize,
    limit: usize,
    deadline: Instant,
}

impl Budget {
    /// At most `samples` of them, and not past `deadline`.
    pub(crate) fn new(samples: usize, deadline: Instant) -> Self {
        Self { samples, limit: samples, deadline }
    }

    /// Takes `samples` off.
    fn spend(&mut self, samples: usize) -> Result<(), Error> {
        if Instant::now() > self.deadline {
            return Err(Error::Timeout);
        }
        self.samples = self.samples.checked_sub(samples).ok_or_else(|| {
            Error::Execution(format!(
                "the query would touch more than {} samples; select fewer series",
                self.limit
            ))
        })?;
        Ok(())
    }
}

/// Reads a query.
///
/// # Errors
/// [`Error::Parse`] for what is not PromQL or is longer than 8 KiB.
pub(crate) fn parse(query: &str) -> Result<Expr, Error> {
    if query.len() > LENGTH {
        return Err(Error::Parse(format!("the query has {} bytes, at most {LENGTH} are taken", query.len())));
    }
    promql_parser::parser::parse(query).map_err(|error| Error::Parse(format!("parse error: {error}")))
}

/// Reads one `match[]` parameter: an instant selector and nothing else.
///
/// # Errors
/// [`Error::Parse`] for anything else.
pub(crate) fn parse_selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse(text)? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            matchers(&selector)
        }
        other => Err(Error::Parse(format!("{other} is not a series selector"))),
    }
}

/// The value of `expr` at an instant.
///
/// # Errors
/// Any [`Error`]; the store is not changed by a query.
pub(crate) fn evaluate(
    expr: &Expr,
    store: &Store,
    instants: Instants,
    budget: &mut Budget,
) -> Result<Value, Error> {
    eval::Evaluator::new(store, instants, budget).value(expr, 0)
}

/// A selector's matchers, its metric name among them.
fn matchers(selector: &VectorSelector) -> Result<Vec<Matcher>, Error> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(Error::Execution(
            "matchers joined by `or` are not offered; write the selector twice".to_owned(),
        ));
    }
    let mut matchers = selector.matchers.matchers.clone();
    if let Some(name) = &selector.name {
        matchers.push(Matcher::new(MatchOp::Equal, NAME, name));
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests;
