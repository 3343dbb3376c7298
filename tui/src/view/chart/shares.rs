//! Each metric of the HPA over time, as percent of its target: one axis for all kinds of metrics. 100 is the target; between
//! the dotted lines the ratio is within the tolerance.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use super::backdrop::{guides, values};
use super::plot::{Canvas, LINE, Scale};
use crate::view::draw::{joined, note_room, panel, right_of, span};
use crate::view::stale;
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::chart::series::{Column, Series};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::{Markers, Theme};
use dashboard::ui::state::ChartView;
use explain::metric::{MetricReport, reports};

/// The look of a metric that does not decide: ink, length of its pattern and inked part of it, and samples of the line.
const LOOKS: [(Ink, usize, usize, [&str; 3]); 3] = [
    (Ink::Believed, 8, 5, ["╍", "═", "="]),
    (Ink::Metric, 4, 1, ["┈", "·", "~"]),
    (Ink::Desired, 6, 3, ["┄", "─", "-"]),
];

/// The look of the metric that decides.
const WINNER: (Ink, usize, usize, [&str; 3]) = (Ink::Queue, 1, 1, ["━", "█", "*"]);

/// The panel.
pub(super) struct Shares<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The shared time axis.
    pub(super) axis: &'a TimeAxis,
    /// The stretch of time and the curves.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

/// The look of each metric: the winner's is strong.
fn looks(data: &Data) -> Vec<(Ink, usize, usize, [&'static str; 3])> {
    let winner = data.deciding_metric();
    let mut others = LOOKS.into_iter().cycle();
    let look = |index| if Some(index) == winner { WINNER } else { others.next().unwrap_or(WINNER) };
    (0..data.history.shares.len()).map(look).collect()
}

fn sample(markers: Markers, [braille, block, ascii]: [&'static str; 3]) -> &'static str {
    match markers {
        Markers::Braille => braille,
        Markers::Block => block,
        Markers::Ascii => ascii,
    }
}

/// The metrics of the next sync.
fn metrics(data: &Data) -> Vec<MetricReport> {
    let spec = data.hpa.get().and_then(|hpa| hpa.spec.as_deref());
    let trace = data.estimate.next.as_ref().map(|next| &next.decision.trace);
    spec.map(|spec| reports(spec, trace)).unwrap_or_default()
}

impl Widget for &Shares<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let room = note_room(area.width, text::METRICS);
        let note = stale::note(data, theme, Source::Hpa, room);
        let plot = panel(buffer, area, theme, text::METRICS, note.unwrap_or_else(|| self.note(room)));
        let history = &data.history;
        let all: Vec<Vec<Option<Column>>> =
            history.shares.iter().map(|(_, series)| self.axis.read(series)).collect();
        let metrics = metrics(data);
        let decides = data.deciding_metric().and_then(|index| metrics.get(index));
        let band = decides.map_or((1.0, 1.0), |metric| metric.band);
        let highest = all.iter().flatten().flatten().fold(band.1 as f32, |highest, c| highest.max(c.max));
        let scale = Scale::fitting(f64::from(highest) * 100.0, plot.height);
        values(buffer, plot, theme, &scale);

        let mut canvas = Canvas::new(right_of(plot, GUTTER), self.lens.markers);
        guides(&mut canvas, data, self.axis);
        let row = |share: f64| scale.row(share * 100.0);
        for x in 0..self.axis.columns {
            if x.is_multiple_of(4) {
                canvas.dot(x, row(band.0), Ink::Rule, 1);
                canvas.dot(x, row(band.1), Ink::Rule, 1);
            }
            if x % 8 < 3 {
                canvas.dot(x, row(1.0), Ink::Target, LINE);
            }
        }
        for (index, (columns, (ink, length, inked, _))) in all.iter().zip(looks(data)).enumerate() {
            let weight = if Some(index) == data.deciding_metric() { LINE + 3 } else { LINE + 1 };
            for (x, column) in columns.iter().enumerate() {
                let Some(column) = column else { continue };
                let (low, high) = (row(f64::from(column.min)), row(f64::from(column.max)));
                if x % length < inked || low != high {
                    canvas.line(x, low, high, ink, weight);
                }
            }
        }
        canvas.render(theme, buffer);
    }
}

impl Shares<'_> {
    /// The value of each metric, with a sample of its line.
    fn note(&self, room: u16) -> Vec<Span<'static>> {
        let (data, theme) = (self.data, self.theme);
        let metrics = metrics(data);
        let at = self.lens.stretch.instant();
        let one = |(index, (name, series)): (usize, &(String, Series))| {
            let share = match at {
                Some(at) => series.at(at),
                None => series.last(),
            };
            let share = share.map(|share| explain::figure::share(f64::from(share)));
            let metric = metrics.get(index).filter(|_| at.is_none());
            match metric.and_then(|metric| metric.usage.as_ref().map(|usage| (usage, &metric.target))) {
                Some((usage, target)) => text::usage_of_target(name, usage, target),
                None => text::share_of_target(name, share.as_deref()),
            }
        };
        let lines = data.history.shares.iter().enumerate().map(one).zip(looks(data)).map(|(words, look)| {
            let (ink, _, _, samples) = look;
            let mark = sample(self.lens.markers, samples);
            vec![span(theme, ink, mark), span(theme, Ink::Text, format!(" {words}"))]
        });
        joined(lines, room)
    }
}

/// The share of a metric at an instant, with the look of its line.
pub(in crate::view) struct ShareAt {
    pub(in crate::view) ink: Ink,
    pub(in crate::view) mark: &'static str,
    pub(in crate::view) name: String,
    pub(in crate::view) share: Option<String>,
}

/// The shares of the metrics at an instant, without the followed queue, which has curves of its own.
pub(in crate::view) fn at(data: &Data, at: At, markers: Markers) -> Vec<ShareAt> {
    let followed = data.hpa.get().and_then(observed::Hpa::followed).filter(|_| data.has_queue());
    let mut all = Vec::new();
    for (index, ((name, series), (ink, _, _, samples))) in
        data.history.shares.iter().zip(looks(data)).enumerate()
    {
        if Some(index) == followed {
            continue;
        }
        let share = series.at(at).map(|share| explain::figure::share(f64::from(share)));
        all.push(ShareAt { ink, mark: sample(markers, samples), name: name.clone(), share });
    }
    all
}

/// Draws the metrics other than the followed queue over its plot: a share of 1 is at the target's line.
pub(super) fn over_queue(
    canvas: &mut Canvas,
    data: &Data,
    axis: &TimeAxis,
    row: impl Fn(f64) -> usize,
    target: &[Option<Column>],
) {
    let followed = data.hpa.get().and_then(observed::Hpa::followed);
    let shares = data.history.shares.iter().enumerate().filter(|(index, _)| Some(*index) != followed);
    for ((_, (_, series)), (ink, length, inked, _)) in shares.zip(LOOKS.into_iter().rev().cycle()) {
        for (x, (share, target)) in axis.read(series).into_iter().zip(target).enumerate() {
            let (Some(share), Some(target)) = (share, target) else { continue };
            if x % length < inked {
                canvas.dot(x, row(f64::from(share.max) * f64::from(target.max)), ink, LINE);
            }
        }
    }
}
