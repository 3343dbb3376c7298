//! Drawing that ratatui's widgets do not offer: text that ends in `…` where it is cut, panels whose title carries a note,
//! and facts in order of importance, as many as fit.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Borders, Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget, Widget,
};
use unicode_width::UnicodeWidthStr;

use super::strings::general as text;
use super::theme::{Ink, style};
use super::wrap::{fit, wrap_spans};
use dashboard::ui::appearance::Theme;

/// Columns between two facts of a line.
const GAP: &str = "   ";

/// Text in an ink.
pub(super) fn span<'a>(theme: Theme, ink: Ink, text: impl Into<Cow<'a, str>>) -> Span<'a> {
    let text = text.into();
    // Without colours some inks are reversed, which would turn blanks into a block.
    let ink = if text.trim().is_empty() { Ink::Text } else { ink };
    Span::styled(text, style(theme, ink))
}

/// The number of columns that spans take.
pub(super) fn width(spans: &[Span<'_>]) -> u16 {
    u16::try_from(spans.iter().map(|span| span.content.width()).sum::<usize>()).unwrap_or(u16::MAX)
}

/// Writes spans into a row, from its left end. Spans that do not fit end in `…`. Returns the column after them.
pub(super) fn line(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) -> u16 {
    if row.is_empty() {
        return row.x;
    }
    let spans = if width(&spans) > row.width { cut(spans, row.width.into()) } else { spans };
    buffer.set_line(row.x, row.y, &Line::from(spans), row.width).0
}

/// Writes spans into a row, at its right end.
pub(super) fn line_right(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) {
    let width = width(&spans).min(row.width);
    line(buffer, Rect { x: row.right() - width, width, ..row }, spans);
}

/// Writes each line into a row of the area, from the top.
pub(super) fn lines<'a>(buffer: &mut Buffer, area: Rect, lines: impl IntoIterator<Item = Vec<Span<'a>>>) {
    for (row, spans) in area.rows().zip(lines) {
        line(buffer, row, spans);
    }
}

/// Writes spans into as many rows as they need, with `indent` blanks before all but the first. Text that does not fit into the
/// area ends in `…`. Returns the number of rows.
pub(super) fn wrapped(buffer: &mut Buffer, area: Rect, spans: &[Span<'_>], indent: usize) -> u16 {
    let mut all = wrap_spans(spans, area.width.into(), indent);
    let shown = all.len().min(area.height.into());
    let rest = all.split_off(shown);
    if let Some(last) = all.last_mut() {
        for spans in rest {
            last.push(Span::raw(" "));
            last.extend(spans);
        }
    }
    lines(buffer, area, all);
    // At most the height of the area.
    shown as u16
}

/// Draws entries of several rows each, `newest` first, so that the newest is at the bottom. The topmost may lose its first
/// rows. Fewer entries than fit start at the top.
pub(super) fn entries(
    buffer: &mut Buffer,
    area: Rect,
    newest: impl Iterator<Item = Vec<Vec<Span<'static>>>>,
) {
    let height = usize::from(area.height);
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    for entry in newest {
        if rows.len() >= height {
            break;
        }
        rows.extend(entry.into_iter().rev());
    }
    rows.truncate(height);
    lines(buffer, area, rows.into_iter().rev());
}

/// The number of `all` entries that can be scrolled over: until the oldest are shown in full. `heights` are the rows of each entry, the
/// oldest first.
pub(super) fn max_scroll(rows: u16, all: usize, heights: impl Iterator<Item = usize>) -> usize {
    let mut left = usize::from(rows);
    let mut shown = 0;
    for height in heights {
        if height > left {
            break;
        }
        left -= height;
        shown += 1;
    }
    all.saturating_sub(shown.max(1))
}

/// Cuts spans that are too wide, as [`fit`] cuts their text.
fn cut(spans: Vec<Span<'_>>, room: usize) -> Vec<Span<'_>> {
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let kept = fit(text.trim_end(), room);
    // In one column a letter says more than the sign.
    let Some(kept) = kept.strip_suffix('…').filter(|_| room > 1) else { return spans };
    let mut left = kept.len();
    let mut shown = Vec::new();
    for span in spans {
        if left < span.content.len() {
            shown.push(Span::styled(format!("{}…", &span.content[..left]), span.style));
            break;
        }
        left -= span.content.len();
        shown.push(span);
    }
    shown
}

/// Joins facts with gaps between them: as many from the front as fit into `room` columns.
pub(super) fn joined<'a>(facts: impl IntoIterator<Item = Vec<Span<'a>>>, room: u16) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for fact in facts.into_iter().filter(|fact| !fact.is_empty()) {
        let gap = if spans.is_empty() { 0 } else { GAP.len() as u16 };
        if width(&spans) + gap + width(&fact) > room {
            break;
        }
        if gap > 0 {
            spans.push(Span::raw(GAP));
        }
        spans.extend(fact);
    }
    spans
}

