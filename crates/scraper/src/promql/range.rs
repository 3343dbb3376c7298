//! Functions over the samples of a range: `rate`, `increase` and `…_over_time`.

use crate::sample::{Millis, Sample, seconds};

use super::aggregate;
use super::value::{Point, Row};

/// The range of a selector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: Millis,
    pub(super) end: Millis,
}

/// Turns the samples of one series into one value; `None` if they are too few.
pub(super) type Fold = fn(&[Sample], Window) -> Option<f64>;

/// The supported functions over ranges.
pub(super) fn fold_named(name: &str) -> Option<Fold> {
    fn values(samples: &[Sample]) -> impl Iterator<Item = f64> + '_ {
        samples.iter().map(|sample| sample.value)
    }
    Some(match name {
        "rate" => |samples, window| Some(increase(samples, window)? / seconds(window.end - window.start)),
        "increase" => increase,
        "sum_over_time" => |samples, _| Some(values(samples).sum()),
        "avg_over_time" => |samples, _| Some(aggregate::mean(&values(samples).collect::<Vec<_>>())),
        "min_over_time" => |samples, _| values(samples).reduce(aggregate::lower),
        "max_over_time" => |samples, _| values(samples).reduce(aggregate::higher),
        _ => return None,
    })
}

/// Folds each row, and drops the metric's name: the result is another metric.
pub(super) fn fold(rows: &[Row], window: Window, fold: Fold) -> Vec<Point> {
    let points = rows.iter().filter_map(|row| {
        let value = fold(&row.samples, window)?;
        Some(Point { labels: row.labels.unnamed(), value })
    });
    points.collect()
}

/// The increase of a counter over the whole window, from the samples inside of it.
///
/// The samples seldom reach the window's ends. Prometheus' rule (`extrapolatedRate`): extend to an end that is nearer
/// than 1.1 average gaps, else by half a gap; and never extend to a time before the counter was zero.
fn increase(samples: &[Sample], window: Window) -> Option<f64> {
    let [first, .., last] = samples else { return None };
    let resets = samples.windows(2).filter(|pair| pair[1].value < pair[0].value);
    let growth = last.value - first.value + resets.map(|pair| pair[0].value).sum::<f64>();
    let sampled = seconds(last.time - first.time);
    let gap = sampled / (samples.len() - 1) as f64;
    let mut to_start = seconds(first.time - window.start);
    let mut to_end = seconds(window.end - last.time);
    if growth > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / growth));
    }
    let near = gap * 1.1;
    to_start = if to_start < near { to_start } else { gap / 2.0 };
    to_end = if to_end < near { to_end } else { gap / 2.0 };
    Some(growth * ((sampled + to_start + to_end) / sampled))
}
