//! The queue over time: messages that wait on top of messages in work, the target, and the value that the HPA read.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::axis::{GUTTER, TimeAxis};
use super::backdrop::{guides, values};
use super::plot::{Canvas, LINE, Scale, sample};
use super::shares;
use crate::view::draw::{joined, note_room, panel, right_of, span, width};
use crate::view::fmt::{count, milli};
use crate::view::stale;
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::chart::curves::Curve;
use dashboard::chart::series::Column;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::ExternalTarget;

/// The panel.
pub(super) struct Queue<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The shared time axis.
    pub(super) axis: &'a TimeAxis,
    /// The stretch of time and the curves.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Queue<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let name = self.data.hpa.get().and_then(|hpa| hpa.metric.as_ref()?.queue.as_deref());
        let title = text::queue(name);
        let room = note_room(area.width, &title);
        let note = stale::note(self.data, self.theme, Source::Broker, room);
        let plot = panel(buffer, area, self.theme, &title, note.unwrap_or_else(|| self.note(room)));
        let history = &self.data.history;
        // Hidden curves do not count, not even for the scale.
        let read = |curve, series| match self.lens.curves.has(curve) {
            true => self.axis.read(series),
            false => vec![None; self.axis.columns],
        };
        let depth = read(Curve::Messages, &history.depth);
        let in_work = read(Curve::InWork, &history.in_work);
        let target = read(Curve::Target, &history.target);
        let believed = read(Curve::Believed, &history.believed);
        let metric = read(Curve::Metric, &history.metric);
        let highest = [&depth, &in_work, &target, &believed]
            .into_iter()
            .flatten()
            .flatten()
            .fold(0.0_f32, |highest, column| highest.max(column.max));
        let scale = Scale::fitting(f64::from(highest), plot.height);
        values(buffer, plot, self.theme, &scale);

        let mut canvas = Canvas::new(right_of(plot, GUTTER), self.lens.markers);
        guides(&mut canvas, self.data, self.axis);
        let span_of = |c: &Column| (scale.row(f64::from(c.min)), scale.row(f64::from(c.max)));
        for (x, column) in in_work.iter().enumerate() {
            let Some(high) = column.map(|column| scale.row(f64::from(column.max))) else { continue };
            // The areas are stacked: messages in work are part of the depth, at the bottom.
            let high = depth.get(x).copied().flatten().map_or(high, |depth| high.min(span_of(&depth).0));
            for y in (0..high).filter(|y| (x + y).is_multiple_of(2)) {
                canvas.dot(x, y, Ink::InWork, 3);
            }
        }
        for (x, column) in depth.iter().enumerate() {
            let Some(column) = column else { continue };
            let (low, high) = span_of(column);
            for y in (0..low).step_by(2).filter(|y| (x + y / 2).is_multiple_of(2)) {
                canvas.dot(x, y, Ink::QueueFill, 2);
            }
            canvas.line(x, low, high, Ink::Queue, LINE + 3);
        }
        // Dashes, dots and sparse dots: the lines differ without colour too. Each with the length of its pattern and the
        // inked part of it.
        let lines = [
            (&believed, Ink::Believed, LINE + 2, (2, 1)),
            (&target, Ink::Target, LINE + 1, (8, 5)),
            (&metric, Ink::Metric, LINE, (4, 1)),
        ];
        for (columns, ink, weight, (length, inked)) in lines {
            for (x, column) in columns.iter().enumerate() {
                let Some(column) = column else { continue };
                let (low, high) = span_of(column);
                if x % length < inked || low != high {
                    canvas.line(x, low, high, ink, weight);
                }
            }
        }
        shares::over_queue(&mut canvas, self.data, self.axis, |value| scale.row(value), &target);
        canvas.render(self.theme, buffer);
    }
}

impl Queue<'_> {
    /// The value of each curve, with a sample of its line.
    fn note(&self, room: u16) -> Vec<Span<'static>> {
        let hidden = match self.lens.curves.hidden() {
            0 => Vec::new(),
            hidden => vec![span(self.theme, Ink::Dim, text::hidden_curves(hidden))],
        };
        let lines = Curve::ALL.iter().filter(|curve| self.lens.curves.has(**curve)).filter_map(|curve| {
            let words = match self.lens.stretch.instant() {
                Some(at) => self.value_at(*curve, at)?,
                None => self.value_now(*curve)?,
            };
            Some((*curve, words))
        });
        let lines = shortened(lines.collect(), usize::from(room.saturating_sub(width(&hidden) + 3)));
        let lines = lines.into_iter().map(|(curve, words)| {
            let (ink, mark) = sample(self.lens.markers, curve);
            vec![span(self.theme, ink, mark), span(self.theme, Ink::Text, format!(" {words}"))]
        });
        joined([hidden].into_iter().chain(lines), room)
    }

    /// The present value of a curve, in two phrasings; `None` for a curve of another plot.
    fn value_now(&self, curve: Curve) -> Option<[String; 2]> {
        let (data, depth) = (self.data, self.data.depth);
        Some(match curve {
            Curve::Messages => text::depth(depth.map(|depth| count(depth.total() as f64))),
            Curve::InWork => text::in_work(&count(depth?.unacked as f64)),
            Curve::Target => {
                let total = count(data.target_total()?);
                match data.metric_target()? {
                    ExternalTarget::AverageValue(each) => {
                        text::target_per_pod(&milli(each), data.replicas().unwrap_or(0).max(1), &total)
                    }
                    ExternalTarget::Value(_) => text::target(&total),
                }
            }
            Curve::Believed => {
                let hpa = data.hpa.get()?;
                match (hpa.reading_milli, data.metric_target(), data.believed_total()) {
                    (None, ..) if !hpa.has_synced() => text::hpa_not_synced(),
                    (None, ..) => text::hpa_no_reading(),
                    (Some(reading), Some(ExternalTarget::AverageValue(_)), Some((total, _))) => {
                        text::hpa_average(&milli(reading), &count(total))
                    }
                    (Some(reading), ..) => text::hpa_value(&milli(reading)),
                }
            }
            Curve::Metric => text::external_metric(&count(f64::from(data.history.metric.last()?))),
            _ => return None,
        })
    }

    /// The value of a curve at a time, in two phrasings.
    fn value_at(&self, curve: Curve, at: At) -> Option<[String; 2]> {
        let value = |curve: Curve| curve.at(&self.data.history, at).map(f64::from);
        Some(match curve {
            Curve::Messages => text::depth(value(curve).map(count)),
            Curve::InWork => text::in_work(&count(value(curve)?)),
            Curve::Target => text::target(&count(value(curve)?)),
            Curve::Believed => {
                let is_average = matches!(self.data.metric_target(), Some(ExternalTarget::AverageValue(_)));
                text::hpa_read(&count(value(curve)?), is_average)
            }
            Curve::Metric => text::external_metric(&count(value(curve)?)),
            _ => return None,
        })
    }
}

/// Chooses a phrasing for each curve. The last ones are shortened first, until all fit into `room` columns.
fn shortened(lines: Vec<(Curve, [String; 2])>, room: usize) -> Vec<(Curve, String)> {
    // With the sample before and the gap behind.
    let columns = |text: &String| text.width() + 5;
    let mut used: usize = lines.iter().map(|(_, [full, _])| columns(full)).sum();
    let mut shown: Vec<(Curve, String)> = lines
        .into_iter()
        .rev()
        .map(|(curve, [full, short])| {
            if used <= room + 3 {
                return (curve, full);
            }
            used -= columns(&full) - columns(&short);
            (curve, short)
        })
        .collect();
    shown.reverse();
    shown
}
