//! The parts that dialogs share: the box, the answers, the keys and lists of sentences.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use crate::view::draw::{lines, span};
use crate::view::strings::dialogs as text;
use crate::view::theme::{Ink, style};
use crate::view::wrap::wrap;
use dashboard::ui::appearance::Theme;
use dashboard::ui::yes_no::YesNo;

/// Columns and rows of the border and the padding.
pub(super) const BORDER: (u16, u16) = (6, 3);

/// Draws an empty box around content of that size, in the middle of the area. Returns the area of the content.
pub(super) fn frame(
    buffer: &mut Buffer,
    area: Rect,
    theme: Theme,
    title: &str,
    (width, height): (u16, u16),
) -> Rect {
    // A blank row below the content, where there is room for it.
    let (width, height) = (width.saturating_add(BORDER.0), height.saturating_add(BORDER.1 + 1));
    let outer = area.centered(Constraint::Length(width), Constraint::Length(height));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(style(theme, Ink::Key))
        .title_top(Line::from(span(theme, Ink::Title, format!(" {title} "))))
        .padding(Padding::new(2, 2, 1, 0));
    let inside = block.inner(outer);
    Clear.render(outer, buffer);
    block.render(outer, buffer);
    inside
}

/// Draws a box with these rows. In a low window the blank rows are left out.
pub(super) fn frame_rows(
    buffer: &mut Buffer,
    area: Rect,
    theme: Theme,
    title: &str,
    width: u16,
    mut rows: Vec<Vec<Span<'_>>>,
) {
    if rows.len() + usize::from(BORDER.1) > usize::from(area.height) {
        rows.retain(|row| !row.is_empty());
    }
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let inside = frame(buffer, area, theme, title, (width, height));
    lines(buffer, inside, rows);
}

/// The two answers of a question, the chosen one in brackets, and the keys. `yes` names the action.
pub(super) fn answers(
    theme: Theme,
    yes: &'static str,
    chosen: YesNo,
    keys: &[(&'static str, &'static str)],
) -> Vec<Span<'static>> {
    let one = |text: &'static str, is_chosen: bool| {
        let (text, ink) = match is_chosen {
            true => (format!("[ {text} ]"), Ink::Lit),
            false => (format!("  {text}  "), Ink::Text),
        };
        [span(theme, ink, text), Span::raw(" ")]
    };
    let mut line: Vec<Span<'_>> = one(text::CANCEL, chosen == YesNo::No).into();
    line.extend(one(yes, chosen == YesNo::Yes));
    for (key, meaning) in keys {
        line.extend([
            span(theme, Ink::Key, format!(" {key}")),
            span(theme, Ink::Dim, format!(" {meaning} ")),
        ]);
    }
    line
}

/// Keys and their meaning, for the last row of a dialog.
pub(super) fn keys(theme: Theme, keys: &[(&'static str, &'static str)]) -> Vec<Span<'static>> {
    let one = |(key, meaning): &(&'static str, &'static str)| {
        [span(theme, Ink::Key, *key), span(theme, Ink::Text, format!(" {meaning}   "))]
    };
    keys.iter().flat_map(one).collect()
}

/// Sentences as rows of that width, at most `max_rows`.
pub(super) fn sentences(
    theme: Theme,
    ink: Ink,
    texts: &[String],
    width: u16,
    max_rows: usize,
) -> Vec<Vec<Span<'static>>> {
    let rows = texts.iter().flat_map(|text| wrap(text, width.into()));
    let mut rows: Vec<Vec<Span<'static>>> = rows.map(|row| vec![span(theme, ink, row)]).collect();
    if rows.len() > max_rows {
        let more = rows.len() + 1 - max_rows;
        rows.truncate(max_rows.saturating_sub(1));
        rows.push(vec![span(theme, Ink::Dim, text::more_lines(more))]);
    }
    rows
}
