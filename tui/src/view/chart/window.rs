//! The scale-down window on the chart: a dotted line at the size that an earlier recommendation keeps, up to the present.

use super::axis::TimeAxis;
use super::plot::{Canvas, Scale};
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::autoscaler::estimate;
use dashboard::clock::At;
use dashboard::data::Data;
use hpa::trace::RecommendationHold;

/// The recommendation that keeps the size now, if it keeps more than the minimum.
fn kept(data: &Data) -> Option<RecommendationHold> {
    let held = data.estimate.next.as_ref()?.held?;
    let min = data.hpa.get()?.min;
    (held.replicas > min).then_some(held)
}

/// Draws the line. Bars and lines of the plot cover it.
pub(super) fn line(canvas: &mut Canvas, data: &Data, axis: &TimeAxis, scale: &Scale) {
    let Some(held) = kept(data) else { return };
    let since = estimate::at(held.at);
    // A window that began before the axis is drawn from its left edge; one that begins after its end is not drawn.
    let first = if since <= axis.from() { Some(0) } else { axis.column(since) };
    let Some(first) = first else { return };
    let last = axis.column(data.now).unwrap_or(axis.columns);
    let y = scale.row(f64::from(held.replicas));
    for x in (first..last).filter(|x| x.is_multiple_of(4)) {
        canvas.dot(x, y, Ink::Rule, 1);
    }
}

/// The size and the end of the window, for the chart's title; none at an instant before it began.
pub(super) fn legend(data: &Data, instant: Option<At>) -> Option<String> {
    let held = kept(data).filter(|held| instant.is_none_or(|at| estimate::at(held.at) <= at))?;
    Some(text::kept_until(held.replicas, &data.day.time_of_day(estimate::at(held.expires))))
}
