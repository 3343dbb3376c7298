//! Operators between two values: arithmetic, comparison, and the set operators between vectors.

use std::collections::{HashMap, HashSet};

use promfmt::exposition::NAME;
use promql_parser::parser::token::{
    T_ADD, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW,
    T_SUB,
};
use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

use crate::labels::Labels;

use super::context::Error;
use super::value::{Point, Value, distinct};

/// The kinds of operators. A comparison filters, or with `bool` gives 0 or 1.
#[derive(Clone, Copy)]
enum Operator {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(f64, f64) -> bool),
    Set(Set),
}

#[derive(Clone, Copy)]
enum Set {
    And,
    Or,
    Unless,
}

/// The value of an operator between two values.
pub(super) fn binary(expr: &BinaryExpr, left: Value, right: Value) -> Result<Value, Error> {
    let modifier = expr.modifier.as_ref();
    let truth = modifier.is_some_and(|modifier| modifier.return_bool);
    match (operator(expr)?, left, right) {
        (Operator::Set(set), Value::Vector(left), Value::Vector(right)) => {
            Ok(Value::Vector(combine(set, modifier, left, &right)))
        }
        (Operator::Arithmetic(compute), Value::Scalar(a), Value::Scalar(b)) => {
            Ok(Value::Scalar(compute(a, b)))
        }
        (Operator::Comparison(holds), Value::Scalar(a), Value::Scalar(b)) => {
            Ok(Value::Scalar(number(holds(a, b))))
        }
        (operator, Value::Vector(points), Value::Scalar(b)) => each(operator, truth, points, |a| (a, b)),
        (operator, Value::Scalar(a), Value::Vector(points)) => each(operator, truth, points, |b| (a, b)),
        (operator, Value::Vector(left), Value::Vector(right)) => pair(operator, modifier, truth, left, right),
        (_, Value::Scalar(_) | Value::Vector(_), other) | (_, other, _) => {
            Err(other.unexpected("a scalar or an instant vector"))
        }
    }
}

fn operator(expr: &BinaryExpr) -> Result<Operator, Error> {
    Ok(match expr.op.id() {
        T_ADD => Operator::Arithmetic(|a, b| a + b),
        T_SUB => Operator::Arithmetic(|a, b| a - b),
        T_MUL => Operator::Arithmetic(|a, b| a * b),
        T_DIV => Operator::Arithmetic(|a, b| a / b),
        T_MOD => Operator::Arithmetic(|a, b| a % b),
        T_POW => Operator::Arithmetic(f64::powf),
        T_EQLC => Operator::Comparison(|a, b| a == b),
        T_NEQ => Operator::Comparison(|a, b| a != b),
        T_GTR => Operator::Comparison(|a, b| a > b),
        T_LSS => Operator::Comparison(|a, b| a < b),
        T_GTE => Operator::Comparison(|a, b| a >= b),
        T_LTE => Operator::Comparison(|a, b| a <= b),
        T_LAND => Operator::Set(Set::And),
        T_LOR => Operator::Set(Set::Or),
        T_LUNLESS => Operator::Set(Set::Unless),
        _ => {
            return Err(Error::Execution(format!(
                "the operator {} is not supported by this server",
                expr.op
            )));
        }
    })
}

/// An operator between each element and a scalar; `sides` puts the two in their places. A comparison that
/// filters keeps the element as it is.
fn each(
    op: Operator,
    truth: bool,
    points: Vec<Point>,
    sides: impl Fn(f64) -> (f64, f64),
) -> Result<Value, Error> {
    let points = points.into_iter().filter_map(|point| {
        let (a, b) = sides(point.value);
        match op {
            Operator::Arithmetic(compute) => {
                Some(Point { labels: point.labels.unnamed(), value: compute(a, b) })
            }
            Operator::Comparison(holds) if truth => {
                Some(Point { labels: point.labels.unnamed(), value: number(holds(a, b)) })
            }
            Operator::Comparison(holds) => holds(a, b).then_some(point),
            Operator::Set(_) => None,
        }
    });
    distinct(points.collect()).map(Value::Vector)
}

