//! The chart of a whole run as data: the plots with their curves, the marks, the drills and the workers' timelines, all on one
//! time axis. `svg` draws it, `table` lists its values.

pub(crate) mod svg;
pub(crate) mod table;

use std::time::Duration;

use dashboard::chart::curves::Curve;
use dashboard::chart::history::{Mark, MarkKind};
use dashboard::chart::series::{Column, Series};
use dashboard::chart::ticks::round_up;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::workers::timelines::{LaneMark, WorkerState};

use crate::strings;

/// Most columns of a curve: more than a page has pixels.
const COLUMNS: u64 = 1_200;

/// Most labels of a value axis above zero.
const VALUE_LABELS: f64 = 4.0;

/// Most timelines of workers: those that existed last.
const MAX_LANES: usize = 40;

/// The chart of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The time at which the first column begins: a whole number of columns after the run's start.
    pub from: At,
    /// The length of a column.
    pub step: Duration,
    /// The number of columns.
    pub count: usize,
    /// The plots, from top to bottom.
    pub plots: Vec<Plot>,
    /// The marks, oldest first.
    pub marks: Vec<Mark>,
    /// The begin and the end of each drill.
    pub drills: Vec<(At, At)>,
    /// The timelines of workers, oldest first.
    pub lanes: Vec<Lane>,
    /// The number of older workers without a timeline here.
    pub hidden_lanes: usize,
}

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Its title, with the unit of its values.
    pub title: String,
    /// The value at its upper edge.
    pub top: f64,
    /// The distance of two labels.
    pub step: f64,
    /// The values within which the HPA tolerates a difference from the target.
    pub band: Option<(f64, f64)>,
    /// The curves.
    pub curves: Vec<PlottedCurve>,
}

/// A curve of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct PlottedCurve {
    /// Its name.
    pub name: String,
    /// The CSS variable of its colour.
    pub(crate) colour: &'static str,
    /// Its pattern.
    pub(crate) pattern: Pattern,
    /// Its values, one entry a column.
    pub columns: Vec<Option<Column>>,
}

/// The pattern of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A line with a filled area below.
    Area,
    /// A line.
    Solid,
    /// Long dashes.
    Dashed,
    /// Short dashes.
    Dotted,
    /// Dots.
    Sparse,
}

/// The timeline of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The pod's name.
    pub name: String,
    /// The jobs that it has done.
    pub done: u32,
    /// Its states, each with its begin and its end.
    pub states: Vec<(At, At, WorkerState)>,
    /// Its marks.
    pub marks: Vec<(At, LaneMark)>,
}

/// The look of the metrics in the plot of shares.
const SHARES: [(&str, Pattern); 4] = [
    ("waiting", Pattern::Solid),
    ("believed", Pattern::Dashed),
    ("shadow", Pattern::Dotted),
    ("current", Pattern::Sparse),
];

impl Chart {
    /// The chart of a run from `begins` on.
    #[must_use]
    pub fn of(data: &Data, begins: At) -> Self {
        let step = step(data.now.since(begins));
        let columns_until = |at: At| u32::try_from(at.0.as_millis() / step.as_millis()).unwrap_or(u32::MAX);
        let first = columns_until(begins.min(data.now));
        let from = At(step.saturating_mul(first));
        let count = (columns_until(data.now) - first + 1) as usize;
        let read = |series: &Series| series.columns(from, step, count);
        let curve = |name: String, colour, pattern, series: &Series| {
            let columns = read(series);
            let has_values = columns.iter().any(Option::is_some);
            has_values.then_some(PlottedCurve { name, colour, pattern, columns })
        };
        let history = &data.history;
        let known = |curve_kind: Curve, colour, pattern, series| {
            curve(curve_kind.title().to_owned(), colour, pattern, series)
        };
        let queue = [
            curve(strings::DEPTH.to_owned(), "waiting", Pattern::Area, &history.depth),
            known(Curve::InWork, "in-work", Pattern::Area, &history.in_work),
            known(Curve::Target, "target", Pattern::Dashed, &history.target),
            known(Curve::Believed, "believed", Pattern::Dotted, &history.believed),
            known(Curve::Metric, "metric", Pattern::Sparse, &history.metric),
        ];
        let shares = history.shares.iter().zip(SHARES.into_iter().cycle());
        let shares = shares.map(|((name, series), (colour, pattern))| {
            let mut shown = curve(name.clone(), colour, pattern, series)?;
            for column in shown.columns.iter_mut().flatten() {
                *column = Column {
                    min: column.min * 100.0,
                    max: column.max * 100.0,
                    last: column.last.map(|last| last * 100.0),
                };
            }
            Some(shown)
        });
        let replicas = [
            known(Curve::Ready, "ready", Pattern::Area, &history.ready),
            known(Curve::Current, "current", Pattern::Dashed, &history.current),
            known(Curve::Desired, "desired", Pattern::Solid, &history.desired),
            known(Curve::Raw, "raw", Pattern::Sparse, &history.raw),
            known(Curve::Shadow, "shadow", Pattern::Dotted, &history.shadow),
        ];
        let name = data.hpa.get().and_then(|hpa| hpa.metric.as_ref()?.queue.as_deref());
        let has_queue = data.has_queue() && history.depth.last().is_some();
        let mut plots = Vec::new();
        if has_queue {
            plots.push(Plot::new(strings::queue(name), None, queue));
        }
        if !has_queue || history.shares.len() > 1 {
            plots.push(Plot::new(strings::SHARES.to_owned(), band(data), shares));
        }
        plots.push(Plot::new(strings::REPLICAS.to_owned(), None, replicas));
        plots.retain(|plot| !plot.curves.is_empty());
        let marks: Vec<Mark> = history.marks(from, data.now.since(from)).collect();
        let lanes = data.lanes.iter().map(|lane| lane_of(lane, data.now));
        let lanes: Vec<Lane> =
            lanes.filter(|lane| lane.states.iter().any(|(_, until, _)| *until > from)).collect();
        let hidden_lanes = lanes.len().saturating_sub(MAX_LANES);
        Self {
            from,
            step,
            count,
            plots,
            drills: drills(&marks, data.now),
            marks,
            lanes: lanes.into_iter().skip(hidden_lanes).collect(),
            hidden_lanes,
        }
    }

