//! The scale-down window on the chart: a shaded span from the recommendation that holds the size to the present.

use super::axis::TimeAxis;
use super::plot::Canvas;
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::autoscaler::estimate;
use dashboard::data::Data;

/// Shades the span. Bars and lines of the plot cover it.
pub(super) fn shade(canvas: &mut Canvas, data: &Data, axis: &TimeAxis) {
    let Some(held) = data.estimate.next.as_ref().and_then(|next| next.held) else { return };
    let since = estimate::at(held.at);
    // A span that began before the axis is drawn from its left edge; one that begins after its end is not drawn.
    let first = if since <= axis.from() { Some(0) } else { axis.column(since) };
    let Some(first) = first else { return };
    let last = axis.column(data.now).unwrap_or(axis.columns);
    for x in (first..last).filter(|x| x.is_multiple_of(4)) {
        for y in (1..canvas.rows()).step_by(4) {
            canvas.dot(x, y, Ink::Rule, 1);
        }
    }
}

/// The end of the window, for the chart's title.
pub(super) fn legend(data: &Data) -> Option<String> {
    let held = data.estimate.next.as_ref()?.held?;
    Some(text::window_until(&data.day.time_of_day(estimate::at(held.expires))))
}
