//! The dialog that tunes the HPA: a form, and what the API server would make of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::{answers, frame};
use super::text::{fit, fit_end, put, row, span, wrap};
use super::theme::Ink;
use dashboard::autoscaler::form::{Form, Name};
use dashboard::autoscaler::tuning::{TuneDialog, TuneStep, in_words};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Columns of the dialog.
const WIDTH: u16 = 70;

/// Columns of the fields' names.
const NAMES: usize = 18;

/// Most lines of what is wrong or different.
const MOST_LINES: usize = 8;

/// The dialog.
pub(super) struct Tune<'a> {
    /// What it holds.
    pub(super) dialog: &'a TuneDialog,
    /// What is known about the HPA.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// The fields of a form, one a line; a changed one is marked.
pub(super) fn fields(form: &Form, theme: Theme, width: u16, is_open: bool) -> Vec<Vec<Span<'static>>> {
    form.fields()
        .map(|(name, text, is_chosen, differs)| {
            let is_chosen = is_chosen && is_open;
            let mark = if is_chosen { "▸ " } else { "  " };
            let ink = match (is_chosen, differs) {
                (true, _) => Ink::Lit,
                (false, true) => Ink::Value,
                (false, false) => Ink::Text,
            };
            let room = usize::from(width).saturating_sub(NAMES + 6);
            let empty = match name {
                Name::UpWindow | Name::DownWindow => "the controller's default",
                Name::UpPolicies | Name::DownPolicies => "none: twice the size, or 4",
                _ => "-",
            };
            let mut line = vec![
                span(theme, Ink::Lit, mark),
                span(theme, Ink::Text, format!("{:<NAMES$}", name.title())),
                span(theme, Ink::Lit, if differs { "* " } else { "  " }),
            ];
            match (text.is_empty(), is_chosen) {
                (true, false) => line.push(span(theme, Ink::Dim, empty)),
                _ => line.push(span(theme, ink, fit_end(text, room).into_owned())),
            }
            if is_chosen {
                let hint = if name == Name::Kind { "  ← →" } else { "▏" };
                line.push(span(theme, Ink::Key, hint));
            }
            line
        })
        .collect()
}

/// Keys and what they do, for the last line of a dialog.
pub(super) fn keys(theme: Theme, keys: &[(&'static str, &'static str)]) -> Vec<Span<'static>> {
    keys.iter()
        .flat_map(|(key, what)| [span(theme, Ink::Key, *key), span(theme, Ink::Text, format!(" {what}   "))])
        .collect()
}

/// Sentences as lines of that width, so many at most.
pub(super) fn sentences(
    theme: Theme,
    ink: Ink,
    texts: &[String],
    width: u16,
    most: usize,
) -> Vec<Vec<Span<'static>>> {
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for text in texts {
        for line in wrap(text, usize::from(width)) {
            lines.push(vec![span(theme, ink, line)]);
        }
    }
    if lines.len() > most {
        let more = lines.len() + 1 - most;
        lines.truncate(most.saturating_sub(1));
        lines.push(vec![span(theme, Ink::Dim, format!("… {more} lines more"))]);
    }
    lines
}

impl Widget for &Tune<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(6));
        let name = self.data.hpa.get().map_or("the HPA", |hpa| hpa.name.as_str());
        let title = format!("Tune {}", fit(name, 40));
        let mut lines: Vec<Vec<Span<'_>>> = Vec::new();
        // What is there besides must fit under the form.
        let room = usize::from(area.height).saturating_sub(Name::ALL.len() + 8).clamp(2, MOST_LINES);
        let last = match &self.dialog.step {
            TuneStep::Editing(wrong) => {
                lines.extend(fields(&self.dialog.form, theme, width, true));
                lines.push(Vec::new());
                match &self.dialog.rights {
                    _ if !wrong.is_empty() => {
                        lines.extend(sentences(theme, Ink::Warning, wrong, width, room));
                    }
                    Some(Err(why)) => {
                        let text = format!("only to look at: {why}");
                        lines.extend(sentences(theme, Ink::Warning, &[text], width, room));
                    }
                    Some(Ok(())) => {
                        let text = "enter asks the API server what it would change";
                        lines.push(vec![span(theme, Ink::Dim, text)]);
                    }
                    None => lines.push(vec![span(theme, Ink::Dim, "asking whether you may change it …")]),
                }
                keys(theme, &[("enter", "dry run"), ("↑ ↓", "field"), ("del", "empty"), ("esc", "close")])
            }
            TuneStep::Trying(_) => {
                lines.extend(fields(&self.dialog.form, theme, width, false));
                lines.push(Vec::new());
                lines.push(vec![span(theme, Ink::Pending, "the API server is asked (dry run) …")]);
                keys(theme, &[("esc", "back")])
            }
            TuneStep::Review(_, differences, answer) => {
                let target = self.data.watched.target.as_ref().map_or("", |target| target.title.as_str());
                lines.push(vec![
                    span(theme, Ink::Text, "the API server would change on "),
                    span(theme, Ink::Value, fit(target, 36).into_owned()),
                ]);
                lines.push(Vec::new());
                let texts: Vec<String> = differences.iter().map(in_words).collect();
                let room = usize::from(area.height).saturating_sub(10).max(2);
                lines.extend(sentences(theme, Ink::Value, &texts, width, room));
                lines.push(Vec::new());
                lines.push(vec![span(theme, Ink::Dim, "all else stays as it is; u takes it back")]);
                answers(theme, "Apply", *answer)
            }
            TuneStep::Applying(_) => {
                lines.push(vec![span(theme, Ink::Pending, "the change is being made …")]);
                keys(theme, &[("esc", "close")])
            }
        };
        lines.push(Vec::new());
        lines.push(last);
        if lines.len() + 3 > usize::from(area.height) {
            lines.retain(|line| !line.is_empty());
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, theme, &title, (width, height));
        for (index, spans) in (0..).zip(lines) {
            put(buffer, row(inside, index), spans);
        }
    }
}