/// Joins facts, as many as fit, and ends in `…` if some do not. The beginning of a long fact is shown where there is room for
/// it: a sentence says something by its beginning, a figure without its unit does not.
pub(super) fn fitted(facts: &[Vec<Span<'static>>], theme: Theme, room: u16) -> Vec<Span<'static>> {
    const LONG_FACT: u16 = 24;
    const SHORTEST_BEGINNING: u16 = 12;
    let whole = joined(facts.iter().cloned(), u16::MAX);
    if width(&whole) <= room {
        return whole;
    }
    let mut shown: Vec<Span<'static>> = Vec::new();
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        let gap = if shown.is_empty() { 0 } else { GAP.len() as u16 };
        let left = room.saturating_sub(width(&shown) + gap);
        let fits = width(fact) + 2 <= left;
        let is_shortened = shown.is_empty() || (width(fact) >= LONG_FACT && left >= SHORTEST_BEGINNING);
        if !fits && !is_shortened {
            break;
        }
        if gap > 0 {
            shown.push(Span::raw(GAP));
        }
        if !fits {
            shown.extend(cut(fact.clone(), left.into()));
            return shown;
        }
        shown.extend(fact.iter().cloned());
    }
    shown.push(span(theme, Ink::Dim, " …"));
    shown
}

/// The columns that a panel's title line leaves for a note.
pub(super) fn note_room(width: u16, title: &str) -> u16 {
    // The lines and blanks around the title and the note.
    width.saturating_sub(u16::try_from(title.width()).unwrap_or(u16::MAX).saturating_add(9))
}

/// Draws the title line of a panel, `── title ──────── note ─`, the note only where it fits. Returns the area below it.
pub(super) fn panel(buffer: &mut Buffer, area: Rect, theme: Theme, title: &str, note: Vec<Span<'_>>) -> Rect {
    let rule = style(theme, Ink::Rule);
    let head = format!(" {title} ");
    let head = fit(&head, usize::from(area.width.saturating_sub(3)));
    let used = 2 + u16::try_from(head.width()).unwrap_or(u16::MAX);
    let mut block = Block::new()
        .borders(Borders::TOP)
        .border_style(rule)
        .title_top(Line::from(vec![Span::styled("──", rule), span(theme, Ink::Title, head)]));
    if !note.is_empty() && used.saturating_add(width(&note) + 3) < area.width {
        let mut spans = vec![Span::raw(" ")];
        spans.extend(note);
        spans.extend([Span::raw(" "), Span::styled("─", rule)]);
        block = block.title_top(Line::from(spans).right_aligned());
    }
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// Marks in the last row of an area how many rows are hidden, if the area is lower than `needed`.
pub(super) fn hidden_rows(buffer: &mut Buffer, area: Rect, theme: Theme, needed: u16) {
    if needed <= area.height || area.is_empty() {
        return;
    }
    let last = row(area, area.height - 1);
    let mark = text::hidden_rows(needed - area.height + 1);
    line(buffer, last, vec![Span::raw(" ".repeat(last.width.into()))]);
    line(buffer, last, vec![span(theme, Ink::Dim, mark)]);
}

/// The scroll position of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scroll {
    /// The rows or entries that are scrolled over; at most `max`.
    pub(super) offset: usize,
    pub(super) max: usize,
}

impl Scroll {
    pub(super) fn new(offset: usize, max: usize) -> Self {
        Self { offset: offset.min(max), max }
    }
}

/// Draws a scrollbar over the right edge of an area: `top` of `max_scroll` rows are hidden above it. Draws nothing if all rows
/// are visible.
pub(super) fn scrollbar(buffer: &mut Buffer, area: Rect, theme: Theme, top: usize, max_scroll: usize) {
    if max_scroll == 0 || area.is_empty() {
        return;
    }
    let mut state =
        ScrollbarState::new(max_scroll + 1).position(top).viewport_content_length(area.height.into());
    Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(Some("│"))
        .thumb_symbol("█")
        .style(style(theme, Ink::Rule))
        .render(area, buffer, &mut state);
}

/// Sets one cell, if it is on the buffer.
pub(super) fn set(buffer: &mut Buffer, x: u16, y: u16, symbol: char, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_char(symbol).set_style(style);
    }
}

