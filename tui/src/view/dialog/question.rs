//! A question before something changes: a burst, the load, a kill, or an undo.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::frame::{answers, frame, sentences};
use crate::view::draw::{below, span, wrapped};
use crate::view::fmt::count;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit;
use dashboard::autoscaler::tuning::in_words;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::{Candidate, Confirm};
use dashboard::ui::yes_no::YesNo;

/// Columns of the dialog.
const WIDTH: u16 = 58;

/// Rows of the dialog that are no list.
const OTHER_ROWS: u16 = 12;

/// The most workers that are shown at once.
const MAX_WORKERS: usize = 12;

/// The question.
pub(in crate::view) struct Question<'a> {
    /// The action that is confirmed.
    pub(in crate::view) confirm: &'a Confirm,
    /// The chosen answer.
    pub(in crate::view) answer: YesNo,
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Question<'_> {
    fn text(&self, ink: Ink, text: impl Into<String>) -> Vec<Span<'static>> {
        vec![span(self.theme, ink, text.into())]
    }

    /// The name of the target, and its namespace.
    fn target(&self) -> (String, String) {
        let target = self.data.watched.target.as_ref();
        target.map_or_else(
            || (text::UNKNOWN_TARGET.to_owned(), String::new()),
            |target| (fit(&target.title, 56).into_owned(), fit(&target.namespace, 46).into_owned()),
        )
    }

    /// The workers, the chosen one in view.
    fn workers(&self, workers: &[Candidate], chosen: usize, height: u16) -> Vec<Vec<Span<'static>>> {
        let shown = usize::from(height.saturating_sub(OTHER_ROWS)).clamp(1, MAX_WORKERS);
        let first = (chosen + 1).saturating_sub(shown);
        let rows = workers.iter().enumerate().skip(first).take(shown).map(|(index, worker)| {
            let (mark, ink) = if index == chosen { ("► ", Ink::Lit) } else { ("  ", Ink::Text) };
            let busy = self.data.jobs.in_hand(&worker.name).map_or("", |_| text::BUSY);
            vec![
                span(self.theme, ink, format!("{mark}{}", fit(&worker.name, 36))),
                span(self.theme, Ink::Dim, busy),
            ]
        });
        rows.collect()
    }

    fn rows(&self, height: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let (target, namespace) = self.target();
        let receiver = text::receiver(self.data.load.to.as_deref());
        match self.confirm {
            Confirm::Burst { size } => vec![
                vec![
                    span(theme, Ink::Value, count((*size).into())),
                    span(theme, Ink::Text, text::requests(*size)),
                    span(theme, Ink::Text, receiver),
                ],
                self.text(Ink::Value, target),
                self.text(Ink::Dim, text::namespace(&namespace)),
            ],
            Confirm::Load => vec![
                vec![
                    span(theme, Ink::Value, text::requests_a_second(self.data.load.rate)),
                    span(theme, Ink::Text, receiver),
                ],
                self.text(Ink::Value, target),
                self.text(Ink::Dim, text::LOAD_END),
            ],
            Confirm::Kill { workers, chosen } => {
                let mut rows = self.workers(workers, *chosen, height);
                rows.push(self.text(Ink::Dim, text::KILL_NOTE));
                rows
            }
            Confirm::Undo(undo) => {
                let mut rows = vec![vec![
                    span(theme, Ink::Text, text::UNDO_ON),
                    span(theme, Ink::Value, fit(&target, 36).into_owned()),
                ]];
                let texts: Vec<String> = undo.differences.iter().map(in_words).collect();
                let max_rows = usize::from(height).saturating_sub(10).max(2);
                rows.extend(sentences(theme, Ink::Value, &texts, WIDTH, max_rows));
                rows.push(self.text(Ink::Dim, text::UNDO_NOTE));
                rows
            }
        }
    }
}

impl Widget for &Question<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (title, yes) = match self.confirm {
            Confirm::Burst { .. } => text::FIRE,
            Confirm::Load => text::LOAD,
            Confirm::Kill { .. } => text::KILL,
            Confirm::Undo(_) => text::UNDO,
        };
        let is_kill = matches!(self.confirm, Confirm::Kill { .. });
        let keys = if is_kill { text::KILL_KEYS } else { text::ANSWER_KEYS };
        let mut rows = self.rows(area.height);
        rows.extend([Vec::new(), answers(self.theme, yes, self.answer, keys)]);
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let mut rest = frame(buffer, area, self.theme, title, (WIDTH, height));
        for spans in rows {
            // A blank line takes a row too.
            let used = wrapped(buffer, rest, &spans, 2).max(1);
            rest = below(rest, used);
        }
    }
}