/// `and`, `or`, `unless`: whole elements by whether the other side has one of the same signature.
fn combine(set: Set, modifier: Option<&BinModifier>, left: Vec<Point>, right: &[Point]) -> Vec<Point> {
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let signatures = |points: &[Point]| -> HashSet<Labels> {
        points.iter().map(|point| signature(&point.labels, matching)).collect()
    };
    match set {
        Set::And => {
            let known = signatures(right);
            left.into_iter().filter(|point| known.contains(&signature(&point.labels, matching))).collect()
        }
        Set::Unless => {
            let known = signatures(right);
            left.into_iter().filter(|point| !known.contains(&signature(&point.labels, matching))).collect()
        }
        Set::Or => {
            let known = signatures(&left);
            let more = right.iter().filter(|point| !known.contains(&signature(&point.labels, matching)));
            let mut all = left;
            all.extend(more.cloned());
            all
        }
    }
}

/// An operator between the elements of two vectors that have the same signature.
fn pair(
    op: Operator,
    modifier: Option<&BinModifier>,
    truth: bool,
    left: Vec<Point>,
    right: Vec<Point>,
) -> Result<Value, Error> {
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    if modifier
        .is_some_and(|modifier| modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some())
    {
        return Err(Error::Execution("the fill modifiers are not supported by this server".to_owned()));
    }
    let none = Vec::new();
    let (many, one, swapped, include) = match modifier.map(|modifier| &modifier.card) {
        Some(VectorMatchCardinality::ManyToOne(include)) => (left, right, false, Some(&include.labels)),
        Some(VectorMatchCardinality::OneToMany(include)) => (right, left, true, Some(&include.labels)),
        _ => (left, right, false, None),
    };
    let mut ones: HashMap<Labels, Point> = HashMap::with_capacity(one.len());
    for point in one {
        let key = signature(&point.labels, matching);
        if let Some(known) = ones.get(&key) {
            let side = if swapped { "left" } else { "right" };
            return Err(Error::Execution(format!(
                "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{}, {}]; \
                 many-to-many matching not allowed: matching labels must be unique on one side",
                point.labels, known.labels
            )));
        }
        ones.insert(key, point);
    }
    let mut used: HashSet<Labels> = HashSet::new();
    let mut results = Vec::new();
    for point in many {
        let key = signature(&point.labels, matching);
        let Some(other) = ones.get(&key) else { continue };
        let (a, b) = if swapped { (other.value, point.value) } else { (point.value, other.value) };
        let (value, renamed) = match op {
            Operator::Arithmetic(compute) => (compute(a, b), true),
            Operator::Comparison(holds) if truth => (number(holds(a, b)), true),
            Operator::Comparison(holds) if holds(a, b) => (a, false),
            Operator::Comparison(_) | Operator::Set(_) => continue,
        };
        let mut labels = if renamed { point.labels.unnamed() } else { point.labels.clone() };
        if include.is_none() {
            labels = match matching {
                Some(LabelModifier::Include(on)) => {
                    labels.filter(|name| on.labels.iter().any(|kept| kept == name))
                }
                Some(LabelModifier::Exclude(ignored)) => {
                    labels.filter(|name| !ignored.labels.iter().any(|dropped| dropped == name))
                }
                None => labels,
            };
            if !used.insert(key) {
                return Err(Error::Execution(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                        .to_owned(),
                ));
            }
        }
        for name in include.unwrap_or(&none) {
            labels = labels.with(name, other.labels.get(name));
        }
        if include.is_some() && !used.insert(labels.clone()) {
            return Err(Error::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ));
        }
        results.push(Point { labels, value });
    }
    Ok(Value::Vector(results))
}

/// The labels by which two elements belong together.
fn signature(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    match matching {
        Some(LabelModifier::Include(on)) => labels.filter(|name| on.labels.iter().any(|kept| kept == name)),
        Some(LabelModifier::Exclude(ignored)) => {
            labels.filter(|name| name != NAME && !ignored.labels.iter().any(|dropped| dropped == name))
        }
        None => labels.unnamed(),
    }
}

fn number(truth: bool) -> f64 {
    if truth { 1.0 } else { 0.0 }
}
