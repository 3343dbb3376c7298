//! Functions over the samples of a range: `rate` and its kin, and `…_over_time`.

use promql_parser::parser::{MatrixSelector, Offset};

use crate::sample::{Millis, Sample};

use super::function::seconds;
use super::{Error, Point, Row, aggregate};

/// The range of a selector, as instants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    start: Millis,
    end: Millis,
    /// With `@` the bounds are not known here; extrapolating functions refuse it.
    fixed: bool,
}

impl Window {
    pub(super) fn new(selector: &MatrixSelector, time: Millis) -> Self {
        let millis =
            |duration: std::time::Duration| Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX);
        let end = match &selector.vs.offset {
            None => time,
            Some(Offset::Pos(back)) => time.saturating_sub(millis(*back)),
            Some(Offset::Neg(ahead)) => time.saturating_add(millis(*ahead)),
        };
        Self { start: end.saturating_sub(millis(selector.range)), end, fixed: selector.vs.at.is_none() }
    }
}

/// How the samples of one series become one value; `None` where they are too few.
pub(super) type Fold = fn(&[Sample], Window) -> Result<Option<f64>, Error>;

/// The functions of a range that are offered.
pub(super) fn over_time(name: &str) -> Option<Fold> {
    fn values(samples: &[Sample]) -> impl Iterator<Item = f64> + '_ {
        samples.iter().map(|sample| sample.value)
    }
    Some(match name {
        "rate" => |samples, window| {
            extrapolated(samples, window, true).map(|sum| sum.map(|sum| sum / window.length()))
        },
        "increase" => |samples, window| extrapolated(samples, window, true),
        "delta" => |samples, window| extrapolated(samples, window, false),
        "sum_over_time" => |samples, _| Ok(Some(values(samples).sum())),
        "avg_over_time" => |samples, _| Ok(Some(aggregate::mean(&values(samples).collect::<Vec<_>>()))),
        "count_over_time" => |samples, _| Ok(Some(samples.len() as f64)),
        "last_over_time" => |samples, _| Ok(samples.last().map(|sample| sample.value)),
        "present_over_time" => |_, _| Ok(Some(1.0)),
        "min_over_time" => {
            |samples, _| Ok(values(samples).reduce(|low, v| if low.is_nan() || v < low { v } else { low }))
        }
        "max_over_time" => {
            |samples, _| Ok(values(samples).reduce(|top, v| if top.is_nan() || v > top { v } else { top }))
        }
        "changes" => |samples, _| {
            let changed = |pair: &&[Sample]| {
                pair[0].value != pair[1].value && !(pair[0].value.is_nan() && pair[1].value.is_nan())
            };
            Ok(Some(samples.windows(2).filter(changed).count() as f64))
        },
        _ => return None,
    })
}

/// Folds each row. All but `last_over_time` give something that is no longer the metric; it alone keeps the name.
pub(super) fn fold(rows: Vec<Row>, window: Window, fold: Fold, named: bool) -> Result<Vec<Point>, Error> {
    let mut points = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(value) = fold(&row.samples, window)? {
            points.push(Point { labels: if named { row.labels } else { row.labels.unnamed() }, value });
        }
    }
    Ok(points)
}

impl Window {
    /// In seconds.
    fn length(self) -> f64 {
        seconds(self.end - self.start)
    }
}

/// The growth over the whole window, from the samples inside it.
///
/// The samples seldom reach the window's ends. Prometheus' rule (`extrapolatedRate`): extend to an end that is nearer
/// than 1.1 average gaps, else by half a gap; and a counter is never extended to before it was zero.
fn extrapolated(samples: &[Sample], window: Window, counter: bool) -> Result<Option<f64>, Error> {
    if !window.fixed {
        return Err(Error::Execution(
            "rate, increase and delta are not offered with the @ modifier".to_owned(),
        ));
    }
    let [first, .., last] = samples else { return Ok(None) };
    let mut growth = last.value - first.value;
    if counter {
        growth += samples
            .windows(2)
            .filter(|pair| pair[1].value < pair[0].value)
            .map(|pair| pair[0].value)
            .sum::<f64>();
    }
    let sampled = seconds(last.time - first.time);
    let gap = sampled / (samples.len() - 1) as f64;
    let mut to_start = seconds(first.time - window.start);
    let mut to_end = seconds(window.end - last.time);
    if counter && growth > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / growth));
    }
    let near = gap * 1.1;
    to_start = if to_start < near { to_start } else { gap / 2.0 };
    to_end = if to_end < near { to_end } else { gap / 2.0 };
    Ok(Some(growth * ((sampled + to_start + to_end) / sampled)))
}
