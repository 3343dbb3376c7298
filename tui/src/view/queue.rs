//! The queue over time: what waits on top of what is in work, the target on the same axis, and what the HPA read.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::axis::{GUTTER, TimeAxis};
use super::plot::{Canvas, LINE, Scale, sample};
use super::stale;
use super::text::{below, count, milli, parts, put_right, row, rule, set, span, width};
use super::theme::{Ink, style};
use dashboard::chart::curves::Curve;
use dashboard::chart::history::MarkKind;
use dashboard::chart::series::Column;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::ExternalTarget;

/// The panel.
pub(super) struct Queue<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The time axis that it shares.
    pub(super) axis: &'a TimeAxis,
    /// Which curves, and how.
    pub(super) lens: ChartView,
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
        let hidden = match self.lens.curves.hidden() {
            0 => Vec::new(),
            hidden => vec![span(self.theme, Ink::Dim, format!("{hidden} hidden: o"))],
        };
        let lines = Curve::ALL.iter().filter(|curve| self.lens.curves.has(**curve)).filter_map(|curve| {
            let words = match self.lens.stretch.instant() {
                Some(at) => self.then(*curve, at)?,
                None => self.now(*curve)?,
            };
            Some((*curve, words))
        });
        let room = stale::room(row.width, &name);
        let lines = shortened(lines.collect(), usize::from(room.saturating_sub(width(&hidden) + 3)));
        let lines = lines.into_iter().map(|(curve, words)| {
            let (ink, mark) = sample(self.lens.markers, curve);
            vec![span(self.theme, ink, mark), span(self.theme, Ink::Text, format!(" {words}"))]
        });
        let note = parts([hidden].into_iter().chain(lines), room);
        rule(buffer, row, self.theme, &name, note);
    }

    /// What a curve says now, in full and in short; `None` for one that is not drawn here.
    fn now(&self, curve: Curve) -> Option<[String; 2]> {
        let both = |text: String| [text.clone(), text];
        let (data, depth) = (self.data, self.data.depth);
        Some(match curve {
            Curve::Waiting => both(depth.map_or_else(
                || "no reading".to_owned(),
                |depth| format!("{} deep", count(depth.total() as f64)),
            )),
            Curve::InWork => both(format!("{} in work", count(depth?.unacked as f64))),
            Curve::Target => {
                let total = count(data.target_total()?);
                let short = format!("target {total}");
                match data.metric_target()? {
                    ExternalTarget::AverageValue(each) => {
                        let replicas = data.replicas().unwrap_or(0).max(1);
                        [format!("target {} × {replicas} = {total}", milli(each)), short]
                    }
                    ExternalTarget::Value(_) => both(short),
                }
            }
            Curve::Believed => {
                let hpa = data.hpa.get()?;
                match (hpa.reading_milli, data.metric_target(), data.believed_total()) {
                    (None, ..) if !hpa.has_synced() => {
                        ["HPA has not read yet".to_owned(), "HPA no sync yet".to_owned()]
                    }
                    (None, ..) => ["HPA has no reading".to_owned(), "HPA no reading".to_owned()],
                    (Some(reading), Some(ExternalTarget::AverageValue(_)), Some((total, _))) => {
                        let total = count(total);
                        [
                            format!("HPA reads {} a pod, about {total}", milli(reading)),
                            format!("HPA ≈{total}"),
                        ]
                    }
                    (Some(reading), ..) => {
                        [format!("HPA reads {}", milli(reading)), format!("HPA {}", milli(reading))]
                    }
                }
            }
            Curve::Metric => {
                let value = count(f64::from(data.history.metric.last()?));
                [format!("external metric {value}"), format!("metric {value}")]
            }
            _ => return None,
        })
    }

    /// The same at an instant.
    fn then(&self, curve: Curve, at: At) -> Option<[String; 2]> {
        let both = |text: String| [text.clone(), text];
        let value = |curve: Curve| curve.at(&self.data.history, at).map(f64::from);
        Some(match curve {
            Curve::Waiting => both(match value(curve) {
                Some(waiting) => format!("{} deep", count(waiting + value(Curve::InWork).unwrap_or(0.0))),
                None => "no reading".to_owned(),
            }),
            Curve::InWork => both(format!("{} in work", count(value(curve)?))),
            Curve::Target => both(format!("target {}", count(value(curve)?))),
            Curve::Believed => {
                let is_average = matches!(self.data.metric_target(), Some(ExternalTarget::AverageValue(_)));
                let sign = if is_average { "≈" } else { "" };
                both(format!("HPA read {sign}{}", count(value(curve)?)))
            }
            Curve::Metric => {
                let value = count(value(curve)?);
                [format!("external metric {value}"), format!("metric {value}")]
            }
            _ => return None,
        })
    }
}

/// The words of each line, in short from the last one on as far as the room asks for it.
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