    /// The length of the time axis.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.count).unwrap_or(u32::MAX))
    }

    /// The last moment of a column.
    #[must_use]
    pub fn end_of(&self, column: usize) -> At {
        let columns = u32::try_from(column + 1).unwrap_or(u32::MAX);
        At(self.from.0 + self.step.saturating_mul(columns).saturating_sub(Duration::from_millis(1)))
    }
}

impl Plot {
    fn new(
        title: String,
        band: Option<(f64, f64)>,
        curves: impl IntoIterator<Item = Option<PlottedCurve>>,
    ) -> Self {
        let curves: Vec<PlottedCurve> = curves.into_iter().flatten().collect();
        let columns = curves.iter().flat_map(|curve| curve.columns.iter().flatten());
        let highest = columns.fold(band.map_or(1.0, |band| band.1), |high, c| high.max(f64::from(c.max)));
        let step = round_up(highest / VALUE_LABELS);
        Self { title, top: (highest / step).ceil() * step, step, band, curves }
    }
}

/// The length of a column: a multiple of the width of the buckets from which the series gives it, so that the end of a column
/// is the end of a bucket.
fn step(length: Duration) -> Duration {
    let least = u64::try_from(length.as_millis()).unwrap_or(u64::MAX) / COLUMNS + 1;
    let width = match least {
        0..1_000 => 200,
        1_000..10_000 => 1_000,
        _ => 10_000,
    };
    Duration::from_millis(least.next_multiple_of(width))
}

/// The tolerated shares of the deciding metric, in percent.
fn band(data: &Data) -> Option<(f64, f64)> {
    let spec = data.hpa.get()?.spec.as_deref()?;
    let trace = data.estimate.last().map(|last| &last.trace);
    let reports = explain::metric::reports(spec, trace);
    let report = reports.iter().find(|report| report.wins).or(reports.first())?;
    Some((report.band.0 * 100.0, report.band.1 * 100.0))
}

/// The stretches in which a part was stopped.
fn drills(marks: &[Mark], end: At) -> Vec<(At, At)> {
    let mut drills = Vec::new();
    let mut open: Option<At> = None;
    for mark in marks {
        match mark.kind {
            MarkKind::Drill => open = open.or(Some(mark.at)),
            MarkKind::DrillOver => drills.extend(open.take().map(|since| (since, mark.at))),
            _ => {}
        }
    }
    drills.extend(open.map(|since| (since, end)));
    drills
}

fn lane_of(lane: &dashboard::workers::timelines::WorkerTimeline, end: At) -> Lane {
    let begins: Vec<(At, WorkerState)> = lane.states().collect();
    let ends = begins.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let states = begins.iter().zip(ends).map(|((since, doing), until)| (*since, until, *doing));
    Lane {
        name: lane.name.clone(),
        done: lane.done,
        states: states.filter(|(_, _, doing)| *doing != WorkerState::Gone).collect(),
        marks: lane.marks().collect(),
    }
}

#[cfg(test)]
mod tests {
    use dashboard::scenes::World;

    use super::*;

    #[test]
    fn a_column_is_a_whole_number_of_buckets() {
        for (seconds, ms) in
            [(0, 200), (60, 200), (600, 600), (1_199, 1_000), (7_200, 7_000), (86_400, 80_000)]
        {
            assert_eq!(step(Duration::from_secs(seconds)), Duration::from_millis(ms), "{seconds}");
        }
    }

    #[test]
    fn each_column_ends_with_the_value_of_that_instant() {
        for scene in ["draining", "drill"] {
            let Some(world) = World::play(scene, 120, 40) else { continue };
            let data = &world.model.data;
            let chart = Chart::of(data, At::default());
            let replicas = chart.plots.last().unwrap();
            let desired = replicas.curves.iter().find(|c| c.name == Curve::Desired.title()).unwrap();
            for (index, column) in desired.columns.iter().enumerate() {
                let at = chart.end_of(index);
                let expected = Curve::Desired.at(&data.history, at);
                assert_eq!(column.and_then(|column| column.last), expected, "{scene} column {index}");
            }
        }
    }

    #[test]
    fn an_axis_ends_at_a_round_value() {
        for (highest, top, step) in
            [(0.0, 1.0, 1.0), (10.0, 10.0, 5.0), (153.0, 200.0, 50.0), (8.0, 8.0, 2.0)]
        {
            let column = Column { min: 0.0, max: highest, last: Some(highest) };
            let columns = vec![Some(column)];
            let curve = PlottedCurve { name: String::new(), colour: "raw", pattern: Pattern::Solid, columns };
            let plot = Plot::new(String::new(), None, [Some(curve)]);
            assert_eq!((plot.top, plot.step), (top, step), "{highest}");
        }
    }

    #[test]
    fn a_drill_without_an_end_lasts_until_now() {
        let at = |seconds| At(Duration::from_secs(seconds));
        let mark = |seconds, kind| Mark { at: at(seconds), kind };
        let marks = [
            mark(1, MarkKind::Drill),
            mark(3, MarkKind::DrillOver),
            mark(5, MarkKind::Drill),
            mark(6, MarkKind::Burst),
        ];
        assert_eq!(drills(&marks, at(9)), [(at(1), at(3)), (at(5), at(9))]);
    }
}
