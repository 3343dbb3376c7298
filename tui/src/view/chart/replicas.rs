//! The replicas over time, on the time axis of the queue: ready, current and desired.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use super::backdrop::{guides, values};
use super::plot::{Canvas, LINE, Scale, sample};
use super::window;
use crate::view::draw::{joined, note_room, panel, right_of, span};
use crate::view::fmt::count;
use crate::view::stale;
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::autoscaler::shadow::RunningShadow;
use dashboard::chart::curves::Curve;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::Hpa;

/// The panel.
pub(in crate::view) struct Replicas<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The shared time axis.
    pub(in crate::view) axis: &'a TimeAxis,
    /// The stretch of time and the curves.
    pub(in crate::view) lens: ChartView,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &Replicas<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let room = note_room(area.width, text::REPLICAS);
        let note = stale::note(self.data, self.theme, Source::Workload, room);
        let plot = panel(buffer, area, self.theme, text::REPLICAS, note.unwrap_or_else(|| self.note(room)));
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
        // The minimum holds that many by itself: no stripes below it.
        let least = self.data.hpa.get().map_or(0.0, |hpa| hpa.min as f32);
        // The maximum is in the picture, unless it is so high that it would flatten the bars.
        let top =
            if max <= 4.0 * f64::from(seen).max(3.0) { max.max(f64::from(seen)) } else { f64::from(seen) };
        let scale = Scale::fitting(top, plot.height);
        values(buffer, plot, self.theme, &scale);

        let mut canvas = Canvas::new(right_of(plot, GUTTER), self.lens.markers);
        window::line(&mut canvas, self.data, self.axis, &scale);
        guides(&mut canvas, self.data, self.axis);
        for x in 0..self.axis.columns {
            // Bars: a count fills the rows below its own row, which is the row of the line of the same value.
            let height = |value: f32| scale.row(f64::from(value));
            let ready_rows = ready[x].map_or(0, |column| height(column.min));
            // Stripes: pods that only the scale-down window keeps.
            let asked_rows = raw[x].map_or(ready_rows, |column| height(column.max.max(least)));
            for y in (0..ready_rows).filter(|y| *y < asked_rows || y.is_multiple_of(2)) {
                canvas.dot(x, y, Ink::Ready, 3);
            }
            if let Some(column) = current[x] {
                for y in (ready_rows..height(column.max)).filter(|y| (x + y).is_multiple_of(2)) {
                    canvas.dot(x, y, Ink::Pending, 2);
                }
            }
            // Where all desired pods are ready, the bar's edge shows the line.
            if let Some(column) = desired[x]
                && ready[x].is_none_or(|ready| ready.min != column.min || ready.max != column.max)
            {
                canvas.line(x, height(column.min), height(column.max), Ink::Desired, LINE);
            }
            // Dashes: the shadow scales nothing.
            if let Some(column) = shadow[x].filter(|column| x % 6 < 3 || column.min != column.max) {
                canvas.line(x, height(column.min), height(column.max), Ink::Believed, LINE + 1);
            }
        }
        canvas.render(self.theme, buffer);
    }
}

impl Replicas<'_> {
    /// The value of each curve, the limits and the scale-down window.
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
            // With the cursor in the past, the value there.
            let number = match self.lens.stretch.instant() {
                Some(at) => curve.at(history, at).map(|value| count(f64::from(value))),
                None => live.map(|live| live.to_string()),
            };
            if let Some(number) = number {
                lines.push(one(curve, format!("{number} {}", curve.word())));
            }
        }
        if let Some(hpa) = self.data.hpa.get() {
            lines.push(vec![span(theme, Ink::Dim, text::limits(hpa.min, hpa.max))]);
            if let Some(window) = window::legend(self.data, self.lens.stretch.instant()) {
                lines.push(vec![span(theme, Ink::Rule, "⠂ "), span(theme, Ink::Text, window)]);
            }
        }
        joined(lines, room)
    }
}
