//! `sum`, `avg`, `min`, `max`, `count` and `group`, over all or by labels.

use std::collections::HashMap;

use promql_parser::parser::token::{T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_SUM};
use promql_parser::parser::{AggregateExpr, LabelModifier};

use crate::labels::{Labels, NAME};

use super::{Error, Point};

#[derive(Clone, Copy)]
enum Operation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
}

/// Groups `points` and folds each group to one value, in the order in which the groups appear.
pub(super) fn aggregate(expr: &AggregateExpr, points: Vec<Point>) -> Result<Vec<Point>, Error> {
    let operation = match expr.op.id() {
        T_SUM => Operation::Sum,
        T_AVG => Operation::Avg,
        T_MIN => Operation::Min,
        T_MAX => Operation::Max,
        T_COUNT => Operation::Count,
        T_GROUP => Operation::Group,
        _ => {
            return Err(Error::Execution(format!(
                "the aggregation {} is not offered by this server",
                expr.op
            )));
        }
    };
    let mut groups: Vec<(Labels, Vec<f64>)> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for Point { labels, value } in points {
        let key = group_labels(&labels, expr.modifier.as_ref());
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(value);
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
    let count = values.len() as f64;
    match operation {
        Operation::Sum => values.iter().sum(),
        Operation::Avg => mean(values),
        Operation::Min => {
            values.iter().copied().fold(f64::NAN, |low, v| if low.is_nan() || v < low { v } else { low })
        }
        Operation::Max => {
            values.iter().copied().fold(f64::NAN, |top, v| if top.is_nan() || v > top { v } else { top })
        }
        Operation::Count => count,
        Operation::Group => 1.0,
    }
}

/// The mean; where the sum overflows, each value's share is added up instead.
pub(super) fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    if sum.is_infinite() && values.iter().all(|value| value.is_finite()) {
        values.iter().map(|value| value / count).sum()
    } else {
        sum / count
    }
}
