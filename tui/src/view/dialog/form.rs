//! The fields of an HPA's settings, for the dialogs that edit them.

use ratatui::text::Span;

use crate::view::draw::span;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::{fit, fit_end};
use dashboard::autoscaler::form::{Form, Name};
use dashboard::ui::appearance::Theme;

/// Columns of the dialogs.
pub(super) const WIDTH: u16 = 70;

/// Columns of a field's name.
const NAME: usize = 18;

/// Columns of the marks around a field.
const MARKS: usize = 6;

/// The fields, a row each; a changed one is marked. `is_open` is false while the fields cannot be edited.
pub(super) fn fields(form: &Form, theme: Theme, width: u16, is_open: bool) -> Vec<Vec<Span<'static>>> {
    let rows = form.fields().map(|(name, value, is_chosen, differs)| {
        let is_chosen = is_chosen && is_open;
        let ink = match (is_chosen, differs) {
            (true, _) => Ink::Lit,
            (false, true) => Ink::Value,
            (false, false) => Ink::Text,
        };
        let mut row = vec![
            span(theme, Ink::Lit, if is_chosen { "► " } else { "  " }),
            span(theme, Ink::Text, format!("{:<NAME$}", fit(&form.title(name), NAME - 1))),
            span(theme, Ink::Lit, if differs { "* " } else { "  " }),
        ];
        if value.is_empty() && !is_chosen {
            row.push(span(theme, Ink::Dim, empty(name)));
        } else {
            let room = usize::from(width).saturating_sub(NAME + MARKS);
            row.push(span(theme, ink, fit_end(value, room).into_owned()));
        }
        if is_chosen {
            // Before the first character the whole value would be replaced.
            let cursor = if form.replaces() { text::REPLACE_HINT } else { "▌" };
            row.push(span(theme, Ink::Key, if name == Name::Kind { text::CHOICE_HINT } else { cursor }));
        }
        row
    });
    rows.collect()
}

/// The meaning of an empty field.
fn empty(name: Name) -> &'static str {
    match name {
        Name::UpWindow | Name::DownWindow => text::DEFAULT_WINDOW,
        Name::UpPolicies | Name::DownPolicies => text::DEFAULT_POLICIES,
        _ => text::EMPTY_FIELD,
    }
}
