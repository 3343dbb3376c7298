//! What stands over a screen: boxes, and the questions in them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{below, count, fit, put, put_wrapped, set, span};
use super::theme::{Ink, style};
use super::tune::sentences;
use dashboard::autoscaler::tuning::in_words;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::Confirm;
use dashboard::ui::yes_no::YesNo;

/// An empty framed box in the middle of the area. Returns its inside.
pub(super) fn frame(
    buffer: &mut Buffer,
    area: Rect,
    theme: Theme,
    title: &str,
    (width, height): (u16, u16),
) -> Rect {
    let width = (width + 6).min(area.width);
    let height = (height + 4).min(area.height);
    let outer =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    outline(buffer, outer, theme, title);
    Rect {
        x: outer.x + 3.min(width),
        y: outer.y + 2.min(height),
        width: width.saturating_sub(6),
        height: height.saturating_sub(3),
    }
}

/// An empty box with a line around it. Returns its inside.
pub(super) fn outline(buffer: &mut Buffer, outer: Rect, theme: Theme, title: &str) -> Rect {
    let Rect { width, height, .. } = outer;
    if width < 2 || height < 2 {
        return Rect { width: 0, height: 0, ..outer };
    }
    let line = style(theme, Ink::Key);
    for y in outer.top()..outer.bottom() {
        for x in outer.left()..outer.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
            let at_side = x == outer.left() || x + 1 == outer.right();
            let at_end = y == outer.top() || y + 1 == outer.bottom();
            if at_end && !at_side {
                set(buffer, x, y, '─', line);
            } else if at_side && !at_end {
                set(buffer, x, y, '│', line);
            }
        }
    }
    let (right, bottom) = (outer.right() - 1, outer.bottom() - 1);
    for (x, y, corner) in
        [(outer.x, outer.y, '╭'), (right, outer.y, '╮'), (outer.x, bottom, '╰'), (right, bottom, '╯')]
    {
        set(buffer, x, y, corner, line);
    }
    let head = Rect { x: outer.x + 2, width: width.saturating_sub(4), height: 1, ..outer };
    put(buffer, head, vec![span(theme, Ink::Title, format!(" {title} "))]);
    Rect { x: outer.x + 1, y: outer.y + 1, width: width - 2, height: height - 2 }
}

/// The two answers of a question, the chosen one lit and marked, and the keys for them. `yes` names what is done then.
pub(super) fn answers(theme: Theme, yes: &'static str, chosen: YesNo) -> Vec<Span<'static>> {
    let one = |text: &'static str, is_chosen: bool| {
        let (mark, ink) = if is_chosen { ("▸ ", Ink::Lit) } else { ("  ", Ink::Text) };
        [span(theme, Ink::Lit, mark), span(theme, ink, text), Span::raw("   ")]
    };
    let mut line: Vec<Span<'_>> = one("Cancel", chosen == YesNo::No).into();
    line.extend(one(yes, chosen == YesNo::Yes));
    for (key, what) in [("y", "yes"), ("n", "no"), ("← →", "choose")] {
        line.extend([span(theme, Ink::Key, format!("  {key}")), span(theme, Ink::Dim, format!(" {what}"))]);
    }
    line
}

/// A question.
pub(super) struct Question<'a> {
    /// What is asked.
    pub(super) confirm: &'a Confirm,
    /// Which answer is chosen.
    pub(super) answer: YesNo,
    /// What is known about the target and the workers.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Question<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let (namespace, target) = match &self.data.watched.target {
            Some(target) => (target.namespace.as_str(), target.title.as_str()),
            None => ("", "the target"),
        };
        let mut lines: Vec<Vec<Span<'_>>> = Vec::new();
        let (title, yes) = match self.confirm {
            Confirm::Burst { size } => {
                let requests = if *size == 1 { "request" } else { "requests" };
                lines.push(vec![
                    span(theme, Ink::Value, count((*size).into())),
                    span(theme, Ink::Text, format!(" {requests} to the producer of")),
                ]);
                lines.push(vec![span(theme, Ink::Value, fit(target, 56).into_owned())]);
                lines.push(vec![span(theme, Ink::Dim, format!("namespace {}", fit(namespace, 46)))]);
                ("Fire this burst?", "Fire")
            }
            Confirm::Load => {
                lines.push(vec![
                    span(theme, Ink::Value, format!("{} requests a second", self.data.load.rate)),
                    span(theme, Ink::Text, " to the producer of"),
                ]);
                lines.push(vec![span(theme, Ink::Value, fit(target, 56).into_owned())]);
                lines.push(vec![span(theme, Ink::Dim, "until c, q or ten minutes from now")]);
                ("Start continuous load?", "Start")
            }
            Confirm::Kill { workers, chosen } => {
                let room = usize::from(area.height).saturating_sub(12).clamp(1, 12);
                let first = (chosen + 1).saturating_sub(room);
                for (index, worker) in workers.iter().enumerate().skip(first).take(room) {
                    let is_chosen = index == *chosen;
                    let mark = if is_chosen { "▸ " } else { "  " };
                    let busy = match self.data.jobs.in_hand(&worker.name) {
                        Some(_) => "  has a job in hand",
                        None => "",
                    };
                    let ink = if is_chosen { Ink::Lit } else { Ink::Text };
                    lines.push(vec![
                        span(theme, ink, format!("{mark}{}", fit(&worker.name, 36))),
                        span(theme, Ink::Dim, busy),
                    ]);
                }
                lines.push(vec![span(theme, Ink::Dim, "no grace: a job in hand will be delivered again")]);
                ("Kill which worker?", "Kill")
            }
            Confirm::Undo(undo) => {
                lines.push(vec![
                    span(theme, Ink::Text, "the HPA goes back, on "),
                    span(theme, Ink::Value, fit(target, 36).into_owned()),
                ]);
                let texts: Vec<String> = undo.differences.iter().map(in_words).collect();
                let room = usize::from(area.height).saturating_sub(10).max(2);
                lines.extend(sentences(theme, Ink::Value, &texts, 58, room));
                lines.push(vec![span(theme, Ink::Dim, "refused if somebody changed the same since")]);
                ("Take this change back?", "Take back")
            }
        };
        lines.push(Vec::new());
        lines.push(answers(theme, yes, self.answer));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let mut inside = frame(buffer, area, theme, title, (58, height));
        for spans in lines {
            // A blank line takes a row too.
            let rows = put_wrapped(buffer, inside, &spans, 2).max(1);
            inside = below(inside, rows);
        }
    }
}
