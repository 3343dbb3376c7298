//! The dialog that tunes the HPA: a form, the dry run's result, and the question whether to apply it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::form::{WIDTH, fields};
use super::frame::{BORDER, answers, frame_rows, keys, sentences};
use crate::view::draw::span;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit;
use dashboard::autoscaler::tuning::{TuneDialog, TuneStep, in_words, slips};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// The most rows of errors.
const MAX_ERRORS: usize = 8;

/// The dialog.
pub(in crate::view) struct Tune<'a> {
    /// Its state.
    pub(in crate::view) dialog: &'a TuneDialog,
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Tune<'_> {
    /// The error of the form, or the effect of enter.
    fn note(&self, wrong: &[String], width: u16, max_rows: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        match &self.dialog.rights {
            _ if !wrong.is_empty() => sentences(theme, Ink::Warning, wrong, width, max_rows),
            Some(Err(why)) => sentences(theme, Ink::Warning, &[text::view_only(why)], width, max_rows),
            Some(Ok(())) => vec![vec![span(theme, Ink::Dim, text::EDIT_HINT)]],
            None => vec![vec![span(theme, Ink::Dim, text::ASKING_RIGHTS)]],
        }
    }

    /// The rows of the dialog, and the last one, with its keys.
    fn rows(&self, width: u16, height: usize) -> (Vec<Vec<Span<'static>>>, Vec<Span<'static>>) {
        let theme = self.theme;
        let form = |is_open| fields(&self.dialog.form, theme, width, is_open);
        let mut rows = Vec::new();
        let last = match &self.dialog.step {
            TuneStep::Editing(wrong) => {
                rows.extend(form(true));
                rows.push(Vec::new());
                let max_rows =
                    height.saturating_sub(self.dialog.form.fields().count() + 5).clamp(2, MAX_ERRORS);
                rows.extend(self.note(wrong, width, max_rows));
                keys(theme, text::EDIT_KEYS)
            }
            TuneStep::Trying(_) => {
                rows.extend(form(false));
                rows.push(Vec::new());
                rows.push(vec![span(theme, Ink::Pending, text::ASKING_DRY_RUN)]);
                keys(theme, text::BACK_KEYS)
            }
            TuneStep::Review(_, differences, answer) => {
                let target = self.data.watched.target.as_ref().map_or("", |target| target.title.as_str());
                rows.push(vec![
                    span(theme, Ink::Text, text::WOULD_CHANGE),
                    span(theme, Ink::Value, fit(target, 36).into_owned()),
                ]);
                rows.push(Vec::new());
                let texts: Vec<String> = differences.iter().map(in_words).collect();
                let max_rows = height.saturating_sub(7).max(2);
                rows.extend(sentences(theme, Ink::Value, &texts, width, max_rows));
                let slips = slips(differences).into_iter();
                let slips = slips.map(|slip| text::is_meant(&slip.after, &slip.times, &slip.before));
                rows.extend(sentences(theme, Ink::Warning, &slips.collect::<Vec<_>>(), width, 3));
                rows.push(Vec::new());
                rows.push(vec![span(theme, Ink::Dim, text::REVIEW_NOTE)]);
                answers(theme, text::APPLY, *answer, text::ANSWER_KEYS)
            }
            TuneStep::Applying(_) => {
                rows.push(vec![span(theme, Ink::Pending, text::APPLYING)]);
                keys(theme, text::CLOSE_KEYS)
            }
        };
        (rows, last)
    }
}

impl Widget for &Tune<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let name = self.data.hpa.get().map_or(text::THE_HPA, |hpa| hpa.name.as_str());
        let height = usize::from(area.height.saturating_sub(BORDER.1));
        let (mut rows, last) = self.rows(width, height);
        rows.extend([Vec::new(), last]);
        frame_rows(buffer, area, self.theme, &text::tune(&fit(name, 40)), width, rows);
    }
}
