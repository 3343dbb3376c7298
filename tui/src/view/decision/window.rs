//! The stabilisation window that holds the size, as a shaded span on the chart: from the recommendation that holds to now.

use super::super::axis::TimeAxis;
use super::super::plot::Canvas;
use super::super::theme::Ink;
use dashboard::autoscaler::estimate;
use dashboard::data::Data;

/// Shades the span; the plot's own bars and lines cover it.
pub(in crate::view) fn shade(canvas: &mut Canvas, data: &Data, axis: &TimeAxis) {
    let Some(held) = data.estimate.next.as_ref().and_then(|next| next.held) else { return };
    let since = estimate::at(held.at);
    // Where the axis begins later the span does too; where it ends earlier there is none of it.
    let first = if since <= axis.from() { Some(0) } else { axis.column(since) };
    let Some(first) = first else { return };
    let last = axis.column(data.now).unwrap_or(axis.columns);
    for x in (first..last).filter(|x| x.is_multiple_of(4)) {
        for y in (1..canvas.rows()).step_by(4) {
            canvas.dot(x, y, Ink::Rule, 1);
        }
    }
}

/// For the chart's title: until when the span holds.
pub(in crate::view) fn legend(data: &Data) -> Option<String> {
    let held = data.estimate.next.as_ref()?.held?;
    Some(format!("window to {}", data.day.time_of_day(estimate::at(held.expires))))
}
