//! Replicas over time, under the queue and on the same time axis: ready, on their way, and wanted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use super::decision::window;
use super::plot::{Canvas, LINE, Scale, sample};
use super::queue::{guides, values};
use super::stale;
use super::text::{below, count, parts, row, rule, span};
use super::theme::Ink;
use dashboard::autoscaler::shadow::RunningShadow;
use dashboard::chart::curves::Curve;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::Hpa;

/// The panel.
pub(super) struct Replicas<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The time axis that it shares.
    pub(super) axis: &'a TimeAxis,
    /// Which curves, and how.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Replicas<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let room = stale::room(area.width, "Replicas");
        let note =
            stale::note(self.data, self.theme, Source::Workload, room).unwrap_or_else(|| self.note(room));
        rule(buffer, row(area, 0), self.theme, "Replicas", note);
        let plot = below(area, 1);
        let canvas_area =
            Rect { x: plot.x + GUTTER.min(plot.width), width: plot.width.saturating_sub(GUTTER), ..plot };
        let history = &self.data.history;
        let [ready, current, desired, raw, shadow] = [
            (Curve::Ready, &history.ready),
            (Curve::Current, &history.current),
            (Curve::Desired, &history.desired),
            (Curve::Raw, &history.raw),
            (Curve::Shadow, &history.shadow),
        ]
        .map(|(curve, series)| match self.lens.curves.has(curve) {
            true => self.axis.read(series),
            false => vec![None; self.axis.columns],
        });
        let seen = [&ready, &current, &desired, &shadow]
            .into_iter()
            .flatten()
            .flatten()
            .fold(0.0_f32, |highest, column| highest.max(column.max));
        let max = self.data.hpa.get().map_or(1.0, |hpa| f64::from(hpa.max));
        // The minimum keeps as many by itself, and what is too small to be drawn is no stripe.
        let least = self.data.hpa.get().map_or(0.0, |hpa| hpa.min as f32);
        // The maximum belongs to the picture, unless it is so far away that it would flatten everything.
        let top =
            if max <= 4.0 * f64::from(seen).max(3.0) { max.max(f64::from(seen)) } else { f64::from(seen) };
        let scale = Scale::fitting(top, plot.height);
        values(buffer, plot, self.theme, &scale);

        let mut canvas = Canvas::new(canvas_area, self.lens.markers);
        window::shade(&mut canvas, self.data, self.axis);
        guides(&mut canvas, self.data, self.axis);
        for x in 0..self.axis.columns {
            // Bars: a count fills the rows below its own, which is the row of the line that wants as many.
            let height = |value: f32| scale.row(f64::from(value));
            let ready_rows = ready[x].map_or(0, |column| height(column.min));
            // Striped: what nothing but the scale-down window keeps.
            let asked_rows = raw[x].map_or(ready_rows, |column| height(column.max.max(least)));
            for y in (0..ready_rows).filter(|y| *y < asked_rows || y.is_multiple_of(2)) {
                canvas.dot(x, y, Ink::Ready, 3);
            }
            if let Some(column) = current[x] {
                for y in (ready_rows..height(column.max)).filter(|y| (x + y).is_multiple_of(2)) {
                    canvas.dot(x, y, Ink::Pending, 2);
                }
            }
            // Where the wish has come true the bar's own edge shows it.
            if let Some(column) = desired[x]
                && ready[x].is_none_or(|ready| ready.min != column.min || ready.max != column.max)
            {
                canvas.line(x, height(column.min), height(column.max), Ink::Desired, LINE);
            }
            // Dashes: nobody has scaled anything so.
            if let Some(column) = shadow[x].filter(|column| x % 6 < 3 || column.min != column.max) {
                canvas.line(x, height(column.min), height(column.max), Ink::Believed, LINE + 1);
            }
        }
        canvas.render(self.theme, buffer);
    }
}

impl Replicas<'_> {
    fn note(&self, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let one = |curve, text| match self.lens.curves.has(curve) {
            true => {
                let (ink, mark) = sample(self.lens.markers, curve);
                vec![span(theme, ink, mark), Span::raw(" "), span(theme, Ink::Text, text)]
            }
            false => Vec::new(),
        };
        let history = &self.data.history;
        let mut lines = Vec::new();
        let (workload, hpa) = (self.data.workload.get(), self.data.hpa.get());
        for (curve, live) in [
            (Curve::Ready, workload.map(|workload| workload.ready)),
            (Curve::Current, workload.map(|workload| workload.replicas)),
            (Curve::Desired, hpa.and_then(Hpa::wanted)),
            (Curve::Shadow, self.data.shadow.running().map(RunningShadow::size)),
        ] {
            // Where the past is looked at, what was then.
            let number = match self.lens.stretch.instant() {
                Some(at) => curve.at(history, at).map(|value| count(f64::from(value))),
                None => live.map(|live| live.to_string()),
            };
            if let Some(number) = number {
                lines.push(one(curve, format!("{number} {}", curve.word())));
            }
        }
        if let Some(hpa) = self.data.hpa.get() {
            lines.push(vec![span(theme, Ink::Dim, format!("min {} max {}", hpa.min, hpa.max))]);
            if let Some(window) = window::legend(self.data) {
                lines.push(vec![span(theme, Ink::Rule, "⠂ "), span(theme, Ink::Text, window)]);
            }
        }
        parts(lines, room)
    }
}
