//! The dialog of the drills: what can be stopped here, and what to expect of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::{answers, frame};
use super::text::{coarse, fit, put, row, span, wrap};
use super::theme::Ink;
use super::tune::{keys, sentences};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::drills::{DrillDialog, DrillStep, consequence, title};

/// Columns of the dialog.
const WIDTH: u16 = 68;

/// The dialog.
pub(super) struct Drills<'a> {
    /// What it holds.
    pub(super) dialog: &'a DrillDialog,
    /// What is stopped.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// For the title: what is stopped from here.
pub(super) fn reminder(data: &Data) -> Option<String> {
    let mut stopped = data.drills.iter().map(|(drill, _)| title(drill));
    let first = stopped.next()?;
    Some(match stopped.count() {
        0 => format!("{first} off"),
        more => format!("{} parts off", more + 1),
    })
}

impl Drills<'_> {
    fn choices(&self, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let Some(seen) = &self.dialog.seen else {
            return vec![vec![span(theme, Ink::Pending, "looking what can be stopped here …")]];
        };
        let mut lines = Vec::new();
        for (index, (drill, found)) in seen.iter().enumerate() {
            let is_chosen = index == self.dialog.chosen;
            let (mark, ink) = if is_chosen { ("▸ ", Ink::Lit) } else { ("  ", Ink::Text) };
            let room = usize::from(width).saturating_sub(14);
            let (state_ink, state) = match (found, self.data.drills.get(*drill)) {
                (_, Some(open)) => {
                    let since = coarse(self.data.now.since(open.since));
                    let (kind, name) = (open.scaled.kind.word(), &open.scaled.name);
                    (Ink::Warning, format!("stopped for {since}: {kind} {name}; enter puts it back"))
                }
                (Ok(scaled), None) if scaled.replicas == 0 => {
                    let (kind, name) = (scaled.kind.word(), &scaled.name);
                    (Ink::Warning, format!("{kind} {name} has no replicas; enter starts one"))
                }
                (Ok(scaled), None) => {
                    let (kind, name, replicas) = (scaled.kind.word(), &scaled.name, scaled.replicas);
                    (Ink::Text, format!("{kind} {name}, {replicas} in {}", scaled.namespace))
                }
                (Err(why), None) => (Ink::Dim, why.clone()),
            };
            let mut name = format!("{mark}{:<12}", title(*drill));
            // Why something cannot be stopped is worth its lines.
            for text in wrap(&state, room).into_iter().take(6) {
                lines.push(vec![span(theme, ink, name), span(theme, state_ink, text)]);
                name = " ".repeat(14);
            }
        }
        if let Some((drill, Ok(_))) = seen.get(self.dialog.chosen) {
            lines.push(Vec::new());
            lines.extend(sentences(theme, Ink::Dim, &[consequence(*drill).to_owned()], width, 2));
        }
        lines
    }
}

impl Widget for &Drills<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(6));
        let target = self.data.watched.target.as_ref().map_or("", |target| target.title.as_str());
        let (name, mut lines, last) = match &self.dialog.step {
            DrillStep::Choosing => (
                "Drill: stop a part of the chain",
                self.choices(width),
                keys(theme, &[("↑ ↓", "choose"), ("enter", "stop or put back"), ("esc", "close")]),
            ),
            DrillStep::Asking(drill, scaled, answer) => {
                let (kind, object) = (scaled.kind.word(), &scaled.name);
                let what = format!("{kind} {object} in {}: {} → 0", scaled.namespace, scaled.replicas);
                let mut lines = vec![vec![
                    span(theme, Ink::Text, format!("stops the {} of ", title(*drill))),
                    span(theme, Ink::Value, fit(target, 40).into_owned()),
                ]];
                lines.extend(sentences(theme, Ink::Value, &[what], width, 2));
                lines.extend(sentences(theme, Ink::Text, &[consequence(*drill).to_owned()], width, 2));
                let back = "D puts it back, and so does q; only a killed surge does not".to_owned();
                lines.extend(sentences(theme, Ink::Dim, &[back], width, 2));
                ("Stop it?", lines, answers(theme, "Stop", *answer))
            }
        };
        lines.push(Vec::new());
        lines.push(last);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, theme, name, (width, height));
        for (index, spans) in (0..).zip(lines) {
            put(buffer, row(inside, index), spans);
        }
    }
}
