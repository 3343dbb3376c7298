//! The aggregations `sum`, `avg`, `min`, `max` and `count`, over all elements or by labels.

use std::collections::HashMap;

use promfmt::exposition::NAME;
use promql_parser::parser::token::{T_AVG, T_COUNT, T_MAX, T_MIN, T_SUM};
use promql_parser::parser::{AggregateExpr, LabelModifier};

use crate::labels::Labels;

use super::context::Error;
use super::value::Point;

#[derive(Clone, Copy)]
enum Operation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
}

/// Groups `points` and folds each group to one value, in the order of the groups' first elements.
pub(super) fn aggregate(expr: &AggregateExpr, points: Vec<Point>) -> Result<Vec<Point>, Error> {
    let operation = match expr.op.id() {
        T_SUM => Operation::Sum,
        T_AVG => Operation::Avg,
        T_MIN => Operation::Min,
        T_MAX => Operation::Max,
        T_COUNT => Operation::Count,
        _ => {
            return Err(Error::Execution(format!(
                "the aggregation {} is not supported by this server",
                expr.op
            )));
        }
    };
    let mut groups: Vec<(Labels, Vec<f64>)> = Vec::new();
    let mut indices: HashMap<Labels, usize> = HashMap::new();
    for Point { labels, value } in points {
        let key = group_labels(&labels, expr.modifier.as_ref());
        let index = *indices.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(value);
    }
    Ok(groups.into_iter().map(|(labels, values)| Point { labels, value: fold(operation, &values) }).collect())
}

fn group_labels(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::empty(),
        Some(LabelModifier::Include(names)) => {
            labels.filter(|name| names.labels.iter().any(|kept| kept == name))
        }
        Some(LabelModifier::Exclude(names)) => {
            labels.filter(|name| name != NAME && !names.labels.iter().any(|dropped| dropped == name))
        }
    }
}

fn fold(operation: Operation, values: &[f64]) -> f64 {
    match operation {
        Operation::Sum => values.iter().sum(),
        Operation::Avg => mean(values),
        Operation::Min => values.iter().copied().fold(f64::NAN, lower),
        Operation::Max => values.iter().copied().fold(f64::NAN, higher),
        Operation::Count => values.len() as f64,
    }
}

/// The lower of two values; NaN only if both are.
pub(super) fn lower(low: f64, value: f64) -> f64 {
    if low.is_nan() || value < low { value } else { low }
}

/// The higher of two values; NaN only if both are.
pub(super) fn higher(high: f64, value: f64) -> f64 {
    if high.is_nan() || value > high { value } else { high }
}

/// The mean; if the sum overflows, the sum of each value's share.
pub(super) fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    if sum.is_infinite() && values.iter().all(|value| value.is_finite()) {
        values.iter().map(|value| value / count).sum()
    } else {
        sum / count
    }
}
