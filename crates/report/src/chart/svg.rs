//! The chart as SVG.
//!
//! All plots share the horizontal axis. The script finds curves, marks and bars by their classes and moves them when it zooms;
//! without a script the picture is complete.

use std::fmt::Write as _;

use dashboard::chart::history::MarkKind;
use dashboard::chart::series::Column;
use dashboard::chart::ticks::time_step;
use dashboard::clock::{At, DayClock};
use dashboard::workers::timelines::{LaneMark, WorkerState};
use maud::{Markup, PreEscaped, html};
use text::figures::count;

use super::{Chart, Lane, Pattern, Plot, PlottedCurve};
use crate::strings;

/// The width of the picture, and the left and right edges of the plots.
pub(crate) const WIDTH: f64 = 1_000.0;
pub(crate) const LEFT: f64 = 52.0;
pub(crate) const RIGHT: f64 = 988.0;

/// The height of the first plot and of the ones below.
const HEIGHTS: [f64; 2] = [200.0, 120.0];

/// The height of a plot's title, of the row of marks, of a timeline, and of the labels of the time axis.
const TITLE: f64 = 26.0;
const MARKS: f64 = 24.0;
const LANE: f64 = 11.0;
const CLOCK: f64 = 22.0;

/// Most labels of the time axis.
const TIME_LABELS: usize = 10;

/// Marks with a vertical line through the plots.
const GUIDES: [MarkKind; 4] = [MarkKind::Burst, MarkKind::Tuned, MarkKind::ScaleUp, MarkKind::ScaleDown];

/// The rectangle of a plot.
#[derive(Debug, Clone, Copy)]
struct Frame {
    top: f64,
    height: f64,
}

impl Frame {
    fn bottom(self) -> f64 {
        self.top + self.height
    }

    /// The vertical position of a value.
    fn y(self, value: f64, top: f64) -> f64 {
        self.bottom() - (value / top).clamp(0.0, 1.0) * self.height
    }
}

/// The picture of a chart. `id` makes the IDs in it unique, `name` is its accessible name.
pub(crate) fn svg(chart: &Chart, day: &DayClock, id: &str, name: &str, description: &str) -> Markup {
    let from = chart.from.seconds();
    let x = |at: At| LEFT + (at.seconds() - from).max(0.0) / chart.length().as_secs_f64() * (RIGHT - LEFT);
    let mut y = 0.0;
    let mut frames = Vec::new();
    for (index, _) in chart.plots.iter().enumerate() {
        if index == 1 {
            y += MARKS;
        }
        let frame = Frame { top: y + TITLE, height: HEIGHTS[index.min(1)] };
        y = frame.bottom();
        frames.push(frame);
    }
    let first_bottom = frames.first().map_or(0.0, |frame| frame.bottom());
    if frames.len() == 1 {
        y += MARKS;
    }
    let marks_y = first_bottom + MARKS - 7.0;
    let lanes_top = y + if chart.lanes.is_empty() { 0.0 } else { TITLE };
    let bottom = LANE.mul_add(chart.lanes.len() as f64, lanes_top);
    let height = bottom + CLOCK;
    let clip = format!("{id}-clip");
    html! {
        svg class="chart" viewBox=(format!("0 0 {WIDTH} {height}")) role="img" tabindex="0"
            aria-labelledby=(format!("{id}-title {id}-desc")) data-left=(LEFT) data-right=(RIGHT)
            data-begin=(from) data-seconds=(chart.length().as_secs_f64()) {
            title id=(format!("{id}-title")) { (name) }
            desc id=(format!("{id}-desc")) { (description) }
            clipPath id=(clip) {
                rect x=(LEFT) y="0" width=(RIGHT - LEFT) height=(height) {}
            }
            g clip-path=(format!("url(#{clip})")) {
                @for (since, until) in &chart.drills {
                    rect class="drill" data-from=(since.seconds()) data-to=(until.seconds()) x=(n(x(*since))) y=(TITLE)
                        width=(n((x(*until) - x(*since)).max(1.0))) height=(bottom - TITLE) {}
                }
            }
            @for (plot, frame) in chart.plots.iter().zip(&frames) {
                (axis(plot, *frame))
            }
            g clip-path=(format!("url(#{clip})")) {
                @for mark in chart.marks.iter().filter(|mark| GUIDES.contains(&mark.kind)) {
                    line class="guide" data-at=(mark.at.seconds()) x1=(n(x(mark.at))) x2=(n(x(mark.at))) y1=(TITLE)
                        y2=(bottom) {}
                }
                @for (index, (plot, frame)) in chart.plots.iter().zip(&frames).enumerate() {
                    g class="zoom" {
                        @for (number, curve) in plot.curves.iter().enumerate() {
                            (drawn(curve, plot, *frame, chart.count, &format!("{index}-{number}")))
                        }
                    }
                }
                @for mark in &chart.marks {
                    text class=(format!("mark {}", mark_class(mark.kind))) data-at=(mark.at.seconds()) x=(n(x(mark.at)))
                        y=(n(marks_y)) {
                        title { (day.moment(mark.at)) " " (mark.kind.title()) }
                        (mark.kind.symbol())
                    }
                }
            }
            @if !chart.lanes.is_empty() {
                text class="head" x="0" y=(n(lanes_top - 8.0)) { (strings::workers(chart.hidden_lanes)) }
                g clip-path=(format!("url(#{clip})")) {
                    @for (index, lane) in chart.lanes.iter().enumerate() {
                        (timeline(lane, LANE.mul_add(index as f64, lanes_top), &x, day))
                    }
                }
            }
            line class="axis" x1=(LEFT) x2=(RIGHT) y1=(bottom) y2=(bottom) {}
            g class="clock" {
                @for at in labels(chart, day) {
                    text x=(n(x(at))) y=(n(bottom + 15.0)) { (label(day, at, chart)) }
                }
            }
            line class="cursor" hidden x1=(LEFT) x2=(LEFT) y1=(TITLE) y2=(bottom) {}
            rect class="selection" hidden x=(LEFT) y=(TITLE) width="0" height=(bottom - TITLE) {}
        }
    }
}

