//! Numbers, durations and lines as people read them, and text cut to fit.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::{Ink, style};
use crate::model::Theme;

/// Text in an ink.
pub(super) fn span<'a>(theme: Theme, ink: Ink, text: impl Into<Cow<'a, str>>) -> Span<'a> {
    Span::styled(text, style(theme, ink))
}

/// A whole number with a thin comma at the thousands; from a million on in millions.
pub(super) fn count(value: f64) -> String {
    let rounded = value.round();
    if rounded.abs() >= 1e15 {
        return "huge".to_owned();
    }
    if rounded.abs() >= 1e7 {
        return format!("{:.1}M", value / 1e6);
    }
    let digits = format!("{:.0}", rounded.abs());
    let mut text = String::from(if rounded < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value in milli-units: whole numbers as they are, others with as many digits as they have.
pub(super) fn milli(value: i64) -> String {
    if value % 1_000 == 0 {
        return count(value as f64 / 1_000.0);
    }
    let text = format!("{:.3}", value as f64 / 1_000.0);
    text.trim_end_matches('0').to_owned()
}

/// A duration that is being measured: milliseconds, then tenths of seconds, then minutes.
pub(super) fn measured(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => coarse(duration),
    }
}

/// A duration in the two largest of its units, in whole seconds.
pub(super) fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        6_000..360_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An age in its largest unit, as kubectl shows it: it stands still most of the time.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The text, or its beginning and `…`, so that it fits into `width` columns.
pub(super) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut cut = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// The text, or `…` and its end, so that it fits into `width` columns: pods of one owner differ at the end.
pub(super) fn fit_end(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let tail = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used < width
    });
    let start = tail.last().map_or(text.len(), |(index, _)| index);
    if width > 0 { Cow::Owned(format!("…{}", &text[start..])) } else { Cow::Borrowed("") }
}

/// Columns that spans take.
pub(super) fn width(spans: &[Span<'_>]) -> u16 {
    u16::try_from(spans.iter().map(|span| span.content.width()).sum::<usize>()).unwrap_or(u16::MAX)
}

/// Writes spans into one row from its left end; where they do not fit they end in `…`, so that nothing is cut without a
/// sign. Returns the column after them.
pub(super) fn put(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) -> u16 {
    if row.is_empty() {
        return row.x;
    }
    let is_cut = width(&spans) > row.width && {
        let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
        text.trim_end().width() > usize::from(row.width)
    };
    let end = buffer.set_line(row.x, row.y, &Line::from(spans), row.width).0;
    if is_cut && row.width > 1 {
        let last = row.right() - 1;
        // A wide character fills two cells, and both must go.
        let before = last - 1;
        if buffer.cell((before, row.y)).is_some_and(|cell| cell.symbol().width() > 1)
            && let Some(cell) = buffer.cell_mut((before, row.y))
        {
            cell.set_char(' ');
        }
        if let Some(cell) = buffer.cell_mut((last, row.y)) {
            cell.set_char('…');
        }
    }
    end
}

/// Writes spans into one row at its right end.
pub(super) fn put_right(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) {
    let width = width(&spans).min(row.width);
    put(buffer, Rect { x: row.right() - width, width, ..row }, spans);
}

/// Parts with gaps between them, as many from the front as fit into `room` columns.
pub(super) fn parts<'a>(parts: impl IntoIterator<Item = Vec<Span<'a>>>, room: u16) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let gap = if spans.is_empty() { 0 } else { 3 };
        if width(&spans) + gap + width(&part) > room {
            break;
        }
        if gap > 0 {
            spans.push(Span::raw("   "));
        }
        spans.extend(part);
    }
    spans
}

/// A title line: `── title ──────── note ──`, the note only where there is room.
pub(super) fn rule(buffer: &mut Buffer, row: Rect, theme: Theme, title: &str, note: Vec<Span<'_>>) {
    if row.is_empty() {
        return;
    }
    let line = style(theme, Ink::Rule);
    for x in row.left()..row.right() {
        set(buffer, x, row.y, '─', line);
    }
    let inner = Rect { x: row.x + 2.min(row.width), width: row.width.saturating_sub(3), height: 1, ..row };
    let head = format!(" {title} ");
    let after = put(buffer, inner, vec![span(theme, Ink::Title, fit(&head, inner.width as usize))]);
    let needed = width(&note) + 2;
    if !note.is_empty() && after + needed < inner.right() {
        let mut spans = vec![Span::raw(" ")];
        spans.extend(note);
        spans.push(Span::raw(" "));
        put_right(buffer, inner, spans);
    }
}

/// Sets one cell, if it is on the buffer.
pub(super) fn set(buffer: &mut Buffer, x: u16, y: u16, symbol: char, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_char(symbol).set_style(style);
    }
}

/// The `index`th row of an area; empty when the area has no such row.
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

/// Words in lines of at most `width` columns; a word that is longer is broken.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if width < 2 {
        return lines;
    }
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
            (12_345_678.0, "12.3M"),
            (1e300, "huge"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [(20_000, "20"), (16_667, "16.667"), (500, "0.5"), (1_500_000, "1,500")] {
            assert_eq!(milli(value), text);
        }
    }

    #[test]
    fn durations_have_the_digits_that_matter() {
        let ms = Duration::from_millis;
        for (duration, text) in
            [(ms(41), "41 ms"), (ms(1_340), "1.3 s"), (ms(61_200), "61.2 s"), (ms(125_000), "2m05s")]
        {
            assert_eq!(measured(duration), text);
        }
        for (seconds, text) in [(7, "7 s"), (99, "99 s"), (125, "2m05s"), (7_260, "2h01m"), (900_000, "10d")]
        {
            assert_eq!(coarse(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (900_000, "10d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_a_sign() {
        for (text, width, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("abc   ", 4, "abc "),
            ("a日本", 4, "a日…"),
            ("ab", 1, "a"),
        ] {
            let area = Rect::new(0, 0, width, 1);
            let mut buffer = Buffer::empty(area);
            put(&mut buffer, area, vec![Span::raw(text)]);
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
    fn text_is_cut_by_columns() {
        assert_eq!(fit("hello", 5), "hello");
        assert_eq!(fit("hello", 4), "hel…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("x", 0), "");
        assert_eq!(fit_end("worker-abcde", 6), "…abcde");
        assert_eq!(fit_end("日本語", 5), "…本語");
        assert_eq!(fit_end("日本語", 4), "…語");
        assert_eq!(fit_end("abc", 0), "");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a bcdefghi", 4), ["a", "bcde", "fghi"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }
}
