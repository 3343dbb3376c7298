//! The queue over time: what waits on top of what is in work, the target on the same axis, and what the HPA read.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use super::plot::{Canvas, LINE, Scale, sample};
use super::stale;
use super::text::{below, count, milli, parts, phrase, put_right, row, rule, set, span};
use super::theme::{Ink, style};
use crate::event::{MetricTarget, Source};
use crate::model::curves::Curve;
use crate::model::history::MarkKind;
use crate::model::series::Column;
use crate::model::{Data, Lens, Theme};

/// The panel.
pub(super) struct Queue<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The time axis that it shares.
    pub(super) axis: &'a TimeAxis,
    /// Which curves, and how.
    pub(super) lens: Lens,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Queue<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        self.head(row(area, 0), buffer);
        let plot = below(area, 1);
        let canvas_area =
            Rect { x: plot.x + GUTTER.min(plot.width), width: plot.width.saturating_sub(GUTTER), ..plot };
        let history = &self.data.history;
        // What is hidden takes no part, not even in the scale.
        let read = |curve, series| match self.lens.curves.has(curve) {
            true => self.axis.read(series),
            false => vec![None; self.axis.columns],
        };
        let depth = read(Curve::Waiting, &history.depth);
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

        let mut canvas = Canvas::new(canvas_area, self.lens.markers);
        guides(&mut canvas, self.data, self.axis);
        let span_of = |c: &Column| (scale.row(f64::from(c.min)), scale.row(f64::from(c.max)));
        for (x, column) in in_work.iter().enumerate() {
            let Some(high) = column.map(|column| scale.row(f64::from(column.max))) else { continue };
            // The two are stacked: what is in work is part of the depth and lies at the bottom.
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
        // Dashes, dots and sparse dots, so that the lines differ without colour too.
        // Each with the length of its pattern and how much of that is inked.
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
        canvas.render(self.theme, buffer);
    }
}

impl Queue<'_> {
    fn head(&self, row: Rect, buffer: &mut Buffer) {
        let metric = self.data.hpa.get().and_then(|hpa| hpa.metric.as_ref());
        let name = match metric.and_then(|metric| metric.queue.as_deref()) {
            Some(queue) => format!("Queue {queue}"),
            None => "Queue".to_owned(),
        };
        if let Some(note) = stale::note(self.data, self.theme, Source::Broker, stale::room(row.width, &name))
        {
            rule(buffer, row, self.theme, &name, note);
            return;
        }
        let shown = [
            (Curve::Waiting, self.depth()),
            (Curve::InWork, self.in_work()),
            (Curve::Target, self.target()),
            (Curve::Believed, self.believed()),
            (Curve::Metric, self.metric()),
        ];
        let lines = shown.into_iter().filter(|(curve, _)| self.lens.curves.has(*curve)).map(|(_, text)| text);
        let hidden = match self.lens.curves.hidden() {
            0 => Vec::new(),
            hidden => {
                let words =
                    phrase(&[format!("{hidden} hidden, o shows them"), format!("{hidden} hidden")], 24);
                vec![span(self.theme, Ink::Dim, words)]
            }
        };
        let lines = lines.chain([hidden]);
        let note = parts(lines, stale::room(row.width, &name));
        rule(buffer, row, self.theme, &name, note);
    }

    /// A sample of a curve's line, and words about it.
    fn part(&self, curve: Curve, text: impl Into<std::borrow::Cow<'static, str>>) -> Vec<Span<'static>> {
        let (ink, mark) = sample(self.lens.markers, curve);
        vec![span(self.theme, ink, mark), Span::raw(" "), span(self.theme, Ink::Text, text)]
    }

    fn depth(&self) -> Vec<Span<'static>> {
        let text = self
            .data
            .depth
            .map_or_else(|| "no reading".to_owned(), |depth| format!("{} deep", count(depth.total() as f64)));
        self.part(Curve::Waiting, text)
    }

    fn in_work(&self) -> Vec<Span<'static>> {
        let Some(depth) = self.data.depth else { return Vec::new() };
        self.part(Curve::InWork, format!("{} in work", count(depth.unacked as f64)))
    }

    fn target(&self) -> Vec<Span<'static>> {
        let (Some(target), Some(total)) = (self.data.metric_target(), self.data.target_total()) else {
            return Vec::new();
        };
        let text = match target {
            MetricTarget::Average(each) => {
                let replicas = self.data.replicas().unwrap_or(0).max(1);
                format!("target {} × {replicas} = {}", milli(each), count(total))
            }
            MetricTarget::Value(_) => format!("target {}", count(total)),
        };
        self.part(Curve::Target, text)
    }

    fn metric(&self) -> Vec<Span<'static>> {
        let Some(value) = self.data.history.metric.last() else { return Vec::new() };
        let text = format!("external metric {}", count(f64::from(value)));
        self.part(Curve::Metric, text)
    }

    fn believed(&self) -> Vec<Span<'static>> {
        let Some(hpa) = self.data.hpa.get() else { return Vec::new() };
        let Some(reading) = hpa.reading_milli else {
            return self.part(Curve::Believed, "HPA has no reading");
        };
        let text = match (self.data.metric_target(), self.data.believed_total()) {
            (Some(MetricTarget::Average(_)), Some((total, _))) => {
                format!("HPA reads {} a pod, about {}", milli(reading), count(total))
            }
            _ => format!("HPA reads {}", milli(reading)),
        };
        self.part(Curve::Believed, text)
    }
}

/// The labels of a value axis, and its line.
pub(super) fn values(buffer: &mut Buffer, plot: Rect, theme: Theme, scale: &Scale) {
    if plot.width < GUTTER {
        return;
    }
    let x = plot.x + GUTTER - 1;
    for y in plot.top()..plot.bottom() {
        set(buffer, x, y, '│', style(theme, Ink::Rule));
    }
    for (value, above) in scale.labels() {
        let y = plot.bottom().saturating_sub(1 + above);
        if y < plot.top() {
            continue;
        }
        set(buffer, x, y, '┤', style(theme, Ink::Rule));
        let label = Rect { x: plot.x, y, width: GUTTER - 1, height: 1 };
        put_right(buffer, label, vec![span(theme, Ink::Dim, count(value))]);
    }
}

/// Faint vertical lines through all plots at each burst, each rescale and each change of the HPA. Where they would stand
/// so close that nothing else could be seen, the rescales go first, and then all of them.
pub(super) fn guides(canvas: &mut Canvas, data: &Data, axis: &TimeAxis) {
    let columns = |kinds: &[MarkKind]| -> BTreeSet<usize> {
        let marks = data.history.marks(axis.from(), axis.length());
        marks.filter(|mark| kinds.contains(&mark.kind)).filter_map(|mark| axis.column(mark.at)).collect()
    };
    let most = axis.columns / 8;
    let all = columns(&[MarkKind::Burst, MarkKind::Tuned, MarkKind::ScaleUp, MarkKind::ScaleDown]);
    let shown = if all.len() <= most { all } else { columns(&[MarkKind::Burst, MarkKind::Tuned]) };
    if shown.len() > most {
        return;
    }
    for x in shown {
        for y in (0..canvas.rows()).step_by(2) {
            canvas.dot(x, y, Ink::Rule, 0);
        }
    }
}