/// A number with one decimal at most.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// The title of a plot, its value axis, and the tolerated band around the target.
fn axis(plot: &Plot, frame: Frame) -> Markup {
    let labels = (0..)
        .map(|index| f64::from(index) * plot.step)
        .take_while(|value| *value <= plot.top + plot.step / 2.0);
    html! {
        text class="head" x="0" y=(n(frame.top - 10.0)) { (plot.title) }
        @if let Some((low, high)) = plot.band {
            rect class="band" x=(LEFT) width=(RIGHT - LEFT) y=(n(frame.y(high, plot.top)))
                height=(n((frame.y(low, plot.top) - frame.y(high, plot.top)).max(1.0))) {}
            line class="band-target" x1=(LEFT) x2=(RIGHT) y1=(n(frame.y(100.0, plot.top))) y2=(n(frame.y(100.0, plot.top))) {}
        }
        @for value in labels {
            line class="grid" x1=(LEFT) x2=(RIGHT) y1=(n(frame.y(value, plot.top))) y2=(n(frame.y(value, plot.top))) {}
            text class="value" x=(LEFT - 6.0) y=(n(frame.y(value, plot.top) + 4.0)) { (count(value)) }
        }
    }
}

/// A curve, and the area below it.
fn drawn(curve: &PlottedCurve, plot: &Plot, frame: Frame, count: usize, key: &str) -> Markup {
    let dx = (RIGHT - LEFT) / count as f64;
    let y = |value: f32| frame.y(f64::from(value), plot.top);
    let class = format!("curve {} {}", curve.colour, pattern_class(curve.pattern));
    html! {
        @if curve.pattern == Pattern::Area {
            path class=(format!("area {}", curve.colour)) data-curve=(key) d=(PreEscaped(area(&curve.columns, dx, frame.bottom(), y))) {}
        }
        path class=(class) data-curve=(key) d=(PreEscaped(line(&curve.columns, dx, y))) {}
    }
}

pub(crate) fn pattern_class(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Area | Pattern::Solid => "solid",
        Pattern::Dashed => "dashed",
        Pattern::Dotted => "dotted",
        Pattern::Sparse => "sparse",
    }
}

/// The path of a line in steps. A column with several values has a vertical stroke from the smallest to the largest.
fn line(columns: &[Option<Column>], dx: f64, y: impl Fn(f32) -> f64) -> String {
    let mut path = String::new();
    // The value at which the pen is, if it is down.
    let mut pen: Option<f32> = None;
    // Writing to a string does not fail.
    for (index, column) in columns.iter().enumerate() {
        let x = n(dx.mul_add(index as f64, LEFT));
        let Some(column) = column else {
            if pen.take().is_some() {
                let _ = write!(path, "H{x}");
            }
            continue;
        };
        if pen == Some(column.min) && column.min == column.max && column.last.is_some() {
            continue;
        }
        let first = pen.unwrap_or(column.min);
        let start = if pen.is_some() { 'H' } else { 'M' };
        let _ = match start {
            'H' => write!(path, "H{x}"),
            _ => write!(path, "M{x} {}", n(y(first))),
        };
        for value in [column.min, column.max] {
            if value != first || column.min != column.max {
                let _ = write!(path, "V{}", n(y(value)));
            }
        }
        if let Some(last) = column.last {
            let _ = write!(path, "V{}", n(y(last)));
        }
        pen = column.last;
    }
    if pen.is_some() {
        let _ = write!(path, "H{}", n(RIGHT));
    }
    path
}