/// The row of an area with that index, or an empty one.
pub(super) fn row(area: Rect, index: u16) -> Rect {
    if index < area.height {
        Rect { y: area.y + index, height: 1, ..area }
    } else {
        Rect { height: 0, ..area }
    }
}

/// The area without its first `count` rows.
pub(super) fn below(area: Rect, count: u16) -> Rect {
    let count = count.min(area.height);
    Rect { y: area.y + count, height: area.height - count, ..area }
}

/// The area without its first `count` columns.
pub(super) fn right_of(area: Rect, count: u16) -> Rect {
    let count = count.min(area.width);
    Rect { x: area.x + count, width: area.width - count, ..area }
}

/// The first `height` rows of an area.
pub(super) fn top(area: Rect, height: u16) -> Rect {
    Rect { height: height.min(area.height), ..area }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;

    fn row_text(buffer: &Buffer, y: u16) -> String {
        (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
    }

    #[test]
    fn blanks_are_not_reversed() {
        for (mark, is_reversed) in [("  ", false), ("► ", true)] {
            let style = span(Theme::Mono, Ink::Lit, mark).style;
            assert_eq!(style.add_modifier.contains(Modifier::REVERSED), is_reversed, "{mark:?}");
        }
    }

    #[test]
    fn hidden_rows_are_counted() {
        for (needed, last) in
            [(2, "two"), (3, " ↓ 2 more rows in a taller window"), (9, " ↓ 8 more rows in a taller window")]
        {
            let area = Rect::new(0, 0, 40, 2);
            let mut buffer = Buffer::empty(area);
            line(&mut buffer, row(area, 1), vec![Span::raw("two")]);
            hidden_rows(&mut buffer, area, Theme::Mono, needed);
            assert_eq!(row_text(&buffer, 1).trim_end(), last);
        }
    }

    #[test]
    fn the_first_facts_are_kept_and_a_long_one_is_cut() {
        let facts = ["0/50 accepted", "waits: no pod behind Service producer is ready", "3 failed"]
            .map(|text| vec![Span::raw(text)]);
        for (room, shown) in [
            (80, "0/50 accepted   waits: no pod behind Service producer is ready   3 failed"),
            (70, "0/50 accepted   waits: no pod behind Service producer is ready …"),
            (40, "0/50 accepted   waits: no pod behind …"),
            (24, "0/50 accepted …"),
            (8, "0/50 …"),
        ] {
            let text: String =
                fitted(&facts, Theme::Mono, room).iter().map(|span| span.content.as_ref()).collect();
            assert_eq!(text, shown, "in {room}");
            assert!(text.width() <= room.into(), "in {room}");
        }
    }

    #[test]
    fn cut_text_ends_in_a_sign() {
        for (text, width, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("abc   ", 4, "abc "),
            ("a日本", 4, "a日…"),
            ("ab", 1, "a"),
        ] {
            let area = Rect::new(0, 0, width, 1);
            let mut buffer = Buffer::empty(area);
            line(&mut buffer, area, vec![Span::raw(text)]);
            let mut cells: String = String::new();
            let mut x = 0;
            while x < width {
                let symbol = buffer[(x, 0)].symbol();
                cells.push_str(symbol);
                x += symbol.width().max(1) as u16;
            }
            assert_eq!(cells, shown, "{text} in {width}");
        }
    }

    #[test]
    fn wrapped_text_that_is_too_long_ends_in_a_sign() {
        for (text, size, shown) in [
            ("one two three four five", (10, 2), ["one two", "three …"]),
            ("no pod behind in namespace demo is ready", (13, 2), ["no pod behind", "in namespace…"]),
        ] {
            let area = Rect::new(0, 0, size.0, size.1);
            let mut buffer = Buffer::empty(area);
            assert_eq!(wrapped(&mut buffer, area, &[Span::raw(text)], 0), 2);
            assert_eq!([0, 1].map(|y| row_text(&buffer, y).trim_end().to_owned()), shown);
        }
    }

    #[test]
    fn a_title_line_drops_a_note_that_does_not_fit() {
        for (columns, shown) in [(24, "── Runs ─────── 2 of 3 ─"), (16, "── Runs ────────"), (6, "── R…─")]
        {
            let area = Rect::new(0, 0, columns, 3);
            let mut buffer = Buffer::empty(area);
            let inside = panel(&mut buffer, area, Theme::Mono, "Runs", vec![Span::raw("2 of 3")]);
            assert_eq!(inside, Rect::new(0, 1, columns, 2));
            assert_eq!(row_text(&buffer, 0), shown.chars().take(columns.into()).collect::<String>());
        }
    }
}