/// The path of the area below the largest values.
fn area(columns: &[Option<Column>], dx: f64, bottom: f64, y: impl Fn(f32) -> f64) -> String {
    let mut path = String::new();
    let mut height: Option<f32> = None;
    for (index, column) in
        columns.iter().map(|column| column.map(|column| column.max)).chain([None]).enumerate()
    {
        if column == height {
            continue;
        }
        let x = n(dx.mul_add(index as f64, LEFT).min(RIGHT));
        let _ = match (height, column) {
            (None, Some(value)) => write!(path, "M{x} {}V{}", n(bottom), n(y(value))),
            (Some(_), Some(value)) => write!(path, "H{x}V{}", n(y(value))),
            (_, None) => write!(path, "H{x}V{}Z", n(bottom)),
        };
        height = column;
    }
    path
}

fn mark_class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Error | MarkKind::BrokerLost => "bad",
        MarkKind::Drill | MarkKind::Redelivery => "warning",
        MarkKind::PodReady => "ready",
        MarkKind::ScaleUp | MarkKind::ScaleDown => "desired",
        MarkKind::Burst => "waiting",
        _ => "plain",
    }
}

/// A worker's timeline: the state is the height and the colour of the bar.
fn timeline(lane: &Lane, top: f64, x: &impl Fn(At) -> f64, day: &DayClock) -> Markup {
    html! {
        g class="lane" {
            title { (strings::lane(&lane.name, lane.done)) }
            @for (since, until, doing) in &lane.states {
                @let (class, height) = bar(*doing);
                rect class=(class) data-from=(since.seconds()) data-to=(until.seconds()) x=(n(x(*since)))
                    width=(n((x(*until) - x(*since)).max(0.5))) y=(n(top + (LANE - height) / 2.0)) height=(height) {}
            }
            @for (at, mark) in &lane.marks {
                text class="lane-mark" data-at=(at.seconds()) x=(n(x(*at))) y=(n(top + LANE - 2.0)) {
                    title { (day.moment(*at)) " " (strings::lane_mark(*mark)) }
                    (lane_symbol(*mark))
                }
            }
        }
    }
}

/// The class and the height of a state's bar.
pub(crate) fn bar(doing: WorkerState) -> (&'static str, f64) {
    match doing {
        WorkerState::Pending => ("pending", 3.0),
        WorkerState::Starting => ("starting", 5.0),
        WorkerState::Idle => ("idle", 3.0),
        WorkerState::Busy => ("busy", 9.0),
        WorkerState::NotSampled => ("unknown", 5.0),
        WorkerState::Finishing => ("finishing", 9.0),
        WorkerState::Terminating => ("terminating", 3.0),
        WorkerState::Failed => ("failed", 5.0),
        WorkerState::Gone => ("gone", 0.0),
    }
}

fn lane_symbol(mark: LaneMark) -> char {
    match mark {
        LaneMark::Restarted => '↻',
        LaneMark::Killed => '×',
        LaneMark::Aborted => '†',
    }
}

/// The distance of two labels of the time axis, in seconds.
fn clock_step(chart: &Chart) -> u64 {
    time_step(chart.length().as_secs().max(1), TIME_LABELS)
}

/// The moments with a label that fits into the picture.
fn labels(chart: &Chart, day: &DayClock) -> impl Iterator<Item = At> + use<> {
    let margin = chart.length().mul_f64(0.02);
    day.round(At(chart.from.0 + margin), At(chart.from.0 + chart.length() - margin), clock_step(chart))
}

fn label(day: &DayClock, at: At, chart: &Chart) -> String {
    day.label(at, clock_step(chart))
}

/// The sample of a curve in the legend.
pub(crate) fn sample(curve: &PlottedCurve) -> Markup {
    html! {
        svg class="sample" viewBox="0 0 28 12" aria-hidden="true" {
            @if curve.pattern == Pattern::Area {
                rect class=(format!("area {}", curve.colour)) x="0" y="6" width="28" height="6" {}
            }
            path class=(format!("curve {} {}", curve.colour, pattern_class(curve.pattern))) d="M0 6H28" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(min: f32, max: f32, last: Option<f32>) -> Option<Column> {
        Some(Column { min, max, last })
    }

    #[test]
    fn a_line_has_steps_gaps_and_extremes() {
        let columns = [
            column(1.0, 1.0, Some(1.0)),
            column(1.0, 1.0, Some(1.0)),
            column(1.0, 5.0, Some(2.0)),
            column(2.0, 2.0, None),
            None,
            column(3.0, 3.0, Some(3.0)),
        ];
        let path = line(&columns, 10.0, |value| 10.0 - f64::from(value));
        assert_eq!(path, "M52 9V9H72V9V5V8H82M102 7V7H988");
    }

    #[test]
    fn an_area_is_closed_at_every_gap() {
        let columns = [column(1.0, 1.0, Some(1.0)), None, column(2.0, 3.0, Some(2.0))];
        let path = area(&columns, 10.0, 50.0, |value| 50.0 - f64::from(value));
        assert_eq!(path, "M52 50V49H62V50ZM72 50V47H82V50Z");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([n(12.0), n(12.34), n(0.05)], ["12", "12.3", "0.1"]);
    }
}
